"""Follows what is on record: the last run and the last decisions, also those of before this process started.

It informs. When a stream cannot be read, the other one is followed, and arms are judged all the same.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from redis.asyncio import Redis
from redis.exceptions import RedisError

from contracts import codec
from contracts.arming import ArmAccepted, ArmDisarmed, ArmRefused
from contracts.base import Event
from contracts.flattening import FlattenCompleted
from contracts.streams import Keys
from governor.observe import Observer
from runtime.clock import Clock
from runtime.health import OK, Check
from runtime.redis_client import is_transient, raw, wait_for_stop

Row = tuple[bytes, Sequence[bytes]]
"""An entry as Redis returns it: its id, and its fields' names and values in turn."""

EVERY_S = 1.0
PAGE = 500
AUDIT_LOOK_BACK_MAX = 20_000
"""How far back the last decisions are searched for in the audit stream: some 20 of the largest runs."""


class History:
    """Every entry of the completed and the audit stream, in order, none passed over. Reads only."""

    def __init__(self, redis: Redis, keys: Keys, observer: Observer, clock: Clock) -> None:
        self._redis = redis
        self._completed = keys.of(FlattenCompleted)
        self._audit = keys.of(ArmAccepted)
        self._observer = observer
        self._clock = clock
        self._names = {self._completed: FlattenCompleted.stream, self._audit: ArmAccepted.stream}
        self._last_ids: dict[str, str] = {}
        self._evidence = OK

    async def run(self, stop: asyncio.Event) -> None:
        """Catch up once, then follow until `stop`. A stream that cannot be read is told once, and tried again."""
        while not stop.is_set():
            await self._follow(self._completed, self._last_run)
            await self._follow(self._audit, self._last_decisions)
            await wait_for_stop(stop, EVERY_S, self._clock)

    def evidence(self) -> Check:
        """Whether a decision can be put on record. While the audit key holds something else, no arm is decided."""
        return self._evidence

    async def _follow(self, stream_key: str, catch_up: Callable[[], Awaitable[None]]) -> None:
        try:
            if stream_key not in self._last_ids:
                await catch_up()
            for event in await self._newer(stream_key):
                self._tell(event, ended_now=stream_key == self._completed)
        except (RedisError, OSError) as error:
            # Even what will never work (an ACL, a wrong type) must not end the governor: arms need it.
            self._failed(stream_key, error)
        else:
            if stream_key == self._audit:
                self._evidence = OK
            self._observer.history_works(self._names[stream_key])

    def _failed(self, stream_key: str, error: Exception) -> None:
        if is_transient(error):
            return  # that Redis is away is told by the loop that reads the arms
        if stream_key == self._audit and str(error).startswith("WRONGTYPE"):
            self._evidence = Check(ok=False, why=f"{stream_key} is not a stream: no decision can be put on record")
        self._observer.history_failed(self._names[stream_key], error)

    def _tell(self, event: Event, *, ended_now: bool = False) -> None:
        try:
            self._observer.history(event)
            if ended_now and isinstance(event, FlattenCompleted):
                self._observer.completed(event)
        except OverflowError:
            return  # a time or a count that no gauge can hold: passed over, like an event that cannot be read

    async def _last_run(self) -> None:
        rows = await raw(self._redis, "XREVRANGE", self._completed, "+", "-", "COUNT", 1)
        for event in _events(rows):
            self._tell(event)
        self._last_ids[self._completed] = _id(rows[0]) if rows else "0-0"

    async def _last_decisions(self) -> None:
        """The newest decision of each kind, searched backwards within the bound."""
        wanted: set[type[Event]] = {ArmAccepted, ArmRefused, ArmDisarmed}
        newest, before, looked_at = "0-0", "+", 0
        while wanted and looked_at < AUDIT_LOOK_BACK_MAX:
            rows = await raw(self._redis, "XREVRANGE", self._audit, before, "-", "COUNT", PAGE)
            if not rows:
                break
            newest = newest if looked_at else _id(rows[0])
            looked_at, before = looked_at + len(rows), f"({_id(rows[-1])}"
            for event in _events(rows):
                if type(event) in wanted:
                    wanted.discard(type(event))
                    self._tell(event)
        self._last_ids[self._audit] = newest

    async def _newer(self, stream_key: str) -> list[Event]:
        rows = await raw(self._redis, "XRANGE", stream_key, f"({self._last_ids[stream_key]}", "+", "COUNT", PAGE)
        if rows:
            self._last_ids[stream_key] = _id(rows[-1])
        return _events(rows)


def _id(row: Row) -> str:
    return row[0].decode()


def _events(rows: Sequence[Row]) -> list[Event]:
    """The events of rows. One that cannot be read is passed over: this only feeds gauges."""
    events = []
    for _, fields in rows:
        try:
            events.append(codec.decode(dict(zip(fields[::2], fields[1::2], strict=True))).event)
        except (codec.UndecodableEntry, RecursionError):
            continue
    return events
