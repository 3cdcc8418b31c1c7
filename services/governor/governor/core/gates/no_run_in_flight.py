"""Gate: nothing is being flattened already."""

from contracts.arming import Gate, GateVerdict
from governor.core.case import ArmCase


def no_run_in_flight(case: ArmCase) -> GateVerdict:
    """Refuse while a request is in flight, or when nobody can tell."""
    active = case.store.active
    if active.problem:
        observed = f"cannot be read: {active.problem}"
    else:
        observed = "none" if active.value is None else f"{active.value[:80]} is in flight"
    return GateVerdict(
        gate=Gate.NO_RUN_IN_FLIGHT,
        passed=not active.problem and active.value is None,
        observed=observed,
        required="no request in flight",
    )
