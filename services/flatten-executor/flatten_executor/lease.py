"""The right to work on one run: held under a fence, confirmed again and again, and never trusted when it is old."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Protocol

import msgspec
from redis.exceptions import RedisError

from contracts import codec
from contracts.base import Event
from flatten_executor.core.ledger import Ledger
from flatten_executor.core.orders import OrderRecord
from runtime.clock import Clock
from runtime.errors import RetryableError

ORDER_FIELD = "order:"
LEDGER_FIELD = "ledger"
STOPPED_FIELD = "stopped"


class LeaseTimes(msgspec.Struct, frozen=True, kw_only=True):
    """How long a lease lives, counted from its last confirmation. `fresh_ms` is the shortest but `renew_ms`."""

    lease_ms: int = 15_000
    """Another executor waits so long before it takes the run over."""
    restart_ms: int = 6_000
    """An executor of the same name waits only so long: most likely it is the same one, started again."""
    fresh_ms: int = 2_000
    """Nothing is sent on a confirmation older than this: whoever took over is surely not sending yet."""
    renew_ms: int = 500


class LeaseLost(RetryableError):
    """Another executor took the run over, or may have: nothing more is sent from here."""


class Journal(Protocol):
    """Where a lease writes."""

    async def write(self, lease: "RunLease", fields: Mapping[str, str], events: Sequence[Event]) -> bool:
        """Write under the lease's fence and extend it; returns whether the fence still holds. Raises RedisError."""
        ...


class RunLease:
    """The right to work on one run, until its fence is passed or its time runs out."""

    def __init__(self, journal: Journal, request_id: str, fence: int, *, times: LeaseTimes, clock: Clock) -> None:
        self.request_id = request_id
        self.fence = fence
        self.records: tuple[OrderRecord, ...] = ()
        self.ledger = Ledger()
        self.stopped = ""
        """Why nothing more may be sent for this run, once and for all. Goes on record with whatever is written next."""
        self._journal = journal
        self._times = times
        self._clock = clock
        self._confirmed_s = float("-inf")
        self._passed = False

    @property
    def silent_s(self) -> float:
        """For how long, at least, nobody had sent anything for this run when the lease began."""
        return max(0, self._times.restart_ms - self._times.fresh_ms) / 1000

    def holds(self) -> bool:
        """Whether this executor surely works on the run, by its own monotonic clock: asked right before sending.

        A process that was paused and wakes up finds its last confirmation too old.
        """
        return not self._passed and self._clock.monotonic_s() < self._confirmed_s + self._times.fresh_ms / 1000

    def require(self) -> None:
        """Raise LeaseLost unless the lease surely holds."""
        if not self.holds():
            raise LeaseLost(f"{self.request_id}: fence {self.fence} no longer holds")

    async def record(
        self, *, orders: Sequence[OrderRecord] = (), ledger: Ledger | None = None, events: Sequence[Event] = ()
    ) -> None:
        """Journal and audit in one script, under the fence; confirms the lease. Raises LeaseLost, RedisError."""
        fields = {f"{ORDER_FIELD}{order.client_order_id}": codec.to_json(order) for order in orders}
        if ledger is not None:
            fields[LEDGER_FIELD] = codec.to_json(ledger)
        if self.stopped:
            fields[STOPPED_FIELD] = self.stopped
        asked_s = self._clock.monotonic_s()
        if not await self._journal.write(self, fields, events):
            self._passed = True
            raise LeaseLost(f"{self.request_id}: another executor passed fence {self.fence}")
        self.confirmed(asked_s)

    def confirmed(self, asked_s: float) -> None:
        """Redis confirmed the fence. Counts from when it was asked: it can only have answered later."""
        self._confirmed_s = max(self._confirmed_s, asked_s)

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Confirm the lease again and again while the run works. A failure shows in `holds`."""
        renewing = asyncio.create_task(self._renew())
        try:
            yield
        finally:
            renewing.cancel()
            with suppress(asyncio.CancelledError):
                await renewing

    async def _renew(self) -> None:
        while not self._passed:
            await self._clock.sleep(self._times.renew_ms / 1000)
            # Redis being away is not the lease being lost: it grows old by itself, and `holds` says so.
            with suppress(RedisError, OSError, LeaseLost):
                await self.record()
