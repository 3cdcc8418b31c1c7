"""Builders: an arm that passes every gate, and the case around it."""

from authority.operators import OperatorsSeen
from contracts.arming import ArmAwaitingApproval, ArmRequested, DisarmRequested, Scope
from contracts.vocabulary import Environment
from governor.core.case import ArmCase, LatchSeen, Seen, Standing, StoreSeen

NOW_MS = 1_769_571_479_123


def an_arm(
    arm_id: str = "arm-1",
    *,
    environment: Environment = Environment.SIM,
    account: str = "main",
    issued_at_ms: int = NOW_MS - 1_000,
    expires_at_ms: int = NOW_MS + 59_000,
) -> ArmRequested:
    return ArmRequested(
        arm_id=arm_id,
        operator="alice",
        reason="drill",
        environment=environment,
        account=account,
        scope=Scope(),
        issued_at_ms=issued_at_ms,
        expires_at_ms=expires_at_ms,
    )


def a_disarm(arm_id: str = "arm-1", *, issued_at_ms: int = NOW_MS) -> DisarmRequested:
    return DisarmRequested(
        arm_id=arm_id,
        operator="bob",
        reason="changed my mind",
        environment=Environment.SIM,
        account="main",
        issued_at_ms=issued_at_ms,
    )


def a_wait(arm_id: str = "arm-1") -> ArmAwaitingApproval:
    return ArmAwaitingApproval(
        arm_id=arm_id,
        operator="alice",
        reason="drill",
        signed_by=("alice",),
        needed=2,
        expires_at_ms=NOW_MS + 59_000,
        seen_at_ms=NOW_MS,
    )


def a_standing(
    *,
    environment: Environment = Environment.SIM,
    account: str = "main",
    live_allowed: bool = False,
    force_flatten: bool = True,
    confirm_phrase: str = "FLATTEN_NOW",
    cooldown_ms: int = 60_000,
) -> Standing:
    return Standing(
        environment=environment,
        account=account,
        live_allowed=live_allowed,
        force_flatten=force_flatten,
        confirm_phrase=confirm_phrase,
        cooldown_ms=cooldown_ms,
    )


UNSIGNED = OperatorsSeen()
"""No operators' file: arms are not signed, which sim alone allows."""
LATCH_SET = LatchSeen(is_set=True, readable=True, detail="file:/ESS_ON is there")
LATCH_CLEAR = LatchSeen(is_set=False, readable=True, detail="file:/ESS_ON is not there")
LATCH_UNREADABLE = LatchSeen(is_set=True, readable=False, detail="file:/ESS_ON cannot be read")


def a_case(
    *,
    arm: ArmRequested | None = None,
    standing: Standing | None = None,
    latch: LatchSeen = LATCH_SET,
    operators: OperatorsSeen | None = None,
    now_ms: int = NOW_MS,
    armed: Seen | None = None,
    fired: Seen | None = None,
    last_ts: Seen | None = None,
    active: Seen | None = None,
) -> ArmCase:
    """A case that passes every gate, but for what is given."""
    arm = arm or an_arm()
    return ArmCase(
        arm=arm,
        standing=standing or a_standing(),
        latch=latch,
        operators=operators or UNSIGNED,
        store=StoreSeen(
            now_ms=now_ms,
            armed=armed or Seen(value=arm.arm_id),
            fired=fired or Seen(),
            last_ts=last_ts or Seen(),
            active=active or Seen(),
        ),
    )
