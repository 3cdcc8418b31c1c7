"""What a report of one run needs of Redis: more streams than the checks look at, but only around the run."""

from redis.asyncio import Redis

from contracts.arming import FlattenRequested
from contracts.flattening import FlattenCompleted
from contracts.positions import AllocationStateChanged, PositionSnapshot
from evidence.history import Entry, History
from evidence.report.selecting import STREAMS, decided_at, last_run
from flatctl.recording import read_entries, read_moment
from flatctl.settings import FlatctlSettings

_BEFORE_MS = 60_000
_AFTER_MS = 300_000
"""How long after the verdict the oracle's next snapshot is looked for."""


async def read_for_report(redis: Redis, settings: FlatctlSettings, request_id: str) -> tuple[History, int, str]:
    """The history, the moment at which it was read, and the run: the last one where none is named.

    Raises NoSuchRun, RedisError.
    """
    moment = await read_moment(redis, settings)
    entries: list[Entry] = []
    for stream in STREAMS:
        if stream not in {AllocationStateChanged.stream, PositionSnapshot.stream}:
            entries += [entry async for entry in read_entries(redis, settings.keys, stream, moment)]
    history = History(moment.frame, entries)
    wanted = request_id or last_run(history)
    since_ms, until_ms = decided_at(history, wanted)[0], _end(history, wanted)
    around = (
        (AllocationStateChanged.stream, since_ms, None),
        (PositionSnapshot.stream, _snapshot_ms(history, wanted, since_ms), until_ms + _AFTER_MS),
    )
    for stream, from_ms, to_ms in around:
        entries += [entry async for entry in read_entries(redis, settings.keys, stream, moment, from_ms, to_ms)]
    return History(moment.frame, entries), moment.now_ms, wanted


def _snapshot_ms(history: History, request_id: str, decided_ms: int) -> int:
    """When the snapshot that the request names may have been published at the earliest."""
    ages = (
        told.event.snapshot_age_ms or 0 for told in history.of(FlattenRequested) if told.event.request_id == request_id
    )
    return max(0, decided_ms - max(ages, default=0) - _BEFORE_MS)


def _end(history: History, request_id: str) -> int:
    """When the verdict was written; up to now where there is none."""
    ends = [told.entry.at_ms for told in history.of(FlattenCompleted) if told.event.request_id == request_id]
    return min(ends, default=decided_at(history, request_id)[0])
