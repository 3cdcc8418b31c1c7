"""One run: from ground truth to verdict, in rounds. Control flow only; what is decided stands in `core`."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from closing.filters import Bucket, Limits, PositionKey, Sieve, Sifted, beyond_limit, sift
from closing.planning import plan_round
from contracts.arming import FlattenRequested
from contracts.flattening import FlattenCompleted, RunVerified
from exchange.errors import ExchangeError
from exchange.model import PositionMode, RestingOrder
from exchange.ports import OrderGateway
from flatten_executor.cancelling import cancel_and_confirm, cancel_unseen
from flatten_executor.concurrency import all_of
from flatten_executor.core.outcome import rows_unshown, rules_unread, settle
from flatten_executor.ground_truth import GroundTruth, TruthReader, Unreadable
from flatten_executor.lease import RunLease
from flatten_executor.observe import Observer
from flatten_executor.permit import Permit
from flatten_executor.report import report
from flatten_executor.rounds import Rounds
from flatten_executor.sending import Patience, Sender
from runtime.clock import Clock
from runtime.latch import Latch


class Tools(Struct, frozen=True, kw_only=True):
    """What a run works with."""

    gateway: OrderGateway
    latch: Latch
    clock: Clock
    observer: Observer
    limits: Limits
    run_max_s: float
    patience: Patience


class Run:
    """One request, brought to its verdict."""

    def __init__(self, request: FlattenRequested, lease: RunLease, permit: Permit, tools: Tools) -> None:
        self._request = request
        self._lease = lease
        self._permit = permit
        self._tools = tools
        self._clock = tools.clock
        self._deadline_s = tools.clock.monotonic_s() + tools.run_max_s
        self._started_at_ms = tools.clock.now_ms()
        self._ledger = lease.ledger
        self._reader = TruthReader(tools.gateway, tools.clock, tools.observer, permit)
        self._sender = Sender(
            lease,
            tools.gateway,
            permit,
            clock=tools.clock,
            observer=tools.observer,
            patience=tools.patience,
            deadline_s=self._deadline_s,
        )
        self._rounds = Rounds(self._sender.records, tools.limits.max_rounds, tools.patience)
        self._looked_again = 0
        """Readings since the last round that were taken only because the one before was not whole."""
        self._last_truth: GroundTruth | None = None
        self._seems_done = False
        """Whether a reading showed nothing to do, that was not taken in the order which proves it."""
        self._looked_up_last = self._renewed = False
        self._limit_broken = ""
        self._mode: PositionMode | None = None
        self._notes: dict[str, None] = {}

    @property
    def is_quiet(self) -> bool:
        """Whether nothing of this run is on its way to the exchange, as far as anybody can know."""
        return not self._live()

    async def execute(self) -> FlattenCompleted:
        """Work until nothing is left that may be closed, then say what the exchange shows.

        When the request was refused nothing is sent: orders of an earlier attempt are resolved, the exchange is read,
        and the verdict is `aborted`. Raises LeaseLost and RedisError; then the request stays pending.
        """
        last_reading: Sieve | None = None
        verified_at_ms: int | None = None
        left_to_do = True
        try:
            async with self._permit.watched():
                while True:
                    await self._sender.look_up_once()
                    # The first reading is for acting on, at once; later ones mostly show that nothing is left.
                    truth = await self._read(in_order=self._seems_done or self._rounds.number > 0)
                    last_reading = self._sift(truth)
                    verified_at_ms = self._clock.now_ms()
                    await self._note_reading(truth, last_reading)
                    left_to_do = bool(last_reading.to_close or self._resting(truth))
                    if not await self._work(truth, last_reading):
                        break
                    last_reading = None
        except Unreadable as error:
            self._notes[str(error)] = None
            last_reading = None
        return self._completed(last_reading, verified_at_ms, self._abort_reason(left_to_do=left_to_do))

    def _abort_reason(self, *, left_to_do: bool) -> str:
        """Why the run was cut short. A stop that came when nothing was left to do has stopped nothing."""
        if self._limit_broken:
            return self._limit_broken
        if self._permit.reason and not (self._permit.refused or left_to_do):
            self._notes[f"asked to stop when nothing was left to do: {self._permit.reason}"] = None
            return ""
        return self._permit.reason

    def _may_not_go_on(self) -> str:
        """Why no more may be closed; empty while it may."""
        to_close = self._ledger.keys_in((Bucket.TO_CLOSE,))
        self._limit_broken = self._limit_broken or beyond_limit(to_close, self._tools.limits.max_positions)
        return self._limit_broken

    async def _read(self, *, in_order: bool) -> GroundTruth:
        truth = await self._reader.read(self._deadline_s, in_order=in_order)
        self._last_truth = truth
        if truth.listings.unreadable:
            self._notes[rules_unread(truth.listings.unreadable)] = None
        self._notes.update(dict.fromkeys(filter(None, (truth.resting_trouble, truth.mode_trouble))))
        if self._mode not in (None, truth.mode):
            self._notes[f"the position mode changed from {self._mode} to {truth.mode} during the run"] = None
        self._mode = truth.mode
        return truth

    def _sift(self, truth: GroundTruth) -> Sieve:
        shown_before = self._tools.gateway.symbols_shown & truth.listings.symbols
        return sift(
            truth.reading,
            truth.marks,
            truth.listings,
            self._request.arm.scope,
            self._tools.limits,
            mode=truth.mode,
            known=[*(entry.key.symbol for entry in self._ledger.entries), *shown_before],
        )

    async def _note_reading(self, truth: GroundTruth, sieve: Sieve) -> None:
        self._ledger = self._ledger.after(sieve)
        verified = RunVerified(
            request_id=self._lease.request_id,
            fence=self._lease.fence,
            round_number=self._rounds.number,
            rows_seen=sieve.seen,
            still_open=len(sieve.open_in_scope),
            unreadable=len(sieve.unreadable),
            read_started_at_ms=truth.reading.started_at_ms,
        )
        await self._lease.record(ledger=self._ledger, events=[verified])

    async def _work(self, truth: GroundTruth, sieve: Sieve) -> bool:
        """Do what there is to do; returns whether the exchange has to be read again."""
        live, resting = self._live(), self._resting(truth)
        to_close = [sifted for sifted in sieve.to_close if sifted.key not in live]
        idle = not (to_close or resting or live)
        if (sieve.missing or idle) and await self._may_look_again(sieve):
            return True
        if idle:
            was_in_order, self._seems_done = truth.in_order, True
            return await self._renew_rules(sieve) or not was_in_order
        if self._clock.monotonic_s() >= self._deadline_s:
            return False
        if await self._permit.look() or self._may_not_go_on():
            return await self._looks_up_last(live)
        if self._rounds.broke_rules and await self._renew_rules(sieve):
            return True
        to_close, resting = self._rounds.worth_a_try(to_close, resting)
        if to_close or resting:
            await self._do_round(to_close, resting, truth, sieve)
        elif live:  # looking lost orders up again is all that can be done
            await self._permit.sleep(self._rounds.pause_s)
            self._rounds.was_fruitless()
        return bool(to_close or resting or live)

    async def _do_round(
        self, to_close: Sequence[Sifted], resting: Sequence[RestingOrder], truth: GroundTruth, sieve: Sieve
    ) -> None:
        """Close and cancel once."""
        if self._rounds.number:
            await self._permit.sleep(self._rounds.pause_s)
        self._looked_again = 0
        blocked = {order.symbol for order in resting}
        with self._rounds.next(blocked):
            free = [sifted for sifted in to_close if sifted.position.symbol not in blocked]
            await all_of(self._close(free, truth), self._clear_and_close(resting, blocked), self._renew_rules(sieve))

    async def _renew_rules(self, sieve: Sieve) -> bool:
        """Once in a run, where rules that are minutes old may keep a position open; whether they were read."""
        kept = [sifted for bucket in (Bucket.UNTRADABLE, Bucket.BELOW_STEP) for sifted in sieve.in_bucket(bucket)]
        if self._renewed or not (kept or self._rounds.broke_rules) or self._permit.reason:
            return False
        self._renewed = True
        try:
            await self._tools.gateway.renew_instruments()
        except ExchangeError as error:
            self._tools.observer.reading_failed("instruments", error)
        return True

    async def _looks_up_last(self, live: set[PositionKey]) -> bool:
        """Nothing more is sent: find out, once, what became of what may be live; whether that was done."""
        if self._looked_up_last or not live:
            return False
        self._looked_up_last = True
        await self._sender.look_up_last()
        return True

    async def _may_look_again(self, sieve: Sieve) -> bool:
        """Whether a reading from which something can hide is worth another one, and wait for it.

        Before the first order for rows that are missing: how many there are to close is not known yet. After the last
        one for unreadable rows too: most such troubles pass.
        """
        pauses_s = self._tools.patience.looks_again_s
        if sieve.whole or self._permit.reason or self._looked_again >= len(pauses_s):
            return False
        pause_s = pauses_s[self._looked_again]
        if self._clock.monotonic_s() + pause_s >= self._deadline_s:
            return False
        self._looked_again += 1
        await self._permit.sleep(pause_s)
        return True

    def _live(self) -> set[PositionKey]:
        """Positions with an order of which nobody knows what became: nothing new is sent for them (I7)."""
        return {record.key for record in self._sender.records.values() if record.may_be_live}

    def _resting(self, truth: GroundTruth) -> list[RestingOrder]:
        return [order for order in truth.resting if self._request.arm.scope.covers(order.symbol)]

    async def _close(self, to_close: Sequence[Sifted], truth: GroundTruth) -> None:
        if truth.resting_trouble:
            symbols = {sifted.position.symbol for sifted in to_close}
            await cancel_unseen(symbols, self._tools.gateway, self._lease, self._permit, self._tools.observer)
        orders = plan_round(
            to_close,
            truth.listings.instruments,
            request_id=self._lease.request_id,
            round_number=self._rounds.number,
            at_band={record.key for record in self._sender.records.values() if record.outside_band},
        )
        await self._sender.send(orders)

    async def _clear_and_close(self, resting: Sequence[RestingOrder], blocked: set[str]) -> None:
        """Cancel first, confirm, then close what a new reading shows in those symbols."""
        if not resting:
            return
        gone = await cancel_and_confirm(
            resting,
            self._tools.gateway,
            self._lease,
            self._permit,
            clock=self._clock,
            observer=self._tools.observer,
            deadline_s=self._deadline_s,
        )
        self._ledger = replace(self._ledger, resting_cancelled=self._ledger.resting_cancelled + gone)
        if self._permit.reason:
            return
        truth = await self._read(in_order=False)
        sieve = self._sift(truth)
        self._ledger = self._ledger.after(sieve)
        await self._lease.record(ledger=self._ledger)
        if self._may_not_go_on() or await self._permit.look():
            return
        live = self._live()
        cleared = (sifted for sifted in sieve.to_close if sifted.position.symbol in blocked)
        await self._close([sifted for sifted in cleared if sifted.key not in live], truth)

    def _completed(self, last_reading: Sieve | None, verified_at_ms: int | None, abort_reason: str) -> FlattenCompleted:
        if last_reading is not None and last_reading.unshown:
            self._notes[rows_unshown(last_reading.unshown)] = None
        records = tuple(self._sender.records.values())
        truth = self._last_truth
        resting = self._resting(truth) if truth is not None else []
        settled = settle(
            self._ledger,
            records,
            last_reading,
            abort_reason=abort_reason,
            may_reopen=(truth is not None and truth.may_hide) or any(not order.reduce_only for order in resting),
            in_order=truth is not None and truth.in_order,
        )
        return report(
            self._request,
            settled,
            records,
            resting,
            abort_reason=abort_reason,
            rounds=self._rounds.number,
            started_at_ms=self._started_at_ms,
            verified_at_ms=verified_at_ms if last_reading is not None else None,
            finished_at_ms=self._clock.now_ms(),
            notes=self._notes,
        )
