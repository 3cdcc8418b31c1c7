"""Gate: trading is stopped."""

from contracts.arming import Gate, GateVerdict
from governor.core.case import ArmCase


def ess_latch(case: ArmCase) -> GateVerdict:
    """Refuse unless the latch was read and is set: an unreadable latch is an unset latch."""
    return GateVerdict(
        gate=Gate.ESS_LATCH,
        passed=case.latch.readable and case.latch.is_set,
        observed=case.latch.detail,
        required="set, and readable",
    )
