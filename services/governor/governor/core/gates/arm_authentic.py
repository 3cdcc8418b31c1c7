"""Gate: the arm comes from an operator."""

from contracts.arming import Gate, GateVerdict
from governor.core.case import ArmCase


def arm_authentic(case: ArmCase) -> GateVerdict:
    """Pass while no operators' keys are configured, and say so; with keys, refuse what cannot be verified."""
    keys = case.standing.operators_file
    return GateVerdict(
        gate=Gate.ARM_AUTHENTIC,
        passed=not keys,
        observed=(
            "OPERATORS_FILE is set, and signatures are not supported by this version"
            if keys
            else "not checked: no operators' keys are configured"
        ),
        required="a valid operator's signature, where OPERATORS_FILE is set",
    )
