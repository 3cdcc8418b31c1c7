"""Aborting a run: what the operator's client writes."""

from redis.asyncio import Redis

from contracts.arming import AbortRequested
from contracts.flattening import FlattenCompleted
from contracts.streams import Keys
from flatctl.arming import SOURCE, Intent
from flatctl.exits import REFUSED, CommandFailed
from flatctl.following import Beginning, beginning_of
from flatctl.history import backwards
from runtime import tracing
from runtime.redis_client import raw, unix_ms
from runtime.streams import publish


async def run_to_abort(redis: Redis, keys: Keys, request_id: str | None) -> Beginning:
    """The named run, else the one in flight. Raises CommandFailed when there is none, or when it has ended."""
    if request_id is None:
        active = await raw(redis, "GET", keys.active)
        if active is None:
            raise CommandFailed("nothing to abort: no run is in flight", REFUSED)
        request_id = active.decode(errors="backslashreplace")
    beginning = await beginning_of(redis, keys, request_id)
    async for record in backwards(redis, keys.of(FlattenCompleted)):
        if isinstance(record.event, FlattenCompleted) and record.event.request_id == request_id:
            raise CommandFailed(
                f"nothing to abort: {request_id} has ended with verdict {record.event.verdict}; "
                f"see flatctl watch {request_id}",
                REFUSED,
            )
        if record.entry_id < beginning.completed_after:
            break
    return beginning


async def abort(redis: Redis, keys: Keys, request_id: str, intent: Intent) -> None:
    """Ask for the end of a run. Safe to repeat."""
    now_ms = unix_ms(await raw(redis, "TIME"))
    event = AbortRequested(
        request_id=request_id,
        operator=intent.operator,
        reason=intent.reason,
        environment=intent.environment,
        account=intent.account,
        issued_at_ms=now_ms,
    )
    with tracing.producer_span(event.stream, message_id=request_id):
        await publish(
            redis,
            keys.of(AbortRequested),
            event,
            source=SOURCE,
            subject=intent.account,
            event_id=f"{request_id}:abort:{now_ms}",
            time_ms=now_ms,
        )
