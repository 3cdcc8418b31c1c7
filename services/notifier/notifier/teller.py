"""One address is told: what came since its place, one message after the other, and its place moves on.

Everything that waits stays in Redis. Each message is planned anew, so that what a service did not take joins what came
meanwhile, and nothing piles up here.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

from msgspec.structs import replace
from redis.exceptions import RedisError

from notifier.core.pace import Pace
from notifier.core.planning import Page, Telling, covering, expired, in_order, next_telling
from notifier.holding import Holding
from notifier.observe import Observer, masked
from notifier.store import STREAMS, Store
from notifier.targets import Target
from runtime.clock import Clock
from runtime.health import OK, Check
from runtime.redis_client import wait_for_stop

EVERY_S = 0.5
RETRY_BASE_S = 1.0
RETRY_CAP_S = 60.0
STOP_S = 3.0
"""How long a stop waits for a message that is on its way. It is told again otherwise."""


class Teller:
    """Tells one address. It neither waits for another one nor holds one up."""

    def __init__(self, *, target: Target, store: Store, holding: Holding, clock: Clock, observer: Observer) -> None:
        self._target = target
        self._name = target.name
        self._store = store
        self._holding = holding
        self._clock = clock
        self._observer = observer
        self._pace = Pace(clock.monotonic_s())
        self._row = 0
        """Failures in a row."""
        self._why = ""
        self._unread: dict[str, str] = {}

    def address(self) -> Check:
        """For /readyz: whether its service took the last message."""
        return Check(ok=False, why=f"address {self._name} cannot be told: {self._why}") if self._why else OK

    def streams(self) -> Check:
        """For /readyz: whether every stream can be read."""
        return Check.unless("; ".join(f"{stream} cannot be read: {why}" for stream, why in self._unread.items()))

    async def run(self, stop: asyncio.Event) -> None:
        """Tell until `stop`. Nothing that Redis or a service says ends it."""
        while not stop.is_set():
            wait_s = EVERY_S
            if self._holding.ours:
                try:
                    wait_s = await self._round(stop)
                except (RedisError, OSError) as error:
                    self._observer.redis_failed(error)
            if wait_s:
                await wait_for_stop(stop, wait_s, self._clock)

    async def _round(self, stop: asyncio.Event) -> float:
        """Read, and tell what is due. Returns how long to wait before the next one."""
        places = await self._store.places(self._name)
        pages = await self._read(places)
        if old := expired(in_order(pages), self._clock.now_ms()):
            if await self._move(covering(pages, old), places):
                self._observer.expired(self._name, [item.note.headline for item in old])
            return 0.0
        items = in_order(pages)
        self._observer.waiting(self._name, len(items))
        if not items:
            await self._move(covering(pages, ()), places)
            return EVERY_S
        if wait_s := self._pace.wait_s(self._clock.monotonic_s()):
            return min(wait_s, EVERY_S)
        telling = next_telling(items, self._clock.now_ms())
        if await self._tell(telling, stop):
            if not await self._move(covering(pages, telling.items), places):
                self._observer.overtaken(self._name)
            return 0.0
        return self._delay_s()

    async def _read(self, places: dict[str, str]) -> dict[str, Page]:
        """What came since, of every stream that can be read."""
        pages = {}
        for stream in STREAMS:
            try:
                pages[stream] = await self._read_one(stream, places.get(stream, ""))
            except (RedisError, OSError) as error:
                self._unread[stream] = type(error).__name__
                self._observer.stream_failed(self._name, stream, error)
            else:
                self._unread.pop(stream, None)
                self._observer.stream_works(self._name, stream)
        return pages

    async def _read_one(self, stream: str, place: str) -> Page:
        if not place:
            page = Page(items=(), read_up_to=await self._store.last_id(stream))
            self._observer.began(self._name, stream)
            return page
        page = await self._store.after(stream, place)
        if page.read_up_to != place or _order(await self._store.last_id(stream)) >= _order(place):
            return page
        self._observer.begun_anew(self._name, stream)
        return await self._store.after(stream, "0-0")

    async def _tell(self, telling: Telling, stop: asyncio.Event) -> bool:
        message = replace(telling.message, title=masked(telling.message.title), body=masked(telling.message.body))
        self._pace.take(self._clock.monotonic_s())
        started_s = self._clock.monotonic_s()
        why = await _unless_stopped(self._target.send(message), stop)
        if why:
            self._row += 1
            self._why = masked(why)
            self._observer.failed(self._name, telling, why, delay_s=self._delay_s())
            return False
        self._observer.told(self._name, telling, self._clock.monotonic_s() - started_s)
        self._row, self._why = 0, ""
        return True

    async def _move(self, places: dict[str, str], before: dict[str, str]) -> bool:
        moved = {stream: place for stream, place in places.items() if before.get(stream) != place}
        return not moved or await self._store.move(self._name, moved)

    def _delay_s(self) -> float:
        return min(RETRY_CAP_S, RETRY_BASE_S * 2.0 ** min(self._row - 1, 10))


async def _unless_stopped(sending: Coroutine[Any, Any, str], stop: asyncio.Event) -> str:
    """What the sending says, or that a stop did not wait for it any longer."""
    task, stopping = asyncio.create_task(sending), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((task, stopping), return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait((task,), timeout=STOP_S)
        return task.result() if task.done() else "stopped while it was on its way"
    finally:
        task.cancel()
        stopping.cancel()
        await asyncio.wait((task, stopping))


def _order(entry_id: str) -> tuple[int, int]:
    ms, _, number = entry_id.partition("-")
    return int(ms), int(number or 0)
