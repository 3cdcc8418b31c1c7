"""Which positions are closed, and where the others go: every row that the exchange returned ends in one bucket."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal

from msgspec import Struct

from closing.quantities import closable_quantity
from contracts.arming import Scope
from contracts.vocabulary import PositionSide, Word
from exchange.model import (
    LEGS,
    UNTRADABLE,
    Instrument,
    Listings,
    Position,
    PositionMode,
    PositionReading,
    UnreadableRow,
)

DOLLARS = frozenset({"USDT", "USDC", "USD", "BUSD", "FDUSD", "USD1"})
"""Quote assets whose unit counts as a US dollar. Another's notional, or that of none, is unknown, never too small."""


class PositionKey(Struct, frozen=True, order=True):
    """What a position is known by: the symbol and, in hedge mode, its leg."""

    symbol: str
    side: PositionSide


class Bucket(Word):
    """Where a filter put a non-zero position."""

    TO_CLOSE = "to_close"
    DUST = "dust"
    BELOW_STEP = "below_step"
    UNTRADABLE = "untradable"
    OUT_OF_SCOPE = "out_of_scope"


class Limits(Struct, frozen=True, kw_only=True):
    """What the filters and the run keep to."""

    quantity_epsilon: Decimal
    """Base asset units: at most this much is zero."""
    min_notional_usd: Decimal
    """Less than this is dust."""
    max_positions: int
    """More than this many to close aborts the run before any order."""
    max_rounds: int


class Sifted(Struct, frozen=True, kw_only=True):
    """A non-zero position in its bucket."""

    position: Position
    bucket: Bucket
    why: str
    """Empty for what is to be closed."""
    mark_price: Decimal | None
    notional_usd: Decimal | None
    """Nothing without a mark price, or when the quote asset is no dollar."""
    negligible: bool
    """Whether it is worth less than the limit, at the mark price and at its entry price: one of them may be wrong."""

    @property
    def key(self) -> PositionKey:
        """Symbol and leg."""
        return PositionKey(self.position.symbol, self.position.side)


class Missing(Struct, frozen=True, kw_only=True):
    """A symbol of which the reading must have a row and has none."""

    symbol: str
    why: str


class Sieve(Struct, frozen=True, kw_only=True):
    """One reading, sorted: seen = zero + unreadable + nonzero. Zero is a row, never its absence (I14)."""

    seen: int
    zero: int
    unreadable: tuple[UnreadableRow, ...]
    nonzero: tuple[Sifted, ...]
    missing: tuple[Missing, ...] = ()
    """Inside the scope."""
    unshown: tuple[str, ...] = ()
    """Listed symbols in the scope that take no orders and have no row: nobody can tell whether there must be one."""
    hidden: tuple[UnreadableRow, ...] = ()
    """The unreadable rows that the scope may cover: one without a readable symbol may be any symbol's."""
    readable: frozenset[str] = frozenset()
    """Symbols every leg of which has a row that could be read."""

    def in_bucket(self, bucket: Bucket) -> tuple[Sifted, ...]:
        """The positions that went there."""
        return tuple(sifted for sifted in self.nonzero if sifted.bucket is bucket)

    @property
    def to_close(self) -> tuple[Sifted, ...]:
        """What is left to close."""
        return self.in_bucket(Bucket.TO_CLOSE)

    @property
    def open_in_scope(self) -> tuple[Sifted, ...]:
        """Everything that is open and was asked to be closed, dust included."""
        return tuple(sifted for sifted in self.nonzero if sifted.bucket is not Bucket.OUT_OF_SCOPE)

    def find(self, key: PositionKey) -> Sifted | None:
        """A non-zero position; nothing when the reading shows none."""
        return next((sifted for sifted in self.nonzero if sifted.key == key), None)

    @property
    def whole(self) -> bool:
        """Whether nothing that the scope covers can hide from this reading (I14)."""
        return not (self.missing or self.hidden)

    def quantity_of(self, key: PositionKey) -> Decimal | None:
        """The signed quantity of a position; nothing when its row is not there or could not be read (I14)."""
        found = self.find(key)
        if found is not None:
            return found.position.quantity
        return Decimal(0) if key.symbol in self.readable else None


def sift(
    reading: PositionReading,
    marks: Mapping[str, Decimal],
    listings: Listings,
    scope: Scope,
    limits: Limits,
    *,
    mode: PositionMode,
    known: Iterable[str] = (),
) -> Sieve:
    """Sort one reading. `marks` (quote units by symbol) fills in for rows that carry no mark price.

    A position without a known notional is closed: closing is the safe side. There must be a row of every instrument
    that takes closing orders or whose rules cannot be read, of every symbol that was armed by name, and of every one
    in `known` (seen before): the venue lists all symbols, whether they are held or not.
    """
    nonzero = tuple(
        _sort(position, position.mark_price or marks.get(position.symbol), listings.instruments, scope, limits)
        for position in reading.positions
        if abs(position.quantity) > limits.quantity_epsilon
    )
    odd = {row.symbol for row in reading.unreadable}
    readable = _with_every_leg(reading.positions, mode) - odd
    missing = _missing(readable | odd, listings, scope, known)
    told = readable | odd | {row.symbol for row in missing}
    return Sieve(
        seen=reading.rows_seen,
        zero=len(reading.positions) - len(nonzero),
        unreadable=reading.unreadable,
        nonzero=nonzero,
        missing=missing,
        unshown=tuple(sorted(symbol for symbol in listings.symbols - told if scope.covers(symbol))),
        hidden=tuple(row for row in reading.unreadable if not row.has_symbol or scope.covers(row.symbol)),
        readable=readable,
    )


def _with_every_leg(positions: Iterable[Position], mode: PositionMode) -> frozenset[str]:
    """Symbols of which every leg that the mode has is shown: in hedge mode the one that is no leg says nothing."""
    sides: dict[str, set[PositionSide]] = {}
    for position in positions:
        sides.setdefault(position.symbol, set()).add(position.side)
    return frozenset(symbol for symbol, shown in sides.items() if shown >= LEGS[mode])


def _missing(shown: frozenset[str], listings: Listings, scope: Scope, known: Iterable[str]) -> tuple[Missing, ...]:
    closable = {symbol for symbol, rules in listings.instruments.items() if rules.status not in UNTRADABLE}
    listed = listings.symbols
    ruleless = listed - listings.instruments.keys()
    wanted = closable.union(ruleless, scope.symbols, known) - shown
    return tuple(
        Missing(
            symbol=symbol,
            why="the answer has no row of it, or not of both legs"
            if symbol in listed
            else "the exchange lists no such symbol",
        )
        for symbol in sorted(wanted)
        if scope.covers(symbol)
    )


def _sort(
    position: Position,
    mark: Decimal | None,
    instruments: Mapping[str, Instrument],
    scope: Scope,
    limits: Limits,
) -> Sifted:
    instrument = instruments.get(position.symbol)
    in_dollars = instrument is not None and instrument.quote_asset in DOLLARS
    notional = abs(position.quantity) * mark if in_dollars and mark is not None else None
    at_entry = abs(position.quantity) * position.entry_price if position.entry_price else None
    negligible = notional is not None and at_entry is not None and max(notional, at_entry) < limits.min_notional_usd
    if not scope.covers(position.symbol):
        bucket, why = Bucket.OUT_OF_SCOPE, "not among the armed symbols"
    elif negligible:
        bucket, why = Bucket.DUST, f"notional {notional:.4f} USD is below {limits.min_notional_usd}"
    else:
        bucket, why = _bucket(position, instrument)
    return Sifted(
        position=position, bucket=bucket, why=why, mark_price=mark, notional_usd=notional, negligible=negligible
    )


def _bucket(position: Position, instrument: Instrument | None) -> tuple[Bucket, str]:
    """What the exchange's rules make of a position that is worth closing."""
    if instrument is None:
        return Bucket.UNTRADABLE, "the exchange lists no such instrument, or its rules cannot be read"
    if instrument.status in UNTRADABLE:
        return Bucket.UNTRADABLE, f"status {instrument.venue_status}"
    if closable_quantity(abs(position.quantity), instrument) == 0:
        return Bucket.BELOW_STEP, f"below step {instrument.step} or minimum {instrument.min_quantity}"
    return Bucket.TO_CLOSE, ""


def beyond_limit(to_close: Collection[PositionKey], max_positions: int) -> str:
    """Why a run may close no more: all positions that it ever saw to close count. Empty while it may.

    A symbol that was seen in one-way and in hedge mode was the same position twice.
    """
    whole = {key.symbol for key in to_close if key.side is PositionSide.BOTH}
    legs = Counter(key.symbol for key in to_close if key.side is not PositionSide.BOTH)
    wanted = sum(max(legs[symbol], symbol in whole) for symbol in whole | legs.keys())
    return (
        f"{wanted} positions to close are more than MAX_FLATTEN_SYMBOLS={max_positions}"
        if wanted > max_positions
        else ""
    )
