"""Gate: not too soon after the last flatten."""

from contracts.arming import Gate, GateVerdict
from governor.core.case import ArmCase, Seen, unix_ms_up


def cooldown(case: ArmCase) -> GateVerdict:
    """Refuse an arm that comes too soon after the last accepted flatten, by Redis's clock (I4).

    Elapsed time is clamped at zero: the record is rounded up to whole seconds, and a cooldown of zero always passes.
    """
    passed, observed = _elapsed(case)
    return GateVerdict(
        gate=Gate.COOLDOWN, passed=passed, observed=observed, required=f">= {case.standing.cooldown_ms / 1000:g}s"
    )


def cooldown_left_ms(case: ArmCase) -> int | None:
    """For how long this gate goes on refusing; nothing when the last flatten's time cannot be read."""
    if not case.store.last_ts.problem and case.store.last_ts.value is None:
        return 0
    last_ms = last_flatten_ms(case.store.last_ts)
    if last_ms is None:
        return None
    return max(0, case.standing.cooldown_ms - max(0, case.store.now_ms - last_ms))


def last_flatten_ms(last: Seen) -> int | None:
    """When the last flatten was accepted; nothing when there was none, or its time cannot be read."""
    return None if last.problem or last.value is None else unix_ms_up(last.value)


def _elapsed(case: ArmCase) -> tuple[bool, str]:
    last = case.store.last_ts
    if last.problem:
        return False, f"the time of the last flatten cannot be read: {last.problem}"
    if last.value is None:
        return True, "no flatten on record"
    last_ms = unix_ms_up(last.value)
    if last_ms is None:
        return False, f"the time of the last flatten cannot be read: {last.value[:40]!r} is not Unix seconds"
    elapsed_ms = max(0, case.store.now_ms - last_ms)
    return elapsed_ms >= case.standing.cooldown_ms, f"{elapsed_ms // 100 / 10:.1f}s"
