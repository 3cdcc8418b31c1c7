"""Whether the governor could decide an arm right now, beside Redis and the latch: its scripts work here."""

import asyncio
import math

from redis.asyncio import Redis
from redis.exceptions import RedisError

from governor.observe import Observer
from governor.rehearsal import rehearse
from runtime.clock import Clock
from runtime.errors import RetryableError
from runtime.health import OK, Check
from runtime.redis_client import wait_for_stop, wait_until_up

EVERY_S = 1.0


class Vitals:
    """Tries the scripts at the start, and answers /readyz."""

    def __init__(self, *, redis: Redis, observer: Observer, clock: Clock) -> None:
        self._redis = redis
        self._observer = observer
        self._clock = clock
        self._scripts = Check(ok=False, why="not tried yet")

    def snapshot(self) -> Check:
        """How old the snapshot is, for information: the emergency path never waits for the oracle."""
        age_s = self._observer.snapshot_age_s()
        return Check(ok=True, why="no snapshot so far" if math.isinf(age_s) else f"{age_s:.1f} s old")

    def scripts(self) -> Check:
        """Whether the scripts were tried on this Redis, and did what they should."""
        return self._scripts

    async def rehearse(self, namespace: str, consumer_name: str, stop: asyncio.Event) -> None:
        """Try every script before the first arm is read. Raises StartupError when one does not work here."""
        while await wait_until_up(self._redis, stop=stop, clock=self._clock):
            try:
                await rehearse(self._redis, namespace, consumer_name)
            except (RetryableError, RedisError) as error:
                self._scripts = Check(ok=False, why=str(error))
                self._observer.scripts_untried(error)
                await wait_for_stop(stop, EVERY_S, self._clock)
            else:
                self._scripts = OK
                return
