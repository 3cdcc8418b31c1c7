"""One run: from ground truth to verdict, in rounds. Control flow only; what is decided stands in `core`."""

import asyncio
from collections.abc import Coroutine, Sequence

from msgspec import Struct
from msgspec.structs import replace

from contracts.arming import FlattenRequested
from contracts.flattening import FlattenCompleted, RunVerified, Timings
from exchange.model import RestingOrder
from exchange.ports import OrderGateway
from flatten_executor.cancelling import cancel_and_confirm
from flatten_executor.core.filters import Limits, Sieve, Sifted, sift
from flatten_executor.core.outcome import settle
from flatten_executor.core.planning import plan_round
from flatten_executor.ground_truth import GroundTruth, Unreadable, read_ground_truth
from flatten_executor.observe import Observer
from flatten_executor.sending import Sender
from flatten_executor.store import RunLease
from runtime.app import software_version
from runtime.clock import Clock
from runtime.latch import Latch

_PAUSE_BETWEEN_ROUNDS_S = 0.2


class Tools(Struct, frozen=True, kw_only=True):
    """What a run works with."""

    gateway: OrderGateway
    latch: Latch
    clock: Clock
    observer: Observer
    limits: Limits
    run_max_s: float


class Run:
    """One request, brought to its verdict."""

    def __init__(self, request: FlattenRequested, lease: RunLease, tools: Tools) -> None:
        self._request = request
        self._lease = lease
        self._tools = tools
        self._clock = tools.clock
        self._deadline_s = tools.clock.monotonic_s() + tools.run_max_s
        self._started_at_ms = tools.clock.now_ms()
        self._ledger = lease.ledger
        self._sender = Sender(
            lease,
            tools.gateway,
            clock=tools.clock,
            observer=tools.observer,
            halt=self.halt,
            deadline_s=self._deadline_s,
        )
        self._round = max((record.round_number for record in lease.records), default=0)
        self._stopped = ""
        self._notes: dict[str, None] = {}

    async def halt(self) -> str:
        """Why nothing more may be sent: the latch was cleared. Empty while sending is allowed."""
        if not self._stopped:
            latch = await self._tools.latch.read()
            self._stopped = "" if latch.is_set else f"the ESS latch is no longer set: {latch.detail}"
        return self._stopped

    async def execute(self, objections: Sequence[str]) -> FlattenCompleted:
        """Work until nothing is left that may be closed, then say what the exchange shows.

        With `objections` nothing is sent: orders of an earlier attempt are resolved, the exchange is read, and the
        verdict is `aborted`. Raises LeaseLost and RedisError; then the request stays pending.
        """
        self._stopped = "; ".join(objections)
        last_reading: Sieve | None = None
        verified_at_ms: int | None = None
        try:
            while True:
                await self._sender.resolve_lost(tuple(self._sender.records.values()))
                truth = await self._read()
                last_reading = self._sift(truth)
                verified_at_ms = self._clock.now_ms()
                await self._note_reading(truth, last_reading)
                if not await self._work(truth, last_reading):
                    break
                last_reading = None
        except Unreadable as error:
            self._notes[str(error)] = None
            last_reading = None
        return self._completed(last_reading, verified_at_ms)

    async def _read(self) -> GroundTruth:
        truth = await read_ground_truth(self._tools.gateway, self._clock, self._tools.observer, self._deadline_s)
        self._notes.update(dict.fromkeys(truth.notes))
        return truth

    def _sift(self, truth: GroundTruth) -> Sieve:
        return sift(truth.reading, truth.marks, truth.instruments, self._request.arm.scope, self._tools.limits)

    async def _note_reading(self, truth: GroundTruth, sieve: Sieve) -> None:
        self._ledger = self._ledger.after(sieve)
        verified = RunVerified(
            request_id=self._lease.request_id,
            fence=self._lease.fence,
            round_number=self._round,
            rows_seen=sieve.seen,
            still_open=len(sieve.open_in_scope),
            unreadable=len(sieve.unreadable),
            read_started_at_ms=truth.reading.started_at_ms,
        )
        await self._lease.record(ledger=self._ledger, events=[verified])

    async def _work(self, truth: GroundTruth, sieve: Sieve) -> bool:
        """Do one round; returns whether there was anything to do, so that the exchange has to be read again."""
        live = {record.key for record in self._sender.records.values() if record.may_be_live}
        to_close = [sifted for sifted in sieve.to_close if sifted.key not in live]
        resting = [order for order in truth.resting if self._request.arm.scope.covers(order.symbol)]
        if not (to_close or resting) or self._round >= self._tools.limits.max_rounds:
            return False
        allowed = self._tools.limits.max_positions
        if len(sieve.to_close) > allowed and not self._stopped:
            self._stopped = f"{len(sieve.to_close)} positions to close are more than MAX_FLATTEN_SYMBOLS={allowed}"
        if await self.halt():
            return False
        if self._round:
            await self._clock.sleep(_PAUSE_BETWEEN_ROUNDS_S)
        self._round += 1
        blocked = {order.symbol for order in resting}
        free = [sifted for sifted in to_close if sifted.position.symbol not in blocked]
        await _all_of(self._close(free, truth), self._clear_and_close(resting, blocked))
        return True

    async def _close(self, to_close: Sequence[Sifted], truth: GroundTruth) -> None:
        orders = plan_round(to_close, truth.instruments, request_id=self._lease.request_id, round_number=self._round)
        await self._sender.send(orders)

    async def _clear_and_close(self, resting: Sequence[RestingOrder], blocked: set[str]) -> None:
        """Cancel first, confirm, then close what a new reading shows in those symbols."""
        if not resting:
            return
        cancelled = await cancel_and_confirm(
            resting, self._tools.gateway, self._lease, self._clock, self._tools.observer
        )
        self._ledger = replace(self._ledger, resting_cancelled=self._ledger.resting_cancelled + cancelled.gone)
        for order in cancelled.left:
            self._notes[f"resting order {order.order_id} in {order.symbol} could not be cancelled"] = None
        truth = await self._read()
        sieve = self._sift(truth)
        self._ledger = self._ledger.after(sieve)
        await self._lease.record(ledger=self._ledger)
        if await self.halt():
            return
        await self._close([sifted for sifted in sieve.to_close if sifted.position.symbol in blocked], truth)

    def _completed(self, last_reading: Sieve | None, verified_at_ms: int | None) -> FlattenCompleted:
        records = tuple(self._sender.records.values())
        settled = settle(
            self._ledger,
            records,
            last_reading,
            min_notional_usd=self._tools.limits.min_notional_usd,
            abort_reason=self._stopped,
        )
        arm = self._request.arm
        reached = [record for record in records if record.reached_wire]
        return FlattenCompleted(
            request_id=self._request.request_id,
            arm_id=arm.arm_id,
            account=arm.account,
            environment=arm.environment,
            verdict=settled.verdict,
            abort_reason=self._stopped,
            counts=settled.counts,
            outcomes=settled.outcomes,
            residual=settled.residual,
            residual_notional_usd=settled.residual_notional_usd,
            residual_unpriced=settled.residual_unpriced,
            rounds=self._round,
            timings=Timings(
                armed_at_ms=arm.issued_at_ms,
                requested_at_ms=self._request.requested_at_ms,
                started_at_ms=self._started_at_ms,
                first_order_at_ms=min((record.intended_at_ms for record in reached), default=None),
                last_order_at_ms=max((record.ended_at_ms or record.intended_at_ms for record in reached), default=None),
                verified_at_ms=verified_at_ms if last_reading is not None else None,
                finished_at_ms=self._clock.now_ms(),
            ),
            software_version=software_version(),
            notes=tuple(self._notes),
        )


async def _all_of(*works: Coroutine[None, None, None]) -> None:
    """Everything to its end, then the first failure: one part's failure cancels no order of another."""
    for answer in await asyncio.gather(*works, return_exceptions=True):
        if isinstance(answer, BaseException):
            raise answer
