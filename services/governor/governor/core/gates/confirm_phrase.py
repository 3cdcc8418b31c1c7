"""Gate: whoever switched flattening on has also written the phrase."""

from contracts.arming import Gate, GateVerdict
from governor.core.case import ArmCase

PHRASE = "FLATTEN_NOW"


def confirm_phrase(case: ArmCase) -> GateVerdict:
    """Refuse unless `GOV_TESTNET_FORCE_FLATTEN_CONFIRM` is exactly the phrase: no other case, no space around it."""
    phrase = case.standing.confirm_phrase
    return GateVerdict(
        gate=Gate.CONFIRM_PHRASE,
        passed=phrase == PHRASE,
        observed=f"GOV_TESTNET_FORCE_FLATTEN_CONFIRM={phrase[:40]!r}" if phrase else "not set",
        required=repr(PHRASE),
    )
