"""What flatctl says in JSON, as far as the proof needs it. Fields that are not named here are passed over."""

from decimal import Decimal

from msgspec import Struct

from contracts.vocabulary import PositionSide
from evidence.three_ways import DirectReading, Holding


class Latch(Struct, frozen=True):
    """The ESS latch."""

    is_set: bool
    readable: bool
    detail: str


class ArmedNow(Struct, frozen=True):
    """An arm that nobody has decided."""

    arm_id: str


class Gate(Struct, frozen=True):
    """One gate as it stands."""

    gate: str
    standing: str
    observed: str


class Group(Struct, frozen=True):
    """One consumer group of the command streams."""

    group: str
    exists: bool
    consumers: int
    seen_ms_ago: int | None


class Status(Struct, frozen=True):
    """`flatctl status --json`."""

    environment: str
    account: str
    namespace: str
    now_ms: int
    latch: Latch
    armed: ArmedNow | None
    active: str | None
    last_flatten_ts: str | None
    groups: tuple[Group, ...]
    gates: tuple[Gate, ...]

    def group(self, name: str) -> Group | None:
        """The group of a service."""
        return next((group for group in self.groups if group.group == name), None)


class Open(Struct, frozen=True):
    """A position that is open."""

    symbol: str
    position_side: PositionSide
    quantity: Decimal
    notional_usd: Decimal | None


class Read(Struct, frozen=True):
    """`flatctl verify --json`."""

    read_at_ms: int
    rows_seen: int
    verdict: str
    open: tuple[Open, ...]
    notional_usd: Decimal
    resting: tuple[object, ...]
    unread: tuple[object, ...]
    doubts: tuple[str, ...]

    def direct(self) -> DirectReading:
        """As the judge wants it. What could not be read counts as unreadable, whatever the reason."""
        return DirectReading(
            started_at_ms=self.read_at_ms,
            rows_seen=self.rows_seen,
            holdings=tuple(
                Holding(
                    symbol=row.symbol,
                    position_side=row.position_side,
                    quantity=row.quantity,
                    notional_usd=row.notional_usd,
                )
                for row in self.open
            ),
            unreadable=len(self.unread),
            missing=0,
        )


class Wrong(Struct, frozen=True):
    """What a check found."""

    what: str


class Check(Struct, frozen=True):
    """One check of the record."""

    name: str
    rule: str
    standing: str
    findings: tuple[Wrong, ...]


class Audit(Struct, frozen=True):
    """`flatctl audit verify --json`."""

    chain_head: str
    checks: tuple[Check, ...]


class ArmAnswer(Struct, frozen=True):
    """The first line of `flatctl arm --json`."""

    arm_id: str
    outcome: str
    request_id: str = ""
