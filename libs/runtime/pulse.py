"""What every deciding service looks at all the time: Redis answers, and the latch can be read."""

import asyncio
from collections.abc import Callable

from redis.asyncio import Redis
from redis.exceptions import RedisError

from runtime.clock import Clock
from runtime.health import OK, Check
from runtime.latch import Latch, LatchState
from runtime.redis_client import raw, wait_for_stop

EVERY_S = 1.0
_NOT_YET = Check(ok=False, why="not looked at yet")


class Pulse:
    """Looks once a second, and answers /readyz from what it saw last."""

    def __init__(self, *, redis: Redis, latch: Latch, clock: Clock, on_latch: Callable[[LatchState], None]) -> None:
        self._redis = redis
        self._latch = latch
        self._clock = clock
        self._on_latch = on_latch
        self._redis_check = _NOT_YET
        self._latch_check = _NOT_YET

    def redis(self) -> Check:
        """Whether Redis answered the last look."""
        return self._redis_check

    def latch(self) -> Check:
        """Whether the latch could be read: one that cannot counts as not set."""
        return self._latch_check

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop`; `on_latch` is told each time."""
        while not stop.is_set():
            self._redis_check = await self._ping()
            state = await self._latch.read()
            self._latch_check = OK if state.readable else Check(ok=False, why=state.detail)
            self._on_latch(state)
            await wait_for_stop(stop, EVERY_S, self._clock)

    async def _ping(self) -> Check:
        try:
            await raw(self._redis, "PING")
        except (RedisError, OSError) as error:
            return Check(ok=False, why=f"Redis does not answer: {type(error).__name__}")
        return OK
