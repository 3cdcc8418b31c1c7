"""What an arm would meet right now: every gate that can be asked without one. Pure; it informs and decides nothing."""

from collections.abc import Mapping

from msgspec import Struct

from authority.operators import OperatorsSeen
from contracts.arming import ArmRequested, Gate, GateVerdict, Scope
from governor.core.case import ArmCase, LatchSeen, Seen, Standing, StoreSeen
from governor.core.gates.arm_authentic import arm_authentic
from governor.core.gates.arm_unused import arm_unused
from governor.core.gates.cooldown import cooldown_left_ms, last_flatten_ms
from governor.core.policy import GATES

_OF_THE_ARM = (arm_authentic, arm_unused)
"""What these say depends on the arm."""
ASKED = tuple(gate for gate in GATES if gate not in _OF_THE_ARM)
_NO_ARM = "no arm"


class Outlook(Struct, frozen=True, kw_only=True):
    """How it stands between the governor and the next arm."""

    verdicts: tuple[GateVerdict, ...]
    """Of the gates that can be asked without an arm."""
    armed: Seen
    """The arm that is armed at the moment."""
    active: Seen
    """The request in flight."""
    cooldown_left_ms: int | None
    """Nothing when nobody can tell."""
    in_flight_since_ms: int | None
    """When the request in flight was accepted: 0 when there is none, nothing when nobody can tell."""

    @property
    def passes(self) -> Mapping[Gate, bool]:
        """Which of them would let an arm through."""
        return {verdict.gate: verdict.passed for verdict in self.verdicts}


def look_out(standing: Standing, latch: LatchSeen, store: StoreSeen) -> Outlook:
    """Ask the gates about an arm that is for this account in this environment."""
    arm = ArmRequested(
        arm_id=_NO_ARM,
        operator=_NO_ARM,
        reason=_NO_ARM,
        environment=standing.environment,
        account=standing.account,
        scope=Scope(),
        issued_at_ms=store.now_ms,
        expires_at_ms=store.now_ms,
    )
    case = ArmCase(arm=arm, standing=standing, latch=latch, operators=OperatorsSeen(), store=store)  # nobody asks them
    return Outlook(
        verdicts=tuple(gate(case) for gate in ASKED),
        armed=store.armed,
        active=store.active,
        cooldown_left_ms=cooldown_left_ms(case),
        in_flight_since_ms=_in_flight_since_ms(store),
    )


def _in_flight_since_ms(store: StoreSeen) -> int | None:
    """The accepted request and its time are written by one script."""
    if store.active.problem:
        return None
    return 0 if store.active.value is None else last_flatten_ms(store.last_ts)
