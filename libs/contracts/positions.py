"""Events about what the exchange shows and how it compares with the allocation."""

from decimal import Decimal
from typing import ClassVar

from msgspec import Struct

from contracts.base import Event, is_number, require_finite
from contracts.vocabulary import Environment, PositionSide, Word


class OpenPosition(Struct, frozen=True, kw_only=True):
    """A position row whose quantity is not exactly zero, dust included."""

    symbol: str
    position_side: PositionSide
    quantity: Decimal
    """Signed: negative is short."""
    entry_price: Decimal | None
    mark_price: Decimal | None
    """Nothing when the exchange gave none that could be read."""

    def __post_init__(self) -> None:
        """Refuse what is not a number."""
        require_finite(self.symbol, quantity=self.quantity, entry_price=self.entry_price, mark_price=self.mark_price)


class UnreadablePosition(Struct, frozen=True, kw_only=True):
    """A row that the exchange returned and nobody could read: it may hide an open position (I14)."""

    symbol: str
    field: str
    problem: str


class PositionSnapshot(Event, frozen=True, kw_only=True, tag="position.snapshot.v1"):
    """One complete reading of the account. A partial or unreadable answer never becomes a snapshot."""

    stream: ClassVar[str] = "position.snapshot"

    snapshot_id: str
    venue: str
    environment: Environment
    account: str
    sequence: int
    """Counts the oracle's snapshots since it started; starts again at 1 with the process."""
    taken_at_ms: int
    """When the request was sent: the snapshot is at least this new."""
    read_ms: int
    symbols_seen: int
    """Rows that the exchange returned, unreadable ones included."""
    positions: tuple[OpenPosition, ...]
    marks: dict[str, Decimal]
    """Mark price by symbol, in quote units. Symbols without a readable price are absent."""
    unreadable: tuple[UnreadablePosition, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a mark price that is not a number."""
        if not all(map(is_number, self.marks.values())):
            raise ValueError("PositionSnapshot.marks holds a price that is not a number")


class AllocationVerdict(Word):
    """What the P2.9 check found for one symbol."""

    WITHIN_TARGET = "within_target"
    WITHIN_BURST = "within_burst_cap"
    BREACH = "breach"
    MISSING = "missing_target"
    """Nobody allocated anything to the symbol, or the target cannot be read."""
    STALE = "stale_target"
    UNPRICED = "unpriced"
    """No mark price: the notional is not known."""
    UNREADABLE = "unreadable"
    """The exchange returned a row that could not be read."""
    FLAT = "flat"
    """There was a position before, and there is none now."""


class AllocationMode(Word):
    """Whether a target binds (`enforce`) or is only watched (`shadow`)."""

    SHADOW = "shadow"
    ENFORCE = "enforce"


class AllocationCheck(Struct, frozen=True, kw_only=True):
    """One symbol against its target: the burst cap is the target times the burst factor."""

    symbol: str
    verdict: AllocationVerdict
    position_usd: Decimal | None
    """Gross notional of the symbol's legs at mark price."""
    target_usd: Decimal | None = None
    burst_cap_usd: Decimal | None = None
    ratio: Decimal | None = None
    """Position over target, two digits; nothing when there is no target above zero."""
    mode: AllocationMode | None = None
    note: str = ""
    """Why, where the verdict alone does not say."""

    def __post_init__(self) -> None:
        """Refuse what is not a number."""
        require_finite(
            self.symbol,
            position_usd=self.position_usd,
            target_usd=self.target_usd,
            burst_cap_usd=self.burst_cap_usd,
            ratio=self.ratio,
        )


class AllocationStateChanged(Event, frozen=True, kw_only=True, tag="allocation.state_changed.v1"):
    """A symbol's P2.9 verdict is not what it was."""

    stream: ClassVar[str] = "allocation.checked"

    check: AllocationCheck
    previous: AllocationVerdict | None
    """Nothing at the first check after the governor started."""
    snapshot_id: str
    checked_at_ms: int
