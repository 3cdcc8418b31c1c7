"""The streams of the namespace as a history: how far each was at one moment, and every entry up to there."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from contracts.streams import STREAMS, Keys, Stream
from evidence.history import LOOKED_AT, Entry, Frame, GroupSeen, History, StreamSeen
from flatctl.settings import FlatctlSettings

PAGE = 500
_PENDING_MAX = 100_000
_NOT_THERE = ("no such key", "NOGROUP")
"""What Redis says of a stream or a group that has not been used yet."""


class Moment(Struct, frozen=True, kw_only=True):
    """Everything that has to be read at one instant: what comes later is not of this history."""

    frame: Frame
    now_ms: int
    last_ids: Mapping[str, str]
    """By stream; one that is empty has none."""


async def read_moment(redis: Redis, settings: FlatctlSettings) -> Moment:
    """Ask Redis in one transaction. Raises RedisError."""
    keys = settings.keys
    async with redis.pipeline(transaction=True) as pipeline:
        pipeline.execute_command(b"TIME")
        pipeline.execute_command(b"GET", keys.audit_head)
        for stream in STREAMS:
            key = keys.stream(stream.name)
            pipeline.execute_command(b"XREVRANGE", key, "+", "-", "COUNT", 1)
            pipeline.execute_command(b"XINFO", "STREAM", key)
            pipeline.execute_command(b"XINFO", "GROUPS", key)
            pipeline.execute_command(b"XPENDING", key, stream.group or "none", "-", "+", _PENDING_MAX)
        time, head, *replies = await pipeline.execute(raise_on_error=False)
    rows = {stream: replies[at * 4 : at * 4 + 4] for at, stream in enumerate(STREAMS)}
    newest = {stream.name: row[0][0][0].decode() for stream, row in rows.items() if _there(row[0])}
    frame = Frame(
        namespace=settings.flatten_namespace,
        environment=settings.exchange_env,
        account=settings.account,
        streams=tuple(_seen(stream, *row[1:]) for stream, row in rows.items()),
        head=_head(head),
    )
    return Moment(frame=frame, now_ms=int(time[0]) * 1000 + int(time[1]) // 1000, last_ids=newest)


async def read_history(redis: Redis, settings: FlatctlSettings) -> History:
    """All that the checks look at, as it stood at one moment. Raises RedisError."""
    moment = await read_moment(redis, settings)
    entries = [entry for name in LOOKED_AT async for entry in read_entries(redis, settings.keys, name, moment)]
    return History(moment.frame, entries)


async def read_entries(
    redis: Redis, keys: Keys, stream: str, moment: Moment, since_ms: int | None = None, until_ms: int | None = None
) -> AsyncIterator[Entry]:
    """The entries of one stream that there were at that moment, page by page; `until_ms` is left out."""
    if stream not in moment.last_ids:
        return
    start = "-" if since_ms is None else str(since_ms)
    end = moment.last_ids[stream]
    if until_ms is not None and until_ms <= int(end.partition("-")[0]):
        end = str(until_ms - 1)
    while True:
        rows = await redis.execute_command(b"XRANGE", keys.stream(stream), start, end, "COUNT", PAGE)  # type: ignore[no-untyped-call]  # redis-py's
        for entry_id, fields in rows:
            yield Entry(stream, entry_id.decode(), tuple(zip(fields[::2], fields[1::2], strict=True)))
        if len(rows) < PAGE:
            return
        start = f"({rows[-1][0].decode()}"


def _seen(stream: Stream, info: Any, groups: Any, pending: Any) -> StreamSeen:  # noqa: ANN401 - replies
    facts = _pairs(info) if _there(info) else {}
    added, length = facts.get(b"entries-added"), facts.get(b"length", 0)
    group = None
    for row in groups if _there(groups) else ():
        of_group = _pairs(row)
        if stream.group and of_group[b"name"] == stream.group.encode():
            ids = tuple(each[0].decode() for each in pending) if _there(pending) else ()
            group = GroupSeen(last_delivered=of_group[b"last-delivered-id"].decode(), pending=ids)
    removed = added - length if added is not None else None if facts else 0
    return StreamSeen(name=stream.name, removed=removed, group=group)


def _head(reply: bytes | ResponseError | None) -> str:
    if isinstance(reply, ResponseError):
        if not str(reply).startswith("WRONGTYPE"):
            raise reply
        return str(reply)
    return "" if reply is None else reply.decode(errors="backslashreplace")


def _there(reply: Any) -> bool:  # noqa: ANN401 - a reply
    """Whether Redis had something to say. Raises what is no answer but a refusal."""
    if isinstance(reply, ResponseError):
        if not any(word in str(reply) for word in _NOT_THERE):
            raise reply
        return False
    return bool(reply)


def _pairs(row: Sequence[Any]) -> dict[bytes, Any]:
    return dict(zip(row[::2], row[1::2], strict=True))
