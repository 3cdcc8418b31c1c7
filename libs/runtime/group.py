"""A consumer's view of its group: the commands of the loop, one method each, with replies in one shape."""

from collections.abc import Sequence

from msgspec import Struct
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from runtime.redis_client import Reply, raw
from runtime.scripts import Script

_HOLD = Script.from_package("runtime.lua", "hold.lua")
_BURY = Script.from_package("runtime.lua", "bury.lua")
_AFTER_ALL = f"{2**64 - 1}-{2**64 - 2}"
"""The last id but one. The very last is what Redis takes `>` for."""


class Delivery(Struct, frozen=True):
    """One entry as Redis handed it over."""

    id: str
    fields: tuple[tuple[bytes, bytes], ...] | None
    """Nothing when the entry was deleted while it was pending: a lost command."""
    fresh: bool = False
    """Delivered for the first time."""


class Claimed(Struct, frozen=True):
    """What one XAUTOCLAIM gave."""

    cursor: str
    deliveries: tuple[Delivery, ...]
    deleted: tuple[str, ...]
    """Entries that were pending with a dead consumer and are deleted: lost commands."""
    unnamed: int
    """Deleted entries that Redis 6.2 does not name; they are in the own pending list now."""


def is_group_gone(error: BaseException) -> bool:
    """Whether the stream or its group went away under us (FLUSHALL, DEL): NOGROUP, or UNBLOCKED on 7.0."""
    return isinstance(error, ResponseError) and str(error).startswith(("NOGROUP", "UNBLOCKED"))


class Group:
    """One consumer of one group of one stream."""

    def __init__(self, *, redis: Redis, reader: Redis, stream_key: str, group: str, consumer: str) -> None:
        self._redis = redis
        self._reader = reader
        self.stream_key = stream_key
        self.group = group
        self.consumer = consumer

    async def ensure(self) -> bool:
        """Create group and stream where they are missing; whether they were. From 0: nothing queued is skipped."""
        try:
            await raw(self._redis, "XGROUP", "CREATE", self.stream_key, self.group, "0", "MKSTREAM")
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise
            return False
        return True

    async def own_pending(self, after: str, count: int) -> tuple[Delivery, ...]:
        """A page of the entries that are pending with this consumer, after an id. Raises the delivery count."""
        reply = await raw(self._reader, "XREADGROUP", *self._read(count), "STREAMS", self.stream_key, after)
        return _deliveries(reply, fresh=False)

    async def read_new(self, count: int, block_ms: int) -> tuple[Delivery, ...]:
        """Entries that nobody has read; waits up to `block_ms` for the first. Never cancel it without `own_pending`."""
        reply = await raw(
            self._reader, "XREADGROUP", *self._read(count), "BLOCK", block_ms, "STREAMS", self.stream_key, ">"
        )
        if not reply:
            await self._be_seen()
        return _deliveries(reply, fresh=True)

    async def _be_seen(self) -> None:
        """Count as alive although nothing came: XINFO CONSUMERS shows who is idle.

        Before Redis 7.2 a read of new entries that brings none leaves `idle` as it was; a read of own pending entries
        does not. None has an id as high as this, so that nothing is delivered again.
        """
        await raw(self._reader, "XREADGROUP", *self._read(1), "STREAMS", self.stream_key, _AFTER_ALL)

    async def claim(self, cursor: str, idle_ms: int, count: int) -> Claimed:
        """Take over entries that have been idle with any consumer. 6.2 answers with two elements, 7.0 with three."""
        reply = await raw(
            self._redis, "XAUTOCLAIM", self.stream_key, self.group, self.consumer, idle_ms, cursor, "COUNT", count
        )
        rows = [row for row in reply[1] if row is not None]
        deleted = tuple(entry_id.decode() for entry_id in reply[2]) if len(reply) > 2 else ()  # noqa: PLR2004 - see above
        return Claimed(reply[0].decode(), _rows(rows, fresh=False), deleted, len(reply[1]) - len(rows))

    async def deliveries_of(self, entry_id: str) -> int | None:
        """How often a pending entry has been delivered; nothing when it is not pending."""
        rows = await raw(self._redis, "XPENDING", self.stream_key, self.group, entry_id, entry_id, 1)
        return int(rows[0][3]) if rows else None

    async def hold(self, entry_ids: Sequence[str]) -> set[str]:
        """Keep the entries in hand from being claimed by others; returns those that others have taken over.

        The first is being handled: it may have been acknowledged just now, which is not a loss.
        """
        lost = await _HOLD.run(self._redis, [self.stream_key], [self.group, self.consumer, *entry_ids])
        return {entry_id.decode() for entry_id in lost}

    async def acknowledge(self, entry_id: str) -> None:
        """XACK without effect: for entries that are deleted and only linger in the pending list."""
        await raw(self._redis, "XACK", self.stream_key, self.group, entry_id)

    async def bury(self, dead_key: str, entry_id: str, fields: Sequence[bytes | str]) -> bool:
        """Dead-letter and acknowledge in one script; False when the entry was no longer ours."""
        keys = [self.stream_key, dead_key]
        return await _BURY.run(self._redis, keys, [self.group, entry_id, self.consumer, *fields]) is not None

    def _read(self, count: int) -> tuple[str | int, ...]:
        return ("GROUP", self.group, self.consumer, "COUNT", count)


def _deliveries(reply: Reply, *, fresh: bool) -> tuple[Delivery, ...]:
    return _rows(reply[0][1], fresh=fresh) if reply else ()


def _rows(rows: Sequence[Reply], *, fresh: bool) -> tuple[Delivery, ...]:
    return tuple(
        Delivery(
            row[0].decode(), None if row[1] is None else tuple(zip(row[1][::2], row[1][1::2], strict=True)), fresh=fresh
        )
        for row in rows
    )
