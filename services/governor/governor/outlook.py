"""Looks every second at what the next arm would meet, so that nobody needs an arm to find out.

It informs. Arms are judged by a look of their own, and wait for none of this.
"""

import asyncio

from governor.core.case import LatchSeen, Seen, Standing, StoreSeen
from governor.core.outlook import Outlook, look_out
from governor.observe import Observer
from governor.store import ArmStore
from runtime.clock import Clock
from runtime.errors import RetryableError
from runtime.latch import Latch
from runtime.redis_client import wait_for_stop

EVERY_S = 1.0
NO_ARM = ""
"""No arm has this id: nothing is on record about it."""


class OutlookWatch:
    """The gates as they stand, for dashboards."""

    def __init__(self, *, store: ArmStore, latch: Latch, standing: Standing, observer: Observer, clock: Clock) -> None:
        self._store = store
        self._latch = latch
        self._standing = standing
        self._observer = observer
        self._clock = clock
        self._newest: Outlook | None = None

    def newest(self) -> Outlook | None:
        """What the last look showed; nothing before the first."""
        return self._newest

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop`. While Redis does not answer, the gates that rest on it refuse, as they would an arm."""
        while not stop.is_set():
            store = await self._seen()
            state = await self._latch.read()
            latch = LatchSeen(is_set=state.is_set, readable=state.readable, detail=state.detail)
            self._newest = look_out(self._standing, latch, store)
            self._observer.outlook(self._newest)
            await wait_for_stop(stop, EVERY_S, self._clock)

    async def _seen(self) -> StoreSeen:
        try:
            return await self._store.look(NO_ARM)
        except RetryableError as error:
            unread = Seen(problem=str(error))
            return StoreSeen(now_ms=self._clock.now_ms(), armed=unread, fired=unread, last_ts=unread, active=unread)
