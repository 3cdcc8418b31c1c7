"""Gate: the arm is armed, in time, and has never been decided."""

from contracts.arming import ARM_LIFETIME_MAX_MS, ISSUED_AHEAD_MAX_MS, Gate, GateVerdict
from governor.core.case import ArmCase


def arm_unused(case: ArmCase) -> GateVerdict:
    """Refuse an arm that is not in the arm key, out of its time, valid for too long, decided or disarmed (I1, I2)."""
    problems = [*_armed(case), *_in_time(case), *_undecided(case)]
    return GateVerdict(
        gate=Gate.ARM_UNUSED,
        passed=not problems,
        observed="; ".join(problems) or f"armed, {case.arm.expires_at_ms - case.store.now_ms} ms before it expires",
        required="armed in Redis, not expired, never decided",
    )


def _armed(case: ArmCase) -> list[str]:
    armed = case.store.armed
    if armed.problem:
        return [f"the arm key cannot be read: {armed.problem}"]
    if armed.value is None:
        return ["the arm key is empty: expired, disarmed or used"]
    if armed.value != case.arm.arm_id:
        return [f"the arm key holds another arm: {armed.value[:80]}"]
    return []


def _in_time(case: ArmCase) -> list[str]:
    now_ms = case.store.now_ms
    problems = []
    if case.arm.expires_at_ms <= now_ms:
        problems.append(f"expired {now_ms - case.arm.expires_at_ms} ms ago")
    if case.arm.issued_at_ms > now_ms + ISSUED_AHEAD_MAX_MS:
        problems.append(f"issued {case.arm.issued_at_ms - now_ms} ms in the future")
    lifetime_ms = case.arm.expires_at_ms - case.arm.issued_at_ms
    if lifetime_ms > ARM_LIFETIME_MAX_MS:
        problems.append(f"valid for {lifetime_ms} ms, more than the {ARM_LIFETIME_MAX_MS} that an arm may live")
    return problems


def _undecided(case: ArmCase) -> list[str]:
    fired = case.store.fired
    if fired.problem:
        return [f"the record of used arms cannot be read: {fired.problem}"]
    return [] if fired.value is None else [f"on record already: {fired.value[:160]}"]
