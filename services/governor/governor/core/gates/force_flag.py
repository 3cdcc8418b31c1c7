"""Gate: flattening is switched on."""

from contracts.arming import Gate, GateVerdict
from governor.core.case import ArmCase


def force_flag(case: ArmCase) -> GateVerdict:
    """Refuse while `GOV_TESTNET_FORCE_FLATTEN` is not true."""
    return GateVerdict(
        gate=Gate.FORCE_FLAG,
        passed=case.standing.force_flatten,
        observed=f"GOV_TESTNET_FORCE_FLATTEN={str(case.standing.force_flatten).lower()}",
        required="true",
    )
