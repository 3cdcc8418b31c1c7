"""From a judged case to the events that tell of it."""

from msgspec import Struct

from authority.verdict import Judgement
from contracts.arming import (
    ArmAccepted,
    ArmAwaitingApproval,
    ArmDisarmed,
    ArmRefused,
    ArmRepeated,
    ArmRequested,
    DisarmRequested,
    FlattenRequested,
)
from contracts.positions import AllocationCheck, PositionSnapshot
from governor.core.case import ArmCase
from governor.core.policy import Decision
from governor.core.record import ArmRecord


class Exposure(Struct, frozen=True, kw_only=True):
    """What the oracle and the P2.9 check say at the moment: it goes into the request and decides nothing."""

    snapshot: PositionSnapshot | None = None
    """The newest; nothing when there has been none."""
    traceparent: str | None = None
    """Of the snapshot's publication."""
    breaches: tuple[AllocationCheck, ...] = ()


def requested(case: ArmCase, decision: Decision, request_id: str, exposure: Exposure) -> FlattenRequested:
    """The request that an arm becomes. A snapshot that is old or missing is only reported."""
    if not decision.passed:
        raise ValueError(f"arm {case.arm.arm_id} did not pass every gate")
    now_ms = case.store.now_ms
    snapshot = exposure.snapshot
    return FlattenRequested(
        request_id=request_id,
        arm=case.arm,
        gates=decision.verdicts,
        breaches=exposure.breaches,
        snapshot_id=snapshot.snapshot_id if snapshot else None,
        snapshot_age_ms=max(0, now_ms - snapshot.taken_at_ms) if snapshot else None,
        requested_at_ms=now_ms,
    )


def accepted(case: ArmCase, decision: Decision, request_id: str) -> ArmAccepted:
    """The evidence for an arm that was fired."""
    return ArmAccepted(
        arm_id=case.arm.arm_id,
        request_id=request_id,
        operator=case.arm.operator,
        reason=case.arm.reason,
        gates=decision.verdicts,
        decided_at_ms=case.store.now_ms,
        software_version=case.standing.software_version,
        config_hash=case.standing.config_hash,
    )


def refused(case: ArmCase, decision: Decision) -> ArmRefused:
    """The evidence for an arm that was used up without effect."""
    return ArmRefused(
        arm_id=case.arm.arm_id,
        operator=case.arm.operator,
        reason=case.arm.reason,
        gates=decision.verdicts,
        decided_at_ms=case.store.now_ms,
    )


def awaiting(case: ArmCase, judgement: Judgement) -> ArmAwaitingApproval:
    """The evidence for an arm that needs signatures of more people, and is not used up."""
    return ArmAwaitingApproval(
        arm_id=case.arm.arm_id,
        operator=case.arm.operator,
        reason=case.arm.reason,
        signed_by=judgement.signed_by,
        needed=judgement.needed,
        expires_at_ms=case.arm.expires_at_ms,
        seen_at_ms=case.store.now_ms,
        not_counted=judgement.not_counted,
    )


def repeated(arm: ArmRequested, record: ArmRecord, now_ms: int) -> ArmRepeated:
    """A decided arm came again."""
    return ArmRepeated(arm_id=arm.arm_id, operator=arm.operator, first_outcome=record.outcome, seen_at_ms=now_ms)


def disarmed(disarm: DisarmRequested, record: ArmRecord | None, now_ms: int) -> ArmDisarmed:
    """An arm was taken back, or came too late to be."""
    return ArmDisarmed(
        arm_id=disarm.arm_id,
        operator=disarm.operator,
        reason=disarm.reason,
        first_outcome=record.outcome if record else "",
        disarmed_at_ms=now_ms,
    )
