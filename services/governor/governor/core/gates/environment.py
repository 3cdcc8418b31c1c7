"""Gate: the arm is for this account in this environment."""

from contracts.arming import Gate, GateVerdict
from contracts.vocabulary import Environment
from governor.core.case import ArmCase


def environment(case: ArmCase) -> GateVerdict:
    """Refuse an arm for another environment or account, and any arm for real money without explicit permission."""
    here = f"{case.standing.environment}/{case.standing.account}"
    there = f"{case.arm.environment}/{case.arm.account}"
    needs_permission = case.standing.environment is Environment.LIVE
    permission = " and FLATTEN_ALLOW_LIVE=FLATTEN_LIVE" if needs_permission else ""
    denied = needs_permission and not case.standing.live_allowed
    return GateVerdict(
        gate=Gate.ENVIRONMENT,
        passed=here == there and not denied,
        observed=f"{there}{', FLATTEN_ALLOW_LIVE is not FLATTEN_LIVE' if denied else ''}",
        required=f"{here}{permission}",
    )
