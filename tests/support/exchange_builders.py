"""Small builders of exchange values, and Hypothesis strategies over them."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from hypothesis import strategies as st
from msgspec.structs import replace

from closing.filters import Limits, Sieve, sift
from contracts.arming import Scope
from contracts.vocabulary import PositionSide
from exchange.model import (
    Instrument,
    InstrumentStatus,
    Listings,
    Position,
    PositionMode,
    PositionReading,
    ReducingOrder,
    UnreadableRow,
)


def position(
    quantity: str | Decimal = "1",
    *,
    symbol: str = "ETHUSDT",
    side: PositionSide = PositionSide.BOTH,
    mark: str | Decimal | None = "100",
    entry: str | None = None,
) -> Position:
    """Entered at the mark price, unless it is said."""
    return Position(
        symbol=symbol,
        side=side,
        quantity=Decimal(quantity),
        entry_price=Decimal(entry or mark or 100),
        mark_price=None if mark is None else Decimal(mark),
    )


def instrument(
    symbol: str = "ETHUSDT",
    *,
    step: str | Decimal = "0.001",
    smallest: str | Decimal = "0.001",
    largest: str | Decimal = "1000",
    status: InstrumentStatus = InstrumentStatus.TRADING,
    quote: str = "USDT",
) -> Instrument:
    return Instrument(
        symbol=symbol,
        status=status,
        venue_status=status.upper(),
        step=Decimal(step),
        min_quantity=Decimal(smallest),
        max_quantity=Decimal(largest),
        quantity_precision=3,
        tick=Decimal("0.01"),
        quote_asset=quote,
    )


def reading(*positions: Position, unreadable: tuple[UnreadableRow, ...] = ()) -> PositionReading:
    return PositionReading(positions=positions, unreadable=unreadable, started_at_ms=1_000, read_ms=5)


def sieved(
    rows: PositionReading,
    marks: Mapping[str, Decimal],
    listed: Mapping[str, Instrument],
    scope: Scope,
    limits: Limits,
    *,
    mode: PositionMode = PositionMode.ONE_WAY,
    known: Iterable[str] = (),
    unreadable: Mapping[str, str] | None = None,
) -> Sieve:
    """`sift` in one-way mode, of an exchange whose rules can all be read, unless it is said."""
    listings = Listings(instruments=listed, unreadable=unreadable or {})
    return sift(rows, marks, listings, scope, limits, mode=mode, known=known)


def unreadable_row(symbol: str = "NANUSDT") -> UnreadableRow:
    return UnreadableRow(symbol=symbol, field="positionAmt", problem="'NaN' is not a number")


STEPS = st.sampled_from([Decimal(step) for step in ("0.001", "0.01", "0.1", "1", "10", "0.005", "100")])


@st.composite
def instruments(draw: st.DrawFn, symbol: str = "ETHUSDT") -> Instrument:
    """Any instrument that a venue could list: minimum and maximum need not be multiples of the step."""
    step = draw(STEPS)
    smallest = draw(st.integers(0, 50)) * step + draw(st.sampled_from([Decimal(0), step / 2]))
    largest = smallest * 2 + draw(st.integers(2, 5_000)) * step + draw(st.sampled_from([Decimal(0), step / 2]))
    status = draw(st.sampled_from([InstrumentStatus.TRADING] * 5 + list(InstrumentStatus)))
    listed = instrument(symbol, step=step, smallest=smallest, largest=largest, status=status)
    width = draw(st.none() | st.sampled_from([Decimal("0.02"), Decimal("0.05"), Decimal("0.35")]))
    if width is None:
        return listed
    return replace(listed, price_multiplier_up=1 + width, price_multiplier_down=1 - width)


@st.composite
def positions(draw: st.DrawFn, symbol: str = "ETHUSDT") -> Position:
    """Any position row, zero, tiny, huge, long, short, priced or not."""
    quantity = draw(st.decimals(min_value=-100_000, max_value=100_000, allow_nan=False, places=6))
    mark = draw(st.none() | st.decimals(min_value=Decimal("0.000001"), max_value=100_000, places=6))
    side = draw(st.sampled_from(list(PositionSide)))
    if (side is PositionSide.LONG and quantity < 0) or (side is PositionSide.SHORT and quantity > 0):
        quantity = -quantity
    return position(quantity + 0, symbol=symbol, side=side, mark=mark)


@st.composite
def universes(draw: st.DrawFn) -> tuple[PositionReading, dict[str, Instrument]]:
    """A whole reading and its instruments; some symbols have no instrument, some rows cannot be read."""
    symbols = [f"S{number}USDT" for number in range(draw(st.integers(0, 12)))]
    rows = tuple(draw(positions(symbol=symbol)) for symbol in symbols)
    listed = {symbol: draw(instruments(symbol=symbol)) for symbol in symbols if draw(st.integers(0, 9))}
    broken = tuple(unreadable_row(f"B{number}USDT") for number in range(draw(st.integers(0, 2))))
    return reading(*rows, unreadable=broken), listed


def reducing(client_order_id: str, quantity: str = "1") -> ReducingOrder:
    return ReducingOrder.closing(position(quantity), Decimal(quantity), client_order_id)
