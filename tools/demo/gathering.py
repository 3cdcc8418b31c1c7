"""Gathering the evidence: direct readings of the exchange, the record in Redis, and the programs' own logs."""

import asyncio
from decimal import Decimal
from pathlib import Path

import msgspec
from redis.asyncio import Redis

from contracts import codec
from contracts.base import Event
from contracts.flattening import FlattenCompleted
from contracts.positions import AllocationStateChanged, AllocationVerdict, PositionSnapshot
from contracts.streams import Keys
from contracts.vocabulary import Environment
from demo.stack import SIM_READ_KEY, SIM_READ_SECRET
from evidence.three_ways import DirectReading, Evidence, Holding
from exchange.completeness import missing_rows
from exchange.factory import ExchangeConfig, open_reader
from runtime.redis_client import raw


async def read_exchange(exchange_url: str) -> DirectReading:
    """Ask the exchange itself, with the key that may only read. Raises ExchangeError."""
    config = ExchangeConfig(
        environment=Environment.SIM, base_url=exchange_url, api_key=SIM_READ_KEY, api_secret=SIM_READ_SECRET
    )
    reader = open_reader(config)
    try:
        reading, listed = await asyncio.gather(reader.positions(), reader.listed())
    finally:
        await reader.aclose()
    holdings = [
        Holding(
            symbol=row.symbol,
            position_side=row.side,
            quantity=row.quantity,
            notional_usd=None if row.mark_price is None else abs(row.quantity) * row.mark_price,
        )
        for row in reading.positions
        if row.quantity != 0
    ]
    return DirectReading(
        started_at_ms=reading.started_at_ms,
        rows_seen=reading.rows_seen,
        holdings=tuple(sorted(holdings, key=lambda holding: -(holding.notional_usd or Decimal(0)))),
        unreadable=len(reading.unreadable),
        missing=len(missing_rows(reading, listed)),
    )


async def gather(redis: Redis, keys: Keys, arm_id: str, before: DirectReading, after: DirectReading) -> Evidence:
    """Everything that the proof judges."""
    return Evidence(
        arm_id=arm_id,
        before=before,
        after=after,
        audit=await events(redis, keys.stream("flatten.audit")),
        completed=await verdicts(redis, keys),
        armed=_text(await raw(redis, "GET", keys.arm)),
        active=_text(await raw(redis, "GET", keys.active)),
        last_ts=_text(await raw(redis, "GET", keys.last_ts)),
        checks=await checks(redis, keys),
        snapshot=await newest_snapshot(redis, keys),
    )


async def events(redis: Redis, key: str) -> tuple[Event, ...]:
    """A whole stream. Raises UndecodableEntry: evidence that cannot be read is none."""
    rows = await raw(redis, "XRANGE", key, "-", "+")
    return tuple(codec.decode(dict(zip(row[1][::2], row[1][1::2], strict=True))).event for row in rows)


async def verdicts(redis: Redis, keys: Keys) -> tuple[FlattenCompleted, ...]:
    """Every verdict on record."""
    found = await events(redis, keys.of(FlattenCompleted))
    return tuple(event for event in found if isinstance(event, FlattenCompleted))


async def checks(redis: Redis, keys: Keys) -> tuple[AllocationStateChanged, ...]:
    """Every change of a P2.9 verdict, in order."""
    found = await events(redis, keys.of(AllocationStateChanged))
    return tuple(event for event in found if isinstance(event, AllocationStateChanged))


async def newest_snapshot(redis: Redis, keys: Keys) -> PositionSnapshot | None:
    """The oracle's newest reading."""
    rows = await raw(redis, "XREVRANGE", keys.of(PositionSnapshot), "+", "-", "COUNT", 1)
    if not rows:
        return None
    event = codec.decode(dict(zip(rows[0][1][::2], rows[0][1][1::2], strict=True))).event
    return event if isinstance(event, PositionSnapshot) else None


def newest_verdicts(changes: tuple[AllocationStateChanged, ...]) -> dict[str, AllocationStateChanged]:
    """The last word on each symbol."""
    return {change.check.symbol: change for change in changes}


def breaches(changes: tuple[AllocationStateChanged, ...]) -> tuple[AllocationStateChanged, ...]:
    """Symbols that are in breach now."""
    last = newest_verdicts(changes).values()
    return tuple(change for change in last if change.check.verdict is AllocationVerdict.BREACH)


class _LogLine(msgspec.Struct):
    message: str = ""


def log_messages(log: Path, beginning: str) -> list[str]:
    """The messages of a JSON log that begin so, in order."""
    found = []
    for line in log.read_text(errors="replace").splitlines():
        try:
            message = msgspec.json.decode(line, type=_LogLine).message
        except msgspec.DecodeError:
            continue  # not every line of a dying program is JSON
        if message.startswith(beginning):
            found.append(message)
    return found


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="backslashreplace")
