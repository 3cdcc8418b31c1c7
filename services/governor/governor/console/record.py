"""Reads the streams for the console: back to the arms that it shows, then whatever is new. Reads only."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from redis.asyncio import Redis

from contracts import codec
from contracts.arming import ArmAccepted
from contracts.base import Event
from contracts.flattening import FlattenCompleted
from contracts.streams import Keys
from governor.core.shown.past import KEPT, Decision, Past
from runtime.redis_client import raw

Row = tuple[bytes, Sequence[bytes]]
PAGE = 50
"""Entries at a time: decoding them takes a millisecond, in which no arm is judged."""
LOOK_BACK_MAX = 10_000
"""How far back the audit stream is searched for past arms."""


class RecordReader:
    """The audit and the completed stream, folded into `past`."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self.past = Past()
        self._redis = redis
        self._audit = keys.of(ArmAccepted)
        self._completed = keys.of(FlattenCompleted)
        self._last_ids: dict[str, str] = {}

    async def read(self) -> None:
        """Catch up. Raises RedisError and OSError; what was read until then is kept, and the next call goes on."""
        if not self._last_ids:
            await self._begin()
        for stream_key in (self._completed, self._audit):
            while rows := await self._after(stream_key):
                for event in _events(rows):
                    self.past.take(event)
                self._last_ids[stream_key] = rows[-1][0].decode()

    async def _after(self, stream_key: str) -> list[Row]:
        rows: list[Row] = await raw(
            self._redis, "XRANGE", stream_key, f"({self._last_ids[stream_key]}", "+", "COUNT", PAGE
        )
        return rows

    async def _begin(self) -> None:
        """Find the arms and the run to show, from the newest entry backwards, and take them in, in order."""
        verdicts: list[Row] = await raw(self._redis, "XREVRANGE", self._completed, "+", "-", "COUNT", KEPT)
        newest, found = "0-0", list[Event]()
        decisions, run_id, looked_at = 0, "", 0
        async for entry_id, event in self._backwards():
            newest = newest if looked_at else entry_id
            looked_at += 1
            request_id = getattr(event, "request_id", "")
            run_id = run_id or request_id
            if event is not None and (isinstance(event, Decision) or (request_id and request_id == run_id)):
                found.append(event)
            decisions += isinstance(event, Decision)
            if decisions == KEPT or looked_at >= LOOK_BACK_MAX:
                break
        past = Past()
        for event in (*_events(verdicts[::-1]), *found[::-1]):
            past.take(event)
        self.past = past
        self._last_ids = {
            self._completed: verdicts[0][0].decode() if verdicts else "0-0",
            self._audit: newest,
        }

    async def _backwards(self) -> AsyncIterator[tuple[str, Event | None]]:
        """Every entry of the audit stream with its event, the newest first; nothing for one that cannot be read."""
        before = "+"
        while rows := await raw(self._redis, "XREVRANGE", self._audit, before, "-", "COUNT", PAGE):
            for row in rows:
                yield row[0].decode(), _event(row)
            before = f"({rows[-1][0].decode()}"
            await asyncio.sleep(0)


def _events(rows: Sequence[Row]) -> list[Event]:
    """One that cannot be read is passed over: this only feeds a page."""
    return [event for row in rows if (event := _event(row)) is not None]


def _event(row: Row) -> Event | None:
    _, fields = row
    try:
        return codec.decode(dict(zip(fields[::2], fields[1::2], strict=True))).event
    except (codec.UndecodableEntry, RecursionError):
        return None
