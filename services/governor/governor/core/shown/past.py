"""The past: what the streams say of arms and runs, folded as it comes. Holds no more than a page shows."""

from collections import OrderedDict
from typing import TypeVar

from msgspec import Struct

from closing.progress import RunRecord
from contracts.arming import ArmAccepted, ArmAwaitingApproval, ArmDisarmed, ArmRefused
from contracts.base import Event
from contracts.flattening import FlattenCompleted, RunStarted
from governor.core.shown.runs import RunShown, run_shown

KEPT = 20
"""So many arms and verdicts are remembered."""
T = TypeVar("T")
Decision = ArmAccepted | ArmRefused | ArmDisarmed | ArmAwaitingApproval


class PastArm(Struct, frozen=True, kw_only=True):
    """One arm, and what came of it."""

    arm_id: str
    at_ms: int
    operator: str
    reason: str
    decision: str
    failed: tuple[str, ...]
    """The gates that refused, each with what it saw."""
    request_id: str
    verdict: str
    """Empty while there is none."""
    closed: int | None
    to_close: int | None
    left_usd: str
    report: str
    """Where the evidence report of the run is; empty where there is none to link to."""


class Past:
    """The newest arms by id, and the newest run."""

    def __init__(self) -> None:
        self.version = 0
        """Grows whenever something that is shown changes."""
        self._arms: OrderedDict[str, Decision] = OrderedDict()
        self._verdicts: OrderedDict[str, FlattenCompleted] = OrderedDict()
        self._run: RunRecord | None = None

    def take(self, event: Event) -> None:
        """Take one event in; those of one stream come in its order."""
        self.version += 1
        if isinstance(event, Decision) and not (isinstance(event, ArmDisarmed) and event.first_outcome):
            _keep(self._arms, event.arm_id, event)  # a disarm that came too late changed nothing
        if isinstance(event, FlattenCompleted):
            _keep(self._verdicts, event.request_id, event)
        if isinstance(event, ArmAccepted | RunStarted | FlattenCompleted):
            self._turn_to(event)
        if self._run is not None:
            self._run.take(event)

    def _turn_to(self, event: ArmAccepted | RunStarted | FlattenCompleted) -> None:
        """Show another run: a newer one, or an older one that somebody took up again."""
        if self._run is not None and self._run.request_id == event.request_id:
            return
        if isinstance(event, FlattenCompleted) and self.under_way:
            return  # the end of another run than the one that is shown
        self._run = RunRecord(event.request_id)
        verdict = self._verdicts.get(event.request_id)
        if verdict is not None:
            self._run.take(verdict)

    def run(self) -> RunShown | None:
        """The newest run; nothing when none is on record."""
        return None if self._run is None else run_shown(self._run)

    @property
    def under_way(self) -> bool:
        """Whether the newest run has no verdict yet."""
        return self._run is not None and not self._run.ended

    def arms(self) -> tuple[PastArm, ...]:
        """The newest first."""
        return tuple(_past_arm(arm, self._verdicts) for arm in reversed(self._arms.values()))


def _past_arm(arm: Decision, verdicts: OrderedDict[str, FlattenCompleted]) -> PastArm:
    request_id = arm.request_id if isinstance(arm, ArmAccepted) else ""
    run = verdicts.get(request_id)
    return PastArm(
        arm_id=arm.arm_id,
        at_ms=_at_ms(arm),
        operator=arm.operator,
        reason=arm.reason,
        decision=_decision(arm),
        failed=_failed(arm),
        request_id=request_id,
        verdict=run.verdict.value if run else "",
        closed=run.counts.ok if run else None,
        to_close=run.counts.filtered if run else None,
        left_usd=format(run.residual_notional_usd, ".2f") if run else "",
        report="",
    )


def _decision(arm: Decision) -> str:
    match arm:
        case ArmAccepted():
            return "accepted"
        case ArmRefused():
            return "refused"
        case ArmDisarmed():
            return "disarmed"
        case _:
            return f"waits for {arm.needed - len(arm.signed_by)} more to sign"


def _failed(arm: Decision) -> tuple[str, ...]:
    if not isinstance(arm, ArmRefused):
        return ()
    return tuple(f"{verdict.gate.value}: {verdict.observed}" for verdict in arm.gates if not verdict.passed)


def _at_ms(arm: Decision) -> int:
    match arm:
        case ArmDisarmed():
            return arm.disarmed_at_ms
        case ArmAwaitingApproval():
            return arm.seen_at_ms
        case _:
            return arm.decided_at_ms


def _keep(kept: OrderedDict[str, T], key: str, value: T) -> None:
    """The newest stands last, and the oldest goes."""
    kept.pop(key, None)
    kept[key] = value
    while len(kept) > KEPT:
        kept.popitem(last=False)
