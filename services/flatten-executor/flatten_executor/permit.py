"""Whether a run may go on sending: the latch is set, no operator has aborted it, and the lease holds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from flatten_executor.aborts import Aborts
from flatten_executor.lease import RunLease
from runtime.clock import Clock
from runtime.latch import Latch
from runtime.redis_client import wait_for_stop

LOOK_EVERY_S = 0.1


class Permit:
    """Looks at latch and aborts, and answers at once for what it saw last. Once refused, it stays refused."""

    def __init__(self, lease: RunLease, latch: Latch, aborts: Aborts, clock: Clock, *, objections: str) -> None:
        self.reason = objections
        """Why nothing more may be sent; empty while sending is allowed."""
        self.refused = bool(objections)
        """Whether the request was never to be sent for."""
        self._lease = lease
        self._latch = latch
        self._aborts = aborts
        self._clock = clock
        self._stopped = asyncio.Event()

    def may_send(self) -> bool:
        """Without waiting for anything: for the moment before orders leave."""
        return not self.reason and self._lease.holds()

    async def look(self) -> str:
        """Look now; returns why nothing more may be sent, or nothing."""
        if not self.reason:
            latch, abort = await asyncio.gather(self._latch.read(), self._aborts.look())
            if abort is not None:
                self._stop(f"{abort.operator} asked to abort: {abort.reason}")
            elif not latch.is_set:
                self._stop(f"the ESS latch is no longer set: {latch.detail}")
        return self.reason

    async def sleep(self, seconds: float) -> None:
        """Sleep, but no longer than until sending is forbidden."""
        if not self.reason:
            await wait_for_stop(self._stopped, seconds, self._clock)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Look again and again while the block runs, so that orders which wait or retry are stopped too."""
        ended = asyncio.Event()
        watching = asyncio.create_task(self._watch(ended))
        try:
            yield
        finally:
            ended.set()
            await watching

    async def _watch(self, ended: asyncio.Event) -> None:
        while not self.reason and not await wait_for_stop(ended, LOOK_EVERY_S, self._clock):
            await self.look()

    def _stop(self, reason: str) -> None:
        self.reason = reason
        self._stopped.set()
