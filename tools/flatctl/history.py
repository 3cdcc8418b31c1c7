"""Reading the record: the newest entry of a stream, older ones backwards, new ones as they come. Never acknowledges."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from msgspec import Struct
from redis.asyncio import Redis

from contracts import codec
from contracts.base import Event
from runtime.redis_client import raw

PAGE = 500
BLOCK_MS = 1_000


class Record(Struct, frozen=True, kw_only=True):
    """One entry that was read."""

    entry_id: str
    event: Event | None
    """Nothing when this version cannot read it; `problem` says why."""
    problem: str = ""


async def newest(redis: Redis, key: str) -> Record | None:
    """The last entry of a stream; nothing when it is empty or not there."""
    rows = await raw(redis, "XREVRANGE", key, "+", "-", "COUNT", 1)
    return _record(rows[0]) if rows else None


async def last_id(redis: Redis, key: str) -> str:
    """The id to read on from; `0-0` when nothing was ever published."""
    found = await newest(redis, key)
    return found.entry_id if found else "0-0"


async def backwards(redis: Redis, key: str) -> AsyncIterator[Record]:
    """Every entry, newest first, read page by page."""
    end = "+"
    while True:
        rows = await raw(redis, "XREVRANGE", key, end, "-", "COUNT", PAGE)
        for row in rows:
            yield _record(row)
        if len(rows) < PAGE:
            return
        end = f"({rows[-1][0].decode()}"


class Follower:
    """Reads several streams onwards from known ids, together, in the order in which they were written.

    Redis's clock tells no more than the millisecond: within one, a stream's entries come after those of the streams
    that were named before it.
    """

    def __init__(self, reader: Redis, after: dict[str, str]) -> None:
        self._reader = reader
        self._after = dict(after)
        self.more = False
        """Whether the last read was cut at a full page, so that there is more at once."""

    async def read(self, block_ms: int = BLOCK_MS) -> list[Record]:
        """What came since, within `block_ms`; an empty list when nothing did."""
        reply = await raw(
            self._reader,
            "XREAD",
            "COUNT",
            PAGE,
            "BLOCK",
            block_ms,
            "STREAMS",
            *self._after.keys(),
            *self._after.values(),
        )
        rows: list[Any] = []
        self.more = any(len(entries) == PAGE for _, entries in reply or ())
        for key, entries in reply or ():
            self._after[key.decode()] = entries[-1][0].decode()
            rows += entries
        # Sequence numbers count within one stream: between two they would put a verdict before what led to it.
        return sorted(map(_record, rows), key=lambda record: int(record.entry_id.partition("-")[0]))


def _record(row: Sequence[Any]) -> Record:
    entry_id = row[0].decode()
    try:
        event = codec.decode(dict(zip(row[1][::2], row[1][1::2], strict=True))).event
    except (codec.UndecodableEntry, RecursionError) as error:
        return Record(entry_id=entry_id, event=None, problem=str(error) or type(error).__name__)
    return Record(entry_id=entry_id, event=event)
