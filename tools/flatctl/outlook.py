"""The gates as they stand, as far as that can be judged from here and without an arm. The rest is unknown."""

from collections.abc import Iterator

from msgspec import Struct
from redis.asyncio import Redis

from contracts.arming import ArmAccepted, ArmRefused, Gate, GateVerdict
from contracts.streams import Keys
from contracts.vocabulary import Word
from flatctl.figures import span
from flatctl.history import backwards
from flatctl.looking import Status
from flatctl.settings import FlatctlSettings

_LOOKED_AT_MAX = 5_000
"""Entries of the audit stream in which the last decision is looked for."""


class Standing(Word):
    """What a gate would say to an arm that came now."""

    PASSES = "passes"
    REFUSES = "refuses"
    UNKNOWN = "unknown"
    """It rests on the governor's own settings, or on the arm."""


class GateOutlook(Struct, frozen=True, kw_only=True):
    """One gate, now."""

    gate: Gate
    standing: Standing
    observed: str
    required: str


class LastDecision(Struct, frozen=True, kw_only=True):
    """What the governor said of the last arm that it judged, gate by gate."""

    age_ms: int
    gates: tuple[GateVerdict, ...]

    def of(self, gate: Gate) -> str:
        """What it said of this one; empty when it did not know it."""
        for verdict in self.gates:
            if verdict.gate is gate:
                word = "passed" if verdict.passed else "REFUSED"
                return f"{span(self.age_ms)} ago it {word}: {verdict.observed}"
        return ""


async def last_decision(redis: Redis, keys: Keys, now_ms: int) -> LastDecision | None:
    """The newest decision on record; nothing when there is none among the newest entries."""
    looked_at = 0
    async for record in backwards(redis, keys.stream("flatten.audit")):
        looked_at += 1
        if isinstance(record.event, ArmAccepted | ArmRefused):
            return LastDecision(age_ms=now_ms - record.event.decided_at_ms, gates=record.event.gates)
        if looked_at == _LOOKED_AT_MAX:
            return None
    return None


def look_out(status: Status, settings: FlatctlSettings, last: LastDecision | None) -> tuple[GateOutlook, ...]:
    """Every gate, in the governor's order. Pure."""
    return tuple(_look_out(status, settings, last))


def _look_out(status: Status, settings: FlatctlSettings, last: LastDecision | None) -> Iterator[GateOutlook]:
    for gate in Gate:
        match gate:
            case Gate.ESS_LATCH:
                passes = status.latch.readable and status.latch.is_set
                yield _seen(gate, status.latch.detail, "set, and readable", passes=passes)
            case Gate.ARM_UNUSED:
                yield _arm_key(gate, status)
            case Gate.COOLDOWN:
                yield _cooldown(gate, status, settings)
            case Gate.NO_RUN_IN_FLIGHT:
                observed = f"{status.active} is in flight" if status.active else "none"
                yield _seen(gate, observed, "no request in flight", passes=status.active is None)
            case Gate.ENVIRONMENT:
                here = f"flatctl means {status.environment}/{status.account}"
                yield _not_seen(gate, here, "the governor's own environment and account", last)
            case Gate.ARM_AUTHENTIC:
                yield _not_seen(gate, "judged for each arm", "an arm that the governor takes for an operator's", last)
            case _:
                yield _not_seen(gate, "the governor's own setting", "as the governor's settings have it", last)


def _arm_key(gate: Gate, status: Status) -> GateOutlook:
    required = "armed, not expired, never decided"
    if status.armed is None:
        return _seen(gate, "nothing is armed: the arm key is free", required, passes=True)
    return _seen(gate, f"{status.armed.arm_id} is armed already: no other can be", required, passes=False)


def _cooldown(gate: Gate, status: Status, settings: FlatctlSettings) -> GateOutlook:
    left_ms = status.cooldown_left_ms
    if left_ms is None:
        observed = f"the time of the last flatten cannot be read: {(status.last_flatten_ts or '')[:40]!r}"
    elif status.last_flatten_ts is None:
        observed = "no flatten on record"
    else:
        observed = f"{span(left_ms)} left" if left_ms else "over"
    required = f"{settings.flatten_cooldown_seconds} s since the last accepted flatten"
    return _seen(gate, observed, required, passes=left_ms == 0)


def _seen(gate: Gate, observed: str, required: str, *, passes: bool) -> GateOutlook:
    standing = Standing.PASSES if passes else Standing.REFUSES
    return GateOutlook(gate=gate, standing=standing, observed=observed, required=required)


def _not_seen(gate: Gate, here: str, required: str, last: LastDecision | None) -> GateOutlook:
    before = last.of(gate) if last else ""
    observed = f"{here}; {before}" if before else f"{here}; no arm was judged yet"
    return GateOutlook(gate=gate, standing=Standing.UNKNOWN, observed=observed, required=required)
