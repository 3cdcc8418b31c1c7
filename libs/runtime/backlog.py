"""What a group has not finished, asked of Redis beside the loop that works on it: a loop that hangs is seen to age."""

import asyncio
from collections.abc import Awaitable, Callable

from redis.asyncio import Redis
from redis.exceptions import RedisError

from runtime.clock import Clock, SystemClock
from runtime.observe import StreamObserver
from runtime.redis_client import raw, wait_for_stop

EVERY_S = 5.0
UNDELIVERED_MAX = 100
"""How many undelivered entries are counted. Redis's own `lag` is not there on 6.2, nor after a deletion."""


class Backlog:
    """Looks every few seconds. Informs only: nothing that Redis answers ends it, and each command has its bound.

    What cannot be read has no number: the last one would look fine, and so would a zero.
    """

    def __init__(
        self,
        *,
        redis: Redis,
        stream_key: str,
        group: str,
        dead_key: str,
        observer: StreamObserver,
        clock: Clock | None = None,
    ) -> None:
        self._redis = redis
        self._stream_key = stream_key
        self._group = group
        self._dead_key = dead_key
        self._observer = observer
        self._clock = clock or SystemClock()

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop`."""
        while not stop.is_set():
            await self.look()
            await wait_for_stop(stop, EVERY_S, self._clock)

    async def look(self) -> None:
        """Once: what is not finished, and how many dead letters there are. One that fails leaves the other."""
        await self._read(self._stream_key, self._unfinished)
        await self._read(self._dead_key, self._dead_letters)

    async def _read(self, stream_key: str, read: Callable[[str], Awaitable[None]]) -> None:
        name = stream_key.rpartition(":stream:")[2]
        try:
            await read(name)
        except (RedisError, OSError) as error:
            self._observer.backlog_unreadable(name, error)

    async def _unfinished(self, name: str) -> None:
        """Pending with any consumer, or delivered to none. By Redis's clock, which is the one that made the ids."""
        seconds, microseconds = await raw(self._redis, "TIME")
        read_at_s = self._clock.monotonic_s()
        last_delivered = await self._last_delivered()
        pending, oldest, *_ = (
            await raw(self._redis, "XPENDING", self._stream_key, self._group) if last_delivered else (0, None)
        )
        undelivered = await raw(
            self._redis, "XRANGE", self._stream_key, f"({last_delivered or '0-0'}", "+", "COUNT", UNDELIVERED_MAX
        )
        times_ms = [_time_ms(entry_id) for entry_id in (oldest, *(row[0] for row in undelivered[:1])) if entry_id]
        if not times_ms:
            self._observer.backlog(name, 0, lambda: 0.0)
            return
        age_s = int(seconds) + int(microseconds) / 1e6 - min(times_ms) / 1000

        def grown_s() -> float:
            """At the time of a scrape, so that it grows while Redis is slow to answer too."""
            return max(0.0, age_s + self._clock.monotonic_s() - read_at_s)

        self._observer.backlog(name, int(pending) + len(undelivered), grown_s)

    async def _last_delivered(self) -> str:
        """Empty while there is no such stream or group: the consumer will make it, at the stream's beginning."""
        if await raw(self._redis, "TYPE", self._stream_key) == b"none":
            return ""
        for flat in await raw(self._redis, "XINFO", "GROUPS", self._stream_key):
            group = dict(zip(flat[::2], flat[1::2], strict=True))
            if group[b"name"].decode() == self._group:
                return str(group[b"last-delivered-id"].decode())
        return ""

    async def _dead_letters(self, name: str) -> None:
        self._observer.dead_letters(name, int(await raw(self._redis, "XLEN", self._dead_key)))


def _time_ms(entry_id: bytes) -> int:
    return int(entry_id.partition(b"-")[0])
