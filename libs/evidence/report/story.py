"""Who armed and why, what was decided, and what was read: the parts of a report that stand for themselves."""

from decimal import Decimal

from authority.operators import Operators
from authority.verdict import LOOKED_AT_MAX, judge
from contracts.arming import ArmRepeated, ArmRequested, FlattenRequested, Signature
from contracts.flattening import FlattenCompleted, RunStarted, RunVerified
from contracts.positions import PositionSnapshot
from evidence.history import Entry, History, Told
from evidence.report.model import (
    ArmStory,
    Attempt,
    Decision,
    Ended,
    Reading,
    SignatureRow,
    SnapshotStory,
)
from evidence.report.selecting import snapshot_after, snapshot_of
from evidence.runs import Run


def name_of(entry: Entry) -> str:
    """Stream and id, as every part of a report names an entry."""
    return f"{entry.stream} {entry.id}"


def request_of(run: Run) -> Told[FlattenRequested] | None:
    """The run's request."""
    return run.requests[0] if run.requests else None


def arm_story(run: Run, operators: Operators | None) -> ArmStory | None:
    """The arm as the request carries it."""
    request = request_of(run)
    if request is None:
        return None
    arm = request.event.arm
    judgement = judge(arm, operators, arm.environment, request.entry.at_ms) if operators else None
    return ArmStory(
        arm_id=arm.arm_id,
        operator=arm.operator,
        reason=arm.reason,
        scope=arm.scope,
        plan_hash=arm.plan_hash,
        issued_at_ms=arm.issued_at_ms,
        expires_at_ms=arm.expires_at_ms,
        signatures=tuple(
            _signature(arm, signature, operators, request.entry.at_ms) for signature in arm.signatures[:LOOKED_AT_MAX]
        ),
        signatures_told=judgement.told if judgement and arm.signatures else "",
    )


def decision(history: History, run: Run) -> Decision | None:
    """What the governor decided, from the audit; from the request where the audit does not have it."""
    request, accepted = request_of(run), next(iter(run.accepted), None)
    source = accepted or request
    if source is None:
        return None
    arm_id = accepted.event.arm_id if accepted else request.event.arm.arm_id if request else ""
    repeated = tuple(name_of(told.entry) for told in history.of(ArmRepeated) if told.event.arm_id == arm_id)
    return Decision(
        entry=name_of(source.entry),
        decided_at_ms=accepted.event.decided_at_ms if accepted else request.event.requested_at_ms if request else 0,
        gates=source.event.gates,
        breaches=request.event.breaches if request else (),
        software_version=accepted.event.software_version if accepted else "",
        config_hash=accepted.event.config_hash if accepted else "",
        cooldown_from_ms=source.entry.at_ms,
        repeated=repeated,
    )


def snapshot_before(history: History, run: Run) -> SnapshotStory | None:
    """The oracle's reading that the request names; only its name and age where it was trimmed since."""
    request = request_of(run)
    if request is None or request.event.snapshot_id is None:
        return None
    told, age_ms = snapshot_of(history, run.request_id), request.event.snapshot_age_ms
    if told is None:
        return SnapshotStory(entry="", snapshot_id=request.event.snapshot_id, age_ms=age_ms)
    return _snapshot(told, age_ms)


def snapshot_afterwards(history: History, run: Run) -> SnapshotStory | None:
    """The oracle's first reading after the run."""
    told = snapshot_after(history, run.request_id)
    return _snapshot(told, None) if told is not None else None


def attempts(run: Run) -> tuple[Attempt, ...]:
    """Every executor that took the run."""
    return tuple(
        Attempt(
            entry=name_of(told.entry),
            executor=told.event.executor,
            fence=told.event.fence,
            resumed=told.event.resumed,
            software_version=told.event.software_version,
            config_hash=told.event.config_hash,
        )
        for told in run.of(RunStarted)
    )


def readings(run: Run) -> tuple[Reading, ...]:
    """Every reading of the exchange on record."""
    return tuple(
        Reading(
            entry=name_of(told.entry),
            round_number=told.event.round_number,
            read_started_at_ms=told.event.read_started_at_ms,
            rows=told.event.rows_seen,
            open=told.event.still_open,
            unreadable=told.event.unreadable,
        )
        for told in run.of(RunVerified)
    )


def ended(run: Run) -> Ended | None:
    """The verdict."""
    if not run.completed:
        return None
    told = run.completed[0]
    event, timings = told.event, told.event.timings
    return Ended(
        entry=name_of(told.entry),
        verdict=event.verdict,
        abort_reason=event.abort_reason,
        counts=event.counts,
        rounds=event.rounds,
        residual=event.residual,
        residual_notional_usd=event.residual_notional_usd,
        residual_unpriced=event.residual_unpriced,
        resting_left=event.resting_left,
        armed_at_ms=timings.armed_at_ms,
        first_order_at_ms=timings.first_order_at_ms,
        last_order_at_ms=timings.last_order_at_ms,
        verified_at_ms=timings.verified_at_ms,
        finished_at_ms=timings.finished_at_ms,
        software_version=event.software_version,
        notes=event.notes,
        log_line=_log_line(event),
    )


def _signature(arm: ArmRequested, signature: Signature, operators: Operators | None, at_ms: int) -> SignatureRow:
    """One signature by itself. `judge` says of all of them whether they are enough."""
    if operators is None:
        what = "not verified: no operators' file was given when this report was made"
        return SignatureRow(key_id=signature.key_id, signer="", counts=False, what=what)
    alone = judge(_only(arm, signature), operators, arm.environment, at_ms)
    key = operators.key(signature.key_id)
    name = key.name if key else ""
    what = "; ".join(alone.not_counted) or "verified: it is of this arm, and the key was valid at the decision"
    return SignatureRow(key_id=signature.key_id, signer=name, counts=bool(alone.signed_by), what=what)


def _only(arm: ArmRequested, signature: Signature) -> ArmRequested:
    return ArmRequested(**{**{name: getattr(arm, name) for name in arm.__struct_fields__}, "signatures": (signature,)})


def _snapshot(told: Told[PositionSnapshot], age_ms: int | None) -> SnapshotStory:
    event = told.event
    marks = [
        (position.quantity, position.mark_price or event.marks.get(position.symbol)) for position in event.positions
    ]
    return SnapshotStory(
        entry=name_of(told.entry),
        snapshot_id=event.snapshot_id,
        age_ms=age_ms,
        taken_at_ms=event.taken_at_ms,
        rows=event.symbols_seen,
        positions=len(event.positions),
        notional_usd=sum((abs(quantity) * mark for quantity, mark in marks if mark is not None), Decimal(0)),
        unpriced=sum(mark is None for _, mark in marks),
        unreadable=len(event.unreadable),
    )


def _log_line(completed: FlattenCompleted) -> str:
    counts = completed.counts
    return (
        f"TESTNET_FLATTEN done symbols_seen={counts.seen} nonzero={counts.nonzero} "
        f"above_notional={counts.filtered} orders_sent={counts.orders_sent} orders_ok={counts.orders_ok} "
        f"errors={counts.errors} verdict={completed.verdict}"
    )
