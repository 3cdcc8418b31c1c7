"""Whether a run may go on sending: the latch is set, no operator has aborted it, and the lease holds."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from flatten_executor.aborts import Aborts
from flatten_executor.concurrency import all_of
from flatten_executor.lease import RunLease
from flatten_executor.observe import Observer
from runtime.clock import Clock
from runtime.latch import Latch, LatchState
from runtime.redis_client import wait_for_stop

LOOK_EVERY_S = 0.1
LATCH_FRESH_S = 0.5
"""How old the last look that showed the latch set may be for an order to leave."""
LATCH_PATIENCE_S = 5.0
"""How long a latch that cannot be read only pauses sending. Then it counts as not set, as everywhere."""


async def read_patiently(latch: Latch, clock: Clock, observer: Observer) -> LatchState:
    """The latch once it can be read; after `LATCH_PATIENCE_S` as it is."""
    state = await latch.read()
    if not state.readable:
        observer.waiting_for_latch(state.detail)
    until_s = clock.monotonic_s() + LATCH_PATIENCE_S
    while not state.readable and clock.monotonic_s() < until_s:
        await clock.sleep(LOOK_EVERY_S)
        state = await latch.read()
    return state


class Permit:
    """Looks at latch and aborts, and answers at once for what it saw last. Once refused, it stays refused.

    It stays so for whoever resumes the run, too: the reason goes on record with the lease.
    A latch that cannot be read for a moment pauses sending and ends nothing: a file system that stutters is no word of
    an operator.
    """

    def __init__(
        self, lease: RunLease, latch: Latch, aborts: Aborts, clock: Clock, observer: Observer, *, objections: str
    ) -> None:
        self.reason = objections or lease.stopped
        """Why nothing more may be sent; empty while sending is allowed."""
        lease.stopped = self.reason
        self.refused = bool(self.reason) and not lease.records
        """Whether nothing was ever to be sent for the request."""
        self._lease = lease
        self._latch = latch
        self._aborts = aborts
        self._clock = clock
        self._observer = observer
        self._stopped = asyncio.Event()
        self._seen_set_s: float | None = None
        """When the last look that showed the latch set was asked for, monotonic."""
        self._unreadable_since_s: float | None = None

    def may_send(self) -> bool:
        """Without waiting for anything: for the moment before orders leave. A look that takes long pauses sending."""
        if self.reason or self._unreadable_since_s is not None or self._seen_set_s is None:
            return False
        return self._clock.monotonic_s() - self._seen_set_s <= LATCH_FRESH_S and self._lease.holds()

    async def look(self) -> str:
        """Look now; returns why nothing more may be sent, or nothing. Waits while the latch cannot be read."""
        await asyncio.gather(self._look_at_latch(), self._look_for_abort())
        while self._unreadable_since_s is not None and not self.reason:
            await self._clock.sleep(LOOK_EVERY_S)
            await self._look_at_latch()
        return self.reason

    async def _look_at_latch(self) -> None:
        if self.reason:
            return
        asked_s = self._clock.monotonic_s()
        latch = await self._latch.read()
        if latch.is_set:
            if self._unreadable_since_s is not None:
                self._observer.going_on(self._lease.request_id)
            self._unreadable_since_s, self._seen_set_s = None, asked_s
        elif latch.readable:
            self._stop(f"the ESS latch is no longer set: {latch.detail}")
        else:
            self._blind(latch.detail)

    def _blind(self, detail: str) -> None:
        now_s = self._clock.monotonic_s()
        if self._unreadable_since_s is None:
            self._unreadable_since_s = now_s
            self._observer.pausing(self._lease.request_id, detail)
        if now_s - self._unreadable_since_s >= LATCH_PATIENCE_S:
            self._stop(f"the ESS latch could not be read for {LATCH_PATIENCE_S:g} s: {detail}")

    async def _look_for_abort(self) -> None:
        if self.reason:
            return
        abort = await self._aborts.look()
        if abort is not None:
            self._stop(f"{abort.operator} asked to abort: {abort.reason}")

    async def sleep(self, seconds: float) -> None:
        """Sleep, but no longer than until sending is forbidden."""
        if not self.reason:
            await wait_for_stop(self._stopped, seconds, self._clock)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Look again and again while the block runs, so that orders which wait or retry are stopped too.

        Latch and aborts each at their own pace: a Redis that hangs must not hide that the latch was cleared.
        """
        ended = asyncio.Event()
        looks = (self._look_at_latch, self._look_for_abort)
        watching = [asyncio.create_task(self._watch(look, ended)) for look in looks]
        try:
            yield
        finally:
            ended.set()
            await all_of(*watching)

    async def _watch(self, look: Callable[[], Awaitable[None]], ended: asyncio.Event) -> None:
        while not self.reason and not await wait_for_stop(ended, LOOK_EVERY_S, self._clock):
            await look()

    def _stop(self, reason: str) -> None:
        if self.reason:
            return
        self.reason = self._lease.stopped = reason
        self._stopped.set()
        self._observer.stopping(self._lease.request_id, reason)
