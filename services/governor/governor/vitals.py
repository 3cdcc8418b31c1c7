"""Whether the governor could decide an arm right now: Redis answers, the latch can be read, the scripts work."""

import asyncio
import math

from redis.asyncio import Redis
from redis.exceptions import RedisError

from governor.observe import Observer
from governor.rehearsal import rehearse
from runtime.clock import Clock
from runtime.errors import RetryableError
from runtime.health import OK, Check
from runtime.latch import Latch, LatchState
from runtime.redis_client import raw, wait_for_stop, wait_until_up

EVERY_S = 1.0
LATCH_TIMEOUT_S = 2.0


async def look_at(latch: Latch) -> LatchState:
    """The latch's state. A look that takes too long (a hanging mount) is a latch that cannot be read."""
    try:
        async with asyncio.timeout(LATCH_TIMEOUT_S):
            return await latch.read()
    except TimeoutError:
        detail = f"{latch.where} cannot be read: no answer in {LATCH_TIMEOUT_S:g} s"
        return LatchState(is_set=False, readable=False, detail=detail)


class Vitals:
    """Looks once a second, and answers /readyz from what it saw last."""

    def __init__(self, *, redis: Redis, latch: Latch, observer: Observer, clock: Clock) -> None:
        self._redis = redis
        self._latch = latch
        self._observer = observer
        self._clock = clock
        self._answers = {name: Check(ok=False, why="not looked at yet") for name in ("redis", "latch", "scripts")}

    def redis(self) -> Check:
        """Whether Redis answered the last look."""
        return self._answers["redis"]

    def latch(self) -> Check:
        """Whether the latch could be read: one that cannot refuses every arm."""
        return self._answers["latch"]

    def snapshot(self) -> Check:
        """How old the snapshot is, for information: the emergency path never waits for the oracle."""
        age_s = self._observer.snapshot_age_s()
        return Check(ok=True, why="no snapshot so far" if math.isinf(age_s) else f"{age_s:.1f} s old")

    def scripts(self) -> Check:
        """Whether the scripts were tried on this Redis, and did what they should."""
        return self._answers["scripts"]

    async def rehearse(self, namespace: str, consumer_name: str, stop: asyncio.Event) -> None:
        """Try every script before the first arm is read. Raises StartupError when one does not work here."""
        while await wait_until_up(self._redis, stop=stop, clock=self._clock):
            try:
                await rehearse(self._redis, namespace, consumer_name)
            except (RetryableError, RedisError) as error:
                self._answers["scripts"] = Check(ok=False, why=str(error))
                self._observer.scripts_untried(error)
                await wait_for_stop(stop, EVERY_S, self._clock)
            else:
                self._answers["scripts"] = OK
                return

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop`."""
        while not stop.is_set():
            self._answers["redis"] = await self._ping()
            state = await look_at(self._latch)
            self._answers["latch"] = OK if state.readable else Check(ok=False, why=state.detail)
            self._observer.latch_seen(state)
            await wait_for_stop(stop, EVERY_S, self._clock)

    async def _ping(self) -> Check:
        try:
            await raw(self._redis, "PING")
        except (RedisError, OSError) as error:
            return Check(ok=False, why=f"Redis does not answer: {type(error).__name__}")
        return OK
