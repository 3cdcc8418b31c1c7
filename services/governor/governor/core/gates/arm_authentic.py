"""Gate: the arm comes from operators who may arm, and from as many of them as the policy asks."""

from contracts.arming import Gate, GateVerdict
from contracts.vocabulary import Environment
from governor.core.case import ArmCase


def arm_authentic(case: ArmCase) -> GateVerdict:
    """Refuse an arm without enough valid signatures (I2). Where none are configured it passes in `sim`, and says so."""
    operators, problem = case.operators.operators, case.operators.problem
    if operators is not None:
        found = case.signatures(operators)
        people = "the operator's valid signature" if found.needed == 1 else f"valid signatures of {found.needed} people"
        return _verdict(passed=found.enough, observed=found.told, required=people)
    here = case.standing.environment
    observed = problem or f"not checked: OPERATORS_FILE is not set, and the environment is {here}"
    return _verdict(
        passed=not problem and here is Environment.SIM,
        observed=observed,
        required="the signatures of operators; outside of sim OPERATORS_FILE has to be set",
    )


def _verdict(*, passed: bool, observed: str, required: str) -> GateVerdict:
    return GateVerdict(gate=Gate.ARM_AUTHENTIC, passed=passed, observed=observed, required=required)
