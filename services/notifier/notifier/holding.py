"""One of several notifiers tells; the others stand by, and one takes over when it is silent."""

import asyncio
import contextlib

from redis.exceptions import RedisError

from notifier.observe import Observer
from notifier.store import Store
from runtime.clock import Clock
from runtime.health import OK, Check
from runtime.redis_client import wait_for_stop

HOLD_MS = 15_000
EVERY_S = 3.0
_TRUSTED_S = 10.0
"""So long after it was confirmed it is still ours for sure."""


class Holding:
    """Whether we are the one that tells."""

    def __init__(self, store: Store, clock: Clock, observer: Observer) -> None:
        self._store = store
        self._clock = clock
        self._observer = observer
        self._until_s = clock.monotonic_s()
        self._check = Check(ok=False, why="Redis was not asked yet")

    @property
    def ours(self) -> bool:
        """Whether we may send now."""
        return self._clock.monotonic_s() < self._until_s

    def check(self) -> Check:
        """For /readyz: Redis answers. Standing by is ready."""
        return self._check

    async def run(self, stop: asyncio.Event) -> None:
        """Hold it until `stop`, and let go then."""
        while not stop.is_set():
            await self._hold()
            await wait_for_stop(stop, EVERY_S, self._clock)

    async def let_go(self) -> None:
        """When nothing is sent any more."""
        if self.ours:
            self._until_s = self._clock.monotonic_s()
            with contextlib.suppress(RedisError, OSError):  # it ends by itself as well
                await self._store.let_go()

    async def _hold(self) -> None:
        asked_s = self._clock.monotonic_s()
        try:
            other = await self._store.hold(HOLD_MS)
        except (RedisError, OSError) as error:
            self._check = Check(ok=False, why=f"Redis does not answer, or refuses: {type(error).__name__}")
            self._observer.redis_failed(error)
            return
        self._observer.redis_works()
        self._until_s = asked_s if other else asked_s + _TRUSTED_S
        self._check = Check(ok=True, why=f"stands by: {other.partition(' ')[0]} tells") if other else OK
        self._observer.holds(other.partition(" ")[0])
