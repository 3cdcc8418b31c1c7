"""The newest verdict, and what the arm behind it covered."""

from decimal import Decimal

from msgspec import Struct
from redis.asyncio import Redis

from contracts.arming import FlattenRequested, Scope
from contracts.flattening import Counts, FlattenCompleted, Residual, RunVerdict
from contracts.streams import Keys
from evidence.still_open import StillOpen, still_open
from flatctl.history import backwards, newest


class LastRun(Struct, frozen=True, kw_only=True):
    """What `status` shows of it."""

    request_id: str
    verdict: RunVerdict
    abort_reason: str
    counts: Counts
    scope: Scope | None
    """Nothing when the request is not on record."""
    residual: tuple[Residual, ...]
    residual_notional_usd: Decimal
    still_open: StillOpen
    finished_at_ms: int


async def last_run(redis: Redis, keys: Keys) -> LastRun | None:
    """Read it; nothing when nothing was ever flattened."""
    found = await newest(redis, keys.of(FlattenCompleted))
    if found is None or not isinstance(found.event, FlattenCompleted):
        return None
    event = found.event
    return LastRun(
        request_id=event.request_id,
        verdict=event.verdict,
        abort_reason=event.abort_reason,
        counts=event.counts,
        scope=await _scope(redis, keys, event.request_id),
        residual=event.residual,
        residual_notional_usd=event.residual_notional_usd,
        still_open=still_open(event),
        finished_at_ms=event.timings.finished_at_ms,
    )


async def _scope(redis: Redis, keys: Keys, request_id: str) -> Scope | None:
    async for record in backwards(redis, keys.of(FlattenRequested)):
        if isinstance(record.event, FlattenRequested) and record.event.request_id == request_id:
            return record.event.arm.scope
    return None
