"""Who reads the command streams, how far behind they are, the oracle, and the latch that they wait for."""

from typing import Any

from contracts.drills import DrillOutcome
from flatctl.doctor.finding import Finding, Grade
from flatctl.drilling.record import short
from flatctl.figures import span
from flatctl.looking import SILENT_MS, GroupState, Status, look
from flatctl.session import Session
from flatctl.views import latch_text, seen
from runtime.redis_client import raw

DRILL_DAYS = 30
OLD_MS = 15_000
"""A pending entry that is older is an alert (`PendingAgeing`)."""


async def examine_latch(session: Session) -> list[Finding]:
    """The latch, read as a service reads it."""
    state = await session.latch.read()
    return [
        Finding(
            check="ESS latch",
            grade=Grade.OK if state.readable else Grade.FAILED,
            observed=f"{latch_text(state)}; {state.detail}",
            required="readable from here; governor and executor read it themselves",
            do="" if state.readable else "every arm is refused while it cannot be read: docs/runbooks/latch.md",
        )
    ]


async def examine_services(session: Session) -> list[Finding]:
    """Consumer groups, the oracle's newest reading, dead letters. Raises RedisError when Redis does not answer."""
    status = await look(session.redis, session.latch, session.settings)
    findings = [found for group in status.groups for found in await _group(session, group, status.now_ms)]
    return [*findings, _oracle(status), _dead_letters(status), _drill(status)]


async def _group(session: Session, group: GroupState, now_ms: int) -> list[Finding]:
    alive = Finding(
        check=f"{group.group} alive",
        grade=Grade.FAILED if group.silent else Grade.OK,
        observed=seen(group),
        required=f"reads {group.stream}",
        do="start it: docs/runbooks/service-down.md" if group.silent else "",
    )
    return [alive, await _backlog(session, group, now_ms)] if group.exists else [alive]


async def _backlog(session: Session, group: GroupState, now_ms: int) -> Finding:
    key = session.settings.keys.stream(group.stream)
    rows: list[Any] = await raw(session.redis, "XPENDING", key, group.group, "-", "+", 1)
    age_ms = max(0, now_ms - int(rows[0][0].partition(b"-")[0])) if rows else 0
    oldest = f", the oldest {span(age_ms)} old" if rows else ""
    late = age_ms > OLD_MS
    waiting = bool(group.lag) and group.silent
    return Finding(
        check=f"{group.group} backlog",
        grade=Grade.FAILED if late or waiting else Grade.OK,
        observed=f"{group.pending} pending{oldest}, {group.lag} not delivered",
        required=f"nothing pending for more than {span(OLD_MS)}",
        do="docs/runbooks/pending-ageing.md" if late or waiting else "",
    )


def _oracle(status: Status) -> Finding:
    found = status.snapshot
    fresh = found is not None and found.age_ms <= SILENT_MS
    return Finding(
        check="oracle",
        grade=Grade.OK if fresh else Grade.WARNING,
        observed=f"newest reading {span(found.age_ms)} old" if found else "has never published here",
        required=f"a reading of the last {span(SILENT_MS)}; a flatten does not need it",
        do="" if fresh else "docs/runbooks/oracle-stale.md",
    )


def _dead_letters(status: Status) -> Finding:
    return Finding(
        check="dead letters",
        grade=Grade.WARNING if status.dead_letters else Grade.OK,
        observed=str(status.dead_letters),
        required="none",
        do="flatctl dead list" if status.dead_letters else "",
    )


def _drill(status: Status) -> Finding:
    """What nobody has practised for a month does not work on a bad night."""
    last = status.drills.last
    recent = last is not None and status.now_ms - last.finished_at_ms <= DRILL_DAYS * 86_400_000
    good = last is not None and recent and last.outcome is DrillOutcome.FLAT
    return Finding(
        check="last drill",
        grade=Grade.OK if good else Grade.WARNING,
        observed=short(status.drills, status.now_ms),
        required=f"a good one in the last {DRILL_DAYS} days",
        do="" if good else "flatctl drill: docs/runbooks/drill.md",
    )
