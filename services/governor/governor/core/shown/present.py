"""The present: whose governor this is, every gate with its reason, the oracle, and what is not as it should be."""

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from authority.operators import OperatorsSeen
from contracts.arming import Gate, GateVerdict
from contracts.positions import PositionSnapshot
from contracts.vocabulary import Environment
from governor.core.case import Seen, Standing
from governor.core.outlook import Outlook
from governor.core.policy import GATES

ORACLE_LATE_MS = 5_000
"""An oracle reads every second; a snapshot that is older than this tells of trouble."""


class Light(StrEnum):
    """How a gate stands."""

    PASSES = "passes"
    REFUSES = "refuses"
    DEPENDS = "depends"
    """On the arm, which is not there yet."""
    UNKNOWN = "unknown"
    """Nobody looked yet."""


class GateShown(Struct, frozen=True, kw_only=True):
    """One gate as it stands."""

    gate: Gate
    light: Light
    observed: str
    required: str


class OracleShown(Struct, frozen=True, kw_only=True):
    """The newest snapshot. A page counts its age on by itself."""

    taken_at_ms: int | None
    """Nothing before the first."""
    late_after_ms: int
    symbols_seen: int = 0
    open_rows: int = 0
    unreadable: int = 0
    read_ms: int = 0


class Present(Struct, frozen=True, kw_only=True):
    """Everything about now but positions and runs."""

    environment: str
    account: str
    namespace: str
    version: str
    real_money: bool
    gates: tuple[GateShown, ...]
    would_pass: bool | None
    """Whether an arm with good signatures would be accepted; nothing before the first look."""
    armed: str
    """The armed arm's id, or why it cannot be read; empty when none is armed."""
    in_flight: str
    """The request in flight, or why that cannot be read; empty when there is none."""
    cooldown_left_ms: int | None
    oracle: OracleShown
    problems: tuple[str, ...]


class Whose(Struct, frozen=True, kw_only=True):
    """What never changes while the process runs."""

    standing: Standing
    namespace: str
    version: str


def present(
    whose: Whose,
    outlook: Outlook | None,
    operators: OperatorsSeen,
    snapshot: PositionSnapshot | None,
    problems: Sequence[str],
) -> Present:
    """The present of one governor."""
    standing = whose.standing
    gates = tuple(_gate(gate, outlook, operators, standing) for gate in _ORDER)
    return Present(
        environment=standing.environment,
        account=standing.account,
        namespace=whose.namespace,
        version=whose.version,
        real_money=standing.environment is Environment.LIVE,
        gates=gates,
        would_pass=None if outlook is None else not any(gate.light is Light.REFUSES for gate in gates),
        armed="" if outlook is None else _held(outlook.armed),
        in_flight="" if outlook is None else _held(outlook.active),
        cooldown_left_ms=None if outlook is None else outlook.cooldown_left_ms,
        oracle=_oracle(snapshot),
        problems=tuple(problems),
    )


_ORDER = tuple(Gate(gate.__name__) for gate in GATES)
"""As the policy asks them: a gate's function has the gate's name."""


def _gate(gate: Gate, outlook: Outlook | None, operators: OperatorsSeen, standing: Standing) -> GateShown:
    if outlook is None:
        return GateShown(gate=gate, light=Light.UNKNOWN, observed="not looked at yet", required="")
    if gate is Gate.ARM_AUTHENTIC:
        return _signatures(operators, standing)
    if gate is Gate.ARM_UNUSED:
        return _arm(outlook.armed)
    return _asked(next(verdict for verdict in outlook.verdicts if verdict.gate is gate))


def _asked(verdict: GateVerdict) -> GateShown:
    light = Light.PASSES if verdict.passed else Light.REFUSES
    return GateShown(gate=verdict.gate, light=light, observed=verdict.observed, required=verdict.required)


def _signatures(operators: OperatorsSeen, standing: Standing) -> GateShown:
    known = operators.operators
    needed = known.policy.needed(standing.environment) if known is not None else 0
    required = (
        f"{needed} valid signature{'s' if needed > 1 else ''}" if needed else "signatures where operators are named"
    )
    if operators.problem:
        return GateShown(gate=Gate.ARM_AUTHENTIC, light=Light.REFUSES, observed=operators.problem, required=required)
    light = Light.DEPENDS if known is not None else Light.PASSES
    return GateShown(gate=Gate.ARM_AUTHENTIC, light=light, observed=operators.told, required=required)


def _arm(armed: Seen) -> GateShown:
    light = Light.REFUSES if armed.problem else Light.DEPENDS
    observed = f"armed: {armed.value[:80]}" if armed.value is not None else armed.problem or "nothing is armed"
    return GateShown(
        gate=Gate.ARM_UNUSED, light=light, observed=observed, required="armed in Redis, not expired, never decided"
    )


def _held(seen: Seen) -> str:
    return f"cannot be read: {seen.problem}" if seen.problem else (seen.value or "")[:80]


def _oracle(snapshot: PositionSnapshot | None) -> OracleShown:
    if snapshot is None:
        return OracleShown(taken_at_ms=None, late_after_ms=ORACLE_LATE_MS)
    return OracleShown(
        taken_at_ms=snapshot.taken_at_ms,
        late_after_ms=ORACLE_LATE_MS,
        symbols_seen=snapshot.symbols_seen,
        open_rows=len(snapshot.positions),
        unreadable=len(snapshot.unreadable),
        read_ms=snapshot.read_ms,
    )
