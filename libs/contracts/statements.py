r"""What an operator signs: the bytes that stand for an arm, the same for whoever signs and whoever verifies.

They are a JSON array in ASCII, without blanks, in the order below; text outside of ASCII is escaped as JSON does it
(`\u00e9`). A first word names format and version. The order is written out here and follows no struct: a field that is
added to an event changes no signature, and none is left out of one by accident. A changed order is a new version.
"""

import json

from contracts.arming import ArmRequested

DOMAIN = "flatguard.arm.v1"
"""No signature under it can stand for anything else, and none made for something else can stand here."""


def signed_bytes(arm: ArmRequested) -> bytes:
    """What the signatures of `arm` are over: everything that it permits, and nothing of how it travels.

    Raises ValueError for a number that is too long to write.
    """
    statement = [
        DOMAIN,
        arm.event_type(),
        arm.arm_id,
        arm.account,
        str(arm.environment),
        list(arm.scope.symbols),
        arm.plan_hash,
        arm.operator,
        arm.reason,
        arm.issued_at_ms,
        arm.expires_at_ms,
    ]
    return json.dumps(statement, ensure_ascii=True, separators=(",", ":")).encode("ascii")
