"""Heartbeats: what a consumer has read stays its own while it is handled, one entry after the other."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from redis.exceptions import RedisError

from runtime.clock import Clock
from runtime.group import Group, is_group_gone
from runtime.observe import StreamObserver
from runtime.redis_client import is_transient


class Held:
    """A batch in hand: the entry that is being handled, and those that wait behind it."""

    def __init__(self, entry_ids: Sequence[str]) -> None:
        self._ids = list(entry_ids)
        self._taken_over: set[str] = set()

    def take(self, entry_id: str) -> bool:
        """Turn to this entry: those before it are done. False when another consumer has taken it over."""
        del self._ids[: self._ids.index(entry_id)]
        return entry_id not in self._taken_over

    def in_hand(self) -> list[str]:
        """The entry that is being handled, and what waits behind it and is still ours."""
        return [self._ids[0], *(entry_id for entry_id in self._ids[1:] if entry_id not in self._taken_over)]

    def lose(self, asked: Sequence[str], lost: set[str]) -> set[str]:
        """Note what a beat did not find with us; returns what is news.

        An entry may have been handled since it was asked about: then it was we who acknowledged it. Of one that is
        being handled now, and was not then, only the next beat can tell.
        """
        unsure = {self._ids[0]} - {asked[0]}
        news = (lost & set(self._ids)) - unsure - self._taken_over
        self._taken_over |= news
        return news


class Heartbeat:
    """Holds batches of one consumer: at a third of the idle limit, so that nobody claims what is in hand."""

    def __init__(
        self, *, group: Group, every_s: float, clock: Clock, observer: StreamObserver, progress: Callable[[], None]
    ) -> None:
        self._group = group
        self._every_s = every_s
        self._clock = clock
        self._observer = observer
        self._progress = progress
        self._name = group.stream_key.rpartition(":stream:")[2]

    @asynccontextmanager
    async def holding(self, entry_ids: Sequence[str]) -> AsyncIterator[Callable[[str], bool]]:
        """Keep them ours while the block runs; gives `Held.take`, to call before each entry.

        Redis away is survived; any other error of the heartbeat comes out, at the next entry or at the end.
        """
        held, ended = Held(entry_ids), asyncio.Event()
        beating = asyncio.create_task(self._beat(held, ended))

        def take(entry_id: str) -> bool:
            if beating.done():
                beating.result()
            return held.take(entry_id)

        try:
            yield take
        finally:
            ended.set()
            beating.cancel()
            await asyncio.wait((beating,))
            failure = None if beating.cancelled() else beating.exception()
        if failure is not None:
            raise failure

    async def _beat(self, held: Held, ended: asyncio.Event) -> None:
        while not ended.is_set():
            await self._clock.sleep(self._every_s)
            asked = held.in_hand()
            try:
                lost = await self._group.hold(asked)
            except RedisError as error:
                if not (is_transient(error) or is_group_gone(error)):
                    raise
                self._observer.heartbeat_failed(self._name, error)
                continue
            self._progress()
            news = held.lose(asked, lost)
            if news and not ended.is_set():
                self._observer.taken_over(self._name, sorted(news))
