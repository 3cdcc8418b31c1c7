"""Drills on record: who held one when, how the last ones ended, and the keys of one that was cut off."""

from collections.abc import AsyncIterator, Iterator

from msgspec import Struct
from redis.asyncio import Redis

from contracts.arming import request_id_of
from contracts.drills import DrillCompleted, DrillOutcome, DrillStarted
from contracts.streams import STREAMS, Keys
from flatctl.arming import SOURCE
from flatctl.figures import span
from flatctl.history import backwards
from runtime.redis_client import raw
from runtime.streams import publish

LOOKED_BACK = 1_000
"""Entries of the record that are looked at: some years of weekly drills."""


class PastDrills(Struct, frozen=True, kw_only=True):
    """`drill --last --json`."""

    last: DrillCompleted | None
    last_good: DrillCompleted | None
    """The last that ended flat; the same one, where that did."""


async def past_drills(redis: Redis, keys: Keys) -> PastDrills:
    """What is on record of drills. Nothing where none was ever held."""
    last: DrillCompleted | None = None
    async for event in _events(redis, keys):
        if isinstance(event, DrillCompleted):
            last = last or event
            if event.outcome is DrillOutcome.FLAT:
                return PastDrills(last=last, last_good=event)
    return PastDrills(last=last, last_good=None)


def short(past: PastDrills, now_ms: int) -> str:
    """For a row of `status` and of `doctor`."""
    if past.last is None:
        return "none on record"
    last = f"{past.last.outcome}, {span(now_ms - past.last.finished_at_ms)} ago"
    if past.last.outcome is DrillOutcome.FLAT:
        return last
    good = past.last_good
    return f"{last}; last GOOD one " + (f"{span(now_ms - good.finished_at_ms)} ago" if good else "never")


async def write_down(redis: Redis, keys: Keys, event: DrillStarted | DrillCompleted) -> None:
    """Put it on the operators' own stream of drills, in the namespace of the real account."""
    word, time_ms = (
        ("started", event.started_at_ms) if isinstance(event, DrillStarted) else ("completed", event.finished_at_ms)
    )
    await publish(
        redis,
        keys.of(type(event)),
        event,
        source=SOURCE,
        subject=event.account,
        event_id=f"{event.drill_id}:{word}",
        time_ms=time_ms,
    )


async def forget(redis: Redis, keys: Keys, drill_id: str) -> None:
    """Delete every key of one drill. By name: an operator may list none."""
    await raw(redis, "DEL", *_keys_of(keys.drill(drill_id), drill_id))


async def forget_cut_off(redis: Redis, keys: Keys, now_ms: int) -> tuple[str, ...]:
    """Delete the keys of drills that began and never ended, and cannot run any more; returns their names."""
    ended: set[str] = set()
    cut_off = []
    async for event in _events(redis, keys):
        if isinstance(event, DrillCompleted):
            ended.add(event.drill_id)
        elif event.drill_id not in ended and event.ends_before_ms < now_ms:
            cut_off.append(event.drill_id)
    for drill_id in cut_off:
        await forget(redis, keys, drill_id)
    return tuple(cut_off)


async def _events(redis: Redis, keys: Keys) -> AsyncIterator[DrillStarted | DrillCompleted]:
    """The newest first."""
    looked_at = 0
    async for record in backwards(redis, keys.of(DrillCompleted)):
        looked_at += 1
        if isinstance(record.event, DrillStarted | DrillCompleted):
            yield record.event
        if looked_at == LOOKED_BACK:
            return


def _keys_of(keys: Keys, drill_id: str) -> Iterator[str]:
    yield from (keys.arm, keys.last_ts, keys.fired, keys.active, keys.audit_head)
    yield keys.run(request_id_of(keys.namespace, drill_id))
    yield from (keys.stream(stream.name) for stream in STREAMS)
