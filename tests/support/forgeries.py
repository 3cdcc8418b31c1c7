"""Arms that alice, the operator whom they name, did not sign so: none of them may pass, whoever verifies."""

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from contracts.arming import ArmRequested
from contracts.vocabulary import Environment
from support.people import ALICE, BOB, EVE

Forgery = Callable[[ArmRequested], ArmRequested]

FORGERIES: Mapping[str, Forgery] = {
    "nobody": lambda arm: arm,
    "a wrong key": EVE.sign,
    "another operator's key": BOB.sign,
    "a wrong key under the operator's name": lambda arm: replace(
        arm, signatures=(replace(EVE.sign(arm).signatures[0], key_id=ALICE.key_id),)
    ),
    "a changed byte of the reason": lambda arm: replace(ALICE.sign(arm), reason="drilk"),
    "one for another account, redirected": lambda arm: replace(
        arm, signatures=ALICE.sign(replace(arm, account="other")).signatures
    ),
    "one for another environment, redirected": lambda arm: replace(
        arm, signatures=ALICE.sign(replace(arm, environment=Environment.TESTNET)).signatures
    ),
}
