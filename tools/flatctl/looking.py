"""What stands in Redis and at the latch now: the material of `flatctl status`."""

import re
from decimal import ROUND_CEILING, Decimal
from typing import Any

from msgspec import Struct
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from contracts.positions import PositionSnapshot
from contracts.streams import STREAMS, Keys
from contracts.vocabulary import Environment
from flatctl.arming import armed_now
from flatctl.drilling.record import PastDrills, past_drills
from flatctl.history import newest
from flatctl.last_run import LastRun, last_run
from flatctl.settings import FlatctlSettings
from runtime.latch import Latch, LatchState
from runtime.redis_client import raw, unix_ms

SILENT_MS = 10_000
"""A consumer asks at least every other second, and every five while it works on an entry."""
_UNIX_SECONDS = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?")


class ArmedState(Struct, frozen=True, kw_only=True):
    """The arm in the arm key."""

    arm_id: str
    expires_in_ms: int
    """-1: it never expires, which Flatguard did not write."""


class SnapshotState(Struct, frozen=True, kw_only=True):
    """The oracle's newest reading."""

    snapshot_id: str
    age_ms: int
    symbols_seen: int
    open_positions: int
    unreadable: int
    exposure_usd: Decimal
    """Sum of the absolute notionals that are known."""
    unpriced: int


class GroupState(Struct, frozen=True, kw_only=True):
    """The consumer group of a command stream."""

    stream: str
    group: str
    exists: bool
    """False until the service has started once."""
    pending: int = 0
    """Delivered and not acknowledged."""
    lag: int | None = None
    """Not delivered yet; nothing where Redis cannot tell."""
    consumers: int = 0
    seen_ms_ago: int | None = None
    """When a consumer of the group last asked for entries, which a living one does all the time."""

    @property
    def silent(self) -> bool:
        """Whether nobody seems to read the stream: the service is down, or has never run here."""
        return self.seen_ms_ago is None or self.seen_ms_ago > SILENT_MS


class Status(Struct, frozen=True, kw_only=True):
    """Everything that `flatctl status` shows, at one look."""

    environment: Environment
    account: str
    namespace: str
    now_ms: int
    """By Redis's clock."""
    latch: LatchState
    armed: ArmedState | None
    active: str | None
    """The request in flight."""
    last_flatten_ts: str | None
    cooldown_left_ms: int | None
    """Zero when an arm would pass; nothing when the record cannot be read."""
    snapshot: SnapshotState | None
    last_run: LastRun | None
    groups: tuple[GroupState, ...]
    dead_letters: int
    drills: PastDrills
    """The last drill, and the last good one."""


async def look(redis: Redis, latch: Latch, settings: FlatctlSettings) -> Status:
    """Read everything. Redis errors come out as they are; the latch says itself what is wrong with it."""
    keys = settings.keys
    now_ms = unix_ms(await raw(redis, "TIME"))
    last_ts = _text(await raw(redis, "GET", keys.last_ts))
    return Status(
        environment=settings.exchange_env,
        account=settings.account,
        namespace=settings.flatten_namespace,
        now_ms=now_ms,
        latch=await latch.read(),
        armed=await _armed(redis, keys),
        active=_text(await raw(redis, "GET", keys.active)),
        last_flatten_ts=last_ts,
        cooldown_left_ms=cooldown_left_ms(last_ts, now_ms, settings.flatten_cooldown_seconds),
        snapshot=await _snapshot(redis, keys, now_ms),
        last_run=await last_run(redis, keys),
        groups=tuple([await _group(redis, keys, stream.name, stream.group) for stream in STREAMS if stream.group]),
        dead_letters=await raw(redis, "XLEN", keys.stream("dead")),
        drills=await past_drills(redis, keys),
    )


def cooldown_left_ms(last_ts: str | None, now_ms: int, cooldown_s: Decimal) -> int | None:
    """How long until an arm passes the cooldown; nothing when `last_ts` is no Unix time."""
    if last_ts is None:
        return 0
    if not _UNIX_SECONDS.fullmatch(last_ts):
        return None
    left_ms = (Decimal(last_ts) + cooldown_s) * 1000 - now_ms
    return max(0, int(left_ms.to_integral_value(ROUND_CEILING)))


async def _armed(redis: Redis, keys: Keys) -> ArmedState | None:
    arm_id = await armed_now(redis, keys)
    if arm_id is None:
        return None
    return ArmedState(arm_id=arm_id, expires_in_ms=await raw(redis, "PTTL", keys.arm))


async def _snapshot(redis: Redis, keys: Keys, now_ms: int) -> SnapshotState | None:
    found = await newest(redis, keys.of(PositionSnapshot))
    if found is None or not isinstance(found.event, PositionSnapshot):
        return None
    event = found.event
    prices = [
        position.mark_price if position.mark_price is not None else event.marks.get(position.symbol)
        for position in event.positions
    ]
    worth = [
        abs(position.quantity) * price
        for position, price in zip(event.positions, prices, strict=True)
        if price is not None
    ]
    return SnapshotState(
        snapshot_id=event.snapshot_id,
        age_ms=now_ms - event.taken_at_ms,
        symbols_seen=event.symbols_seen,
        open_positions=len(event.positions),
        unreadable=len(event.unreadable),
        exposure_usd=sum(worth, Decimal(0)),
        unpriced=len(prices) - len(worth),
    )


async def _group(redis: Redis, keys: Keys, stream: str, group: str) -> GroupState:
    missing = GroupState(stream=stream, group=group, exists=False)
    try:
        rows: list[list[Any]] = await raw(redis, "XINFO", "GROUPS", keys.stream(stream))
    except ResponseError as error:
        if "no such key" in str(error):
            return missing
        raise
    for row in rows:
        facts = dict(zip(row[::2], row[1::2], strict=True))
        if facts[b"name"] == group.encode():
            lag = facts.get(b"lag")
            if lag is None:
                lag = await _undelivered(redis, keys.stream(stream), facts[b"last-delivered-id"])
            seen_ms_ago = newest_sign(await raw(redis, "XINFO", "CONSUMERS", keys.stream(stream), group))
            return GroupState(
                stream=stream,
                group=group,
                exists=True,
                pending=facts[b"pending"],
                lag=lag,
                consumers=facts[b"consumers"],
                seen_ms_ago=seen_ms_ago,
            )
    return missing


def newest_sign(consumers: list[list[Any]]) -> int | None:
    """Milliseconds since the last sign of life of any of XINFO CONSUMERS' rows.

    Since Redis 7.2 `idle` counts from the last attempt to read. Before, it counts from the last read that brought
    something, or was of own pending entries, which consumers make for this. See `runtime.group.Group.read_new`.
    https://redis.io/docs/latest/commands/xinfo-consumers/
    """
    rows = [dict(zip(row[::2], row[1::2], strict=True)) for row in consumers]
    return min((row[b"idle"] for row in rows), default=None)


async def _undelivered(redis: Redis, key: str, last_delivered: bytes) -> int:
    """Counted by hand, up to a thousand: Redis before 7.0 does not tell a group's lag."""
    return len(await raw(redis, "XRANGE", key, b"(" + last_delivered, "+", "COUNT", 1_000))


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="backslashreplace")
