"""Follows what is on record: the last run and the last decisions, also those of before this process started."""

import asyncio
from collections.abc import Sequence

from redis.asyncio import Redis
from redis.exceptions import RedisError

from contracts import codec
from contracts.arming import ArmAccepted, ArmDisarmed, ArmRefused
from contracts.base import Event
from contracts.flattening import FlattenCompleted
from contracts.streams import Keys
from governor.observe import Observer
from runtime.clock import Clock
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
        self._last_ids: dict[str, str] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Catch up once, then follow until `stop`. Redis away: told by the streams' own loops, and tried again."""
        while not stop.is_set():
            try:
                await self._look()
            except RedisError as error:
                if not is_transient(error):
                    raise
            await wait_for_stop(stop, EVERY_S, self._clock)

    async def _look(self) -> None:
        if self._completed not in self._last_ids:
            await self._last_run()
        if self._audit not in self._last_ids:
            await self._last_decisions()
        for event in await self._newer(self._completed):
            self._observer.history(event)
            if isinstance(event, FlattenCompleted):
                self._observer.completed(event)
        for event in await self._newer(self._audit):
            self._observer.history(event)

    async def _last_run(self) -> None:
        rows = await raw(self._redis, "XREVRANGE", self._completed, "+", "-", "COUNT", 1)
        for event in _events(rows):
            self._observer.history(event)
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
                    self._observer.history(event)
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
