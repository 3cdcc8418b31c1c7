"""What stands in the streams: whether this version knows every type of event, and who wrote the newest run."""

from collections import Counter

from msgspec import Struct, field
from redis.asyncio import Redis

from contracts.flattening import FlattenCompleted, RunStarted
from contracts.streams import STREAMS, Keys
from flatctl.doctor.finding import Finding, Grade
from flatctl.history import backwards
from flatctl.session import Session
from runtime.app import software_version

NEWEST = 500
"""Entries of each stream that are looked at."""


class _Seen(Struct):
    types: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)
    version: str = ""
    """Of the program that ran the newest run."""


async def examine_events(session: Session) -> list[Finding]:
    """One finding for all streams that are fine, and one for each that is not. Raises RedisError without Redis."""
    findings, total = [], Counter[str]()
    version = ""
    for stream in STREAMS:
        if not stream.events:
            continue
        seen = await _look_at(session.redis, session.settings.keys, stream.name)
        total += seen.types
        version = version or seen.version
        if seen.problems:
            findings.append(_unreadable(stream.name, seen))
    return [_known(total), *findings, _version(version)]


async def _look_at(redis: Redis, keys: Keys, stream: str) -> _Seen:
    seen, count = _Seen(), 0
    async for record in backwards(redis, keys.stream(stream)):
        count += 1
        if record.event is None:
            seen.problems[record.problem[:120]] += 1
        else:
            seen.types[record.event.event_type()] += 1
        if isinstance(record.event, RunStarted | FlattenCompleted):
            seen.version = seen.version or record.event.software_version
        if count == NEWEST:
            break
    return seen


def _known(types: Counter[str]) -> Finding:
    return Finding(
        check="event versions",
        grade=Grade.OK,
        observed=f"{len(types)} types in {types.total()} entries are known: {', '.join(sorted(types)) or 'none yet'}",
        required=f"the newest {NEWEST} entries of each stream",
    )


def _unreadable(stream: str, seen: _Seen) -> Finding:
    return Finding(
        check=f"events in {stream}",
        grade=Grade.FAILED,
        observed="; ".join(f"{count} entries: {problem}" for problem, count in seen.problems.most_common(3)),
        required="types and versions that this program knows",
        do="two versions are running, or somebody writes by hand: compare flatctl --version with the services'",
    )


def _version(version: str) -> Finding:
    ours = software_version()
    same = version in ("", ours)
    return Finding(
        check="software version",
        grade=Grade.OK if same else Grade.WARNING,
        observed=f"the newest run was by {version}" if version else "no run on record",
        required=f"{ours}, as flatctl is",
        do="" if same else "install the same version everywhere",
    )
