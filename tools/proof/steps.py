"""The ten steps, judged. Pure: what was found comes in, what it proves goes out, and what is missing fails."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from contracts.arming import ArmAccepted, FlattenRequested
from contracts.base import Event
from contracts.flattening import FlattenCompleted, OrderIntended, OrderResolved
from contracts.positions import AllocationStateChanged, PositionSnapshot
from evidence import three_ways
from evidence.three_ways import Evidence, Finding
from proof.answers import ArmAnswer, Audit, Read, Status
from proof.operating import Said

TITLES = (
    "Trading is stopped: the ESS latch is set",
    "Flags and gates: nothing stands in the way of an arm",
    "Before: what the exchange itself shows",
    "The arm was accepted, exactly once, and is used up",
    "The run ended flat, and its counts add up",
    "The governor was restarted in the middle, and reads again",
    "The record: every order has its end, and nothing was changed since",
    "P2.9: no symbol is beyond its cap",
    "After: what the exchange itself shows",
    "Cleaned up: nothing is armed or running, and trading may go on as before",
)
HOLDS, UNSHOWN = "holds", "cannot_be_shown"
ALIVE_MS = 5_000
"""A service reads at least every second or two."""
_NOT_REACHED = (Finding(passed=False, claim="not reached", found="an earlier step did not hold"),)


class Step(Struct, frozen=True):
    """One step and what it rests on."""

    number: int
    title: str
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether every statement holds; none at all proves nothing."""
        return bool(self.findings) and all(finding.passed for finding in self.findings)


class Before(Struct, frozen=True, kw_only=True):
    """What was found before anything was armed, with the latch set."""

    status: Status
    reading: Read


class Restart(Struct, frozen=True, kw_only=True):
    """How the governor was restarted."""

    command: str
    said: Said
    status: Status
    """Once it read again, or when nobody waited any longer."""


class After(Struct, frozen=True, kw_only=True):
    """What was found once the run had ended."""

    arm: ArmAnswer
    arm_code: int
    restart: Restart
    reading: Read
    events: tuple[Event, ...]
    """The whole history, in the order of its streams."""
    audit: Audit
    """What the audit chain and the invariants say of it."""
    status: Status
    """Before anything was cleaned up."""


class Cleaned(Struct, frozen=True, kw_only=True):
    """How it was left."""

    status: Status
    latch_was_set: bool
    """Before the proof."""


def before_steps(before: Before) -> tuple[Step, ...]:
    """Steps 1 to 3: what has to hold before anything is armed."""
    return (_step(1, _stopped(before.status)), _step(2, _ready(before.status)), _step(3, _open(before.reading)))


def after_steps(before: Before, after: After | None) -> tuple[Step, ...]:
    """Steps 4 to 9."""
    if after is None:
        return tuple(_step(number, _NOT_REACHED) for number in range(4, 10))
    evidence = _evidence(before.reading, after.reading, after.status, after.arm.arm_id, after.events)
    completed = evidence.completed[0] if len(evidence.completed) == 1 else None
    return (
        _step(4, (*three_ways.arm_findings(evidence), *_once(after))),
        _step(5, (*three_ways.verdict_findings(evidence, completed), _exit(after))),
        _step(6, _restarted(after.restart)),
        _step(7, (*three_ways.order_findings(evidence), *_record(after.audit))),
        _step(8, three_ways.allocation_findings(evidence, completed)),
        _step(9, (*three_ways.exchange_findings(evidence, completed), *_nothing_waits(after.reading))),
    )


def last_step(cleaned: Cleaned | None) -> Step:
    """Step 10."""
    return _step(10, _NOT_REACHED if cleaned is None else _cleaned(cleaned))


def allocation_holds(before: Before, arm: ArmAnswer, events: tuple[Event, ...]) -> bool:
    """Whether the P2.9 check has looked again since this arm's run, and found nothing beyond its cap."""
    evidence = _evidence(before.reading, before.reading, before.status, arm.arm_id, events)
    completed = evidence.completed[0] if len(evidence.completed) == 1 else None
    return all(finding.passed for finding in three_ways.allocation_findings(evidence, completed))


def _evidence(before: Read, after: Read, status: Status, arm_id: str, events: tuple[Event, ...]) -> Evidence:
    """This arm's part of the history, for the three-way judge."""
    requests = {event.request_id for event in _of(events, ArmAccepted) if event.arm_id == arm_id}
    snapshots = list(_of(events, PositionSnapshot))
    return Evidence(
        arm_id=arm_id,
        before=before.direct(),
        after=after.direct(),
        audit=tuple(e for e in events if not isinstance(e, OrderIntended | OrderResolved) or e.request_id in requests),
        completed=tuple(event for event in _of(events, FlattenCompleted) if event.arm_id == arm_id),
        armed=status.armed.arm_id if status.armed else None,
        active=status.active,
        last_ts=status.last_flatten_ts,
        checks=tuple(_of(events, AllocationStateChanged)),
        snapshot=snapshots[-1] if snapshots else None,
    )


def _stopped(status: Status) -> Iterator[Finding]:
    latch = status.latch
    yield Finding(latch.readable and latch.is_set, "the latch is set, and can be read", latch.detail)


def _ready(status: Status) -> Iterator[Finding]:
    for name in ("governor", "flatten-executor"):
        yield _alive(status, name)
    refusing = [f"{gate.gate}: {gate.observed}" for gate in status.gates if gate.standing == "refuses"]
    found = "; ".join(refusing) or f"none of {len(status.gates)}; the governor's own flags it judges with the arm"
    yield Finding(bool(status.gates) and not refusing, "no gate that can be seen from here refuses", found)


def _alive(status: Status, name: str) -> Finding:
    group = status.group(name)
    seen = group.seen_ms_ago if group else None
    found = "never seen" if seen is None else f"last read {seen} ms ago"
    return Finding(seen is not None and seen <= ALIVE_MS, f"the {name} reads its stream", found)


def _open(reading: Read) -> Iterator[Finding]:
    whole = not reading.unread and not reading.doubts
    found = f"{reading.rows_seen} rows, {len(reading.unread)} that cannot be read"
    yield Finding(whole and reading.rows_seen > 0, "the whole account was read", "; ".join((found, *reading.doubts)))
    yield Finding(
        bool(reading.open), "there is something to close", f"{len(reading.open)} open, ${reading.notional_usd:,.2f}"
    )


def _once(after: After) -> Iterator[Finding]:
    requests = [event for event in _of(after.events, FlattenRequested) if event.arm.arm_id == after.arm.arm_id]
    said = ", ".join(event.request_id for event in requests) or "none"
    right = [event.request_id for event in requests] == [after.arm.request_id]
    yield Finding(right, "it became one request, and no other", said)
    accepted = [event for event in _of(after.events, ArmAccepted) if event.arm_id == after.arm.arm_id]
    gates = [gate for event in accepted for gate in event.gates]
    refused = [f"{gate.gate}: {gate.observed}" for gate in gates if not gate.passed]
    found = "; ".join(refused) or ", ".join(str(gate.gate) for gate in gates)
    yield Finding(bool(gates) and not refused, "every gate passed, by the governor's record", found)


def _exit(after: After) -> Finding:
    return Finding(after.arm_code == 0, "the operator's command said so too", f"exit code {after.arm_code}")


def _restarted(restart: Restart) -> Iterator[Finding]:
    said = restart.said
    yield Finding(said.code == 0, "it was restarted while the run was under way", f"{restart.command}: {said.why}")
    yield _alive(restart.status, "governor")


def _record(audit: Audit) -> Iterator[Finding]:
    for check in audit.checks:
        if check.standing != HOLDS:
            what = "; ".join(wrong.what for wrong in check.findings[:3])
            yield Finding(check.standing == UNSHOWN, f"{check.name}: {check.rule}", f"{check.standing}: {what}")
    held = [check.name for check in audit.checks if check.standing == HOLDS]
    yield Finding(bool(held), "the chain and the invariants hold", ", ".join(held) or "nothing was looked at")
    yield Finding(bool(audit.chain_head), "the chain's head", audit.chain_head or "there is no chain")


def _nothing_waits(reading: Read) -> Iterator[Finding]:
    yield Finding(not reading.resting, "no order waits", f"{len(reading.resting)} waiting orders")
    yield Finding(
        reading.verdict in ("flat", "flat_except_dust") and not reading.doubts,
        "an independent reading says flat",
        "; ".join((reading.verdict, *reading.doubts)),
    )


def _cleaned(cleaned: Cleaned) -> Iterator[Finding]:
    status, armed, active = cleaned.status, cleaned.status.armed, cleaned.status.active
    yield Finding(armed is None, "nothing is armed", armed.arm_id if armed else "the arm key is free")
    yield Finding(active is None, "no run is in flight", active or "none")
    word = "set, as it was before" if cleaned.latch_was_set else "cleared, as it was before"
    right = status.latch.readable and status.latch.is_set is cleaned.latch_was_set
    yield Finding(right, f"the latch is {word}", status.latch.detail)


def _of(events: Iterable[Event], event_type: type[three_ways.E]) -> Iterator[three_ways.E]:
    return (event for event in events if isinstance(event, event_type))


def _step(number: int, findings: Iterable[Finding]) -> Step:
    return Step(number, TITLES[number - 1], tuple(findings))
