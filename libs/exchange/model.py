"""What an exchange says and what we may tell it, as values. Quantities and prices are exact decimals.

Symbols are always the exchange's own (`ETHUSDT`), never a library's unified form: unified symbols can collide.
"""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from contracts.vocabulary import OrderSide, PositionSide, Word


class PositionMode(Word):
    """One position per symbol, or a long and a short leg."""

    ONE_WAY = "one_way"
    HEDGE = "hedge"


LEGS: Mapping[PositionMode, frozenset[PositionSide]] = {
    PositionMode.ONE_WAY: frozenset({PositionSide.BOTH}),
    PositionMode.HEDGE: frozenset({PositionSide.LONG, PositionSide.SHORT}),
}
"""The rows that say what is held of a symbol. Another row may be there, and says nothing."""


class Position(Struct, frozen=True, kw_only=True):
    """One row of the exchange's position list that could be read. Zero rows included."""

    symbol: str
    side: PositionSide
    quantity: Decimal
    """Signed, in base asset units: negative is short. Finite, never negative zero."""
    entry_price: Decimal | None
    """In quote units; nothing when the row has none."""
    mark_price: Decimal | None
    """In quote units; nothing when the exchange sent none, zero, or something unreadable."""
    unrealised_pnl: Decimal | None = None
    """As the exchange says, in the margin asset; nothing when it sent none, or something unreadable."""


class UnreadableRow(Struct, frozen=True, kw_only=True):
    """A row that the exchange returned and that could not be read. It may hide an open position."""

    symbol: str
    """The exchange's symbol, or `row 17` when not even that could be read."""
    field: str
    problem: str
    """What was wrong, with the offending value cut to 80 characters."""

    @property
    def has_symbol(self) -> bool:
        """Whether it is known whose row it is."""
        return " " not in self.symbol


class PositionReading(Struct, frozen=True, kw_only=True):
    """One complete answer to "what is open": every row is either readable or named as unreadable."""

    positions: tuple[Position, ...]
    unreadable: tuple[UnreadableRow, ...]
    started_at_ms: int
    """Local Unix milliseconds when the request was sent: the reading is at least this new."""
    read_ms: int
    """How long the answer took, in milliseconds."""

    @property
    def rows_seen(self) -> int:
        """How many rows the exchange returned."""
        return len(self.positions) + len(self.unreadable)


class InstrumentStatus(Word):
    """Whether orders are taken: `trading`, or what the venue's other states come to."""

    TRADING = "trading"
    REDUCE_ONLY = "reduce_only"
    """The last while before the end: only orders that reduce are taken."""
    PENDING = "pending"
    SETTLING = "settling"
    CLOSED = "closed"
    UNKNOWN = "unknown"


UNTRADABLE = frozenset({InstrumentStatus.PENDING, InstrumentStatus.SETTLING, InstrumentStatus.CLOSED})
"""Where not even an order that reduces is taken."""


class Instrument(Struct, frozen=True, kw_only=True):
    """What the exchange demands of an order in this symbol. Quantities in base units, prices in quote units."""

    symbol: str
    status: InstrumentStatus
    venue_status: str
    """The venue's own word, for people."""
    step: Decimal
    """A market order's quantity is a multiple of this: the stricter of LOT_SIZE and MARKET_LOT_SIZE."""
    min_quantity: Decimal
    max_quantity: Decimal
    """The most that one market order may ask for: the stricter of LOT_SIZE and MARKET_LOT_SIZE."""
    quantity_precision: int
    """The most digits after the point that the venue takes."""
    tick: Decimal
    """Zero where the venue states none: then no order with a price can be made, and market orders can."""
    quote_asset: str = ""
    """What prices are in. Empty when the venue did not say."""
    price_multiplier_up: Decimal | None = None
    price_multiplier_down: Decimal | None = None


class Listings(Struct, frozen=True, kw_only=True):
    """What the exchange lists."""

    instruments: Mapping[str, Instrument]
    unreadable: Mapping[str, str]
    """Symbols (or `row 17`) whose rules cannot be read, with the reason. They may be held all the same."""

    @property
    def symbols(self) -> frozenset[str]:
        """Every symbol that is listed, readable rules or not."""
        return frozenset((*self.instruments, *(symbol for symbol in self.unreadable if " " not in symbol)))


class ReducingOrder(Struct, frozen=True, kw_only=True):
    """An order that can only make a position smaller and never rests: the only order that a gateway takes.

    Built by `closing`, which takes the side from the position. In one-way mode it goes out with `reduceOnly`,
    in hedge mode with the leg's `positionSide`, which has the same effect (I5).
    """

    symbol: str
    side: OrderSide
    position_side: PositionSide
    quantity: Decimal
    """Positive, a multiple of the instrument's step."""
    client_order_id: str
    limit_price: Decimal | None = None
    """Nothing for a market order; else the worst price, in quote units, at which it takes what is there and ends."""

    @classmethod
    def closing(
        cls, position: Position, quantity: Decimal, client_order_id: str, limit_price: Decimal | None = None
    ) -> "ReducingOrder":
        """Reduce `position` by `quantity`. Raises ValueError where that would not be a reduction (I5, I6, I13)."""
        if not quantity.is_finite() or quantity <= 0:
            raise ValueError(f"{position.symbol}: a closing quantity is positive and finite, not {quantity}")
        if quantity > abs(position.quantity):
            raise ValueError(f"{position.symbol}: cannot reduce {position.quantity} by {quantity}")
        if position.side is not PositionSide.BOTH and (position.side is PositionSide.LONG) != (position.quantity > 0):
            raise ValueError(f"{position.symbol}: {position.quantity} contradicts the {position.side} leg")
        return cls(
            symbol=position.symbol,
            side=OrderSide.SELL if position.quantity > 0 else OrderSide.BUY,
            position_side=position.side,
            quantity=quantity,
            client_order_id=client_order_id,
            limit_price=limit_price,
        )


class Accepted(Struct, frozen=True, kw_only=True, tag="accepted"):
    """The exchange took the order. `final` says whether it can still fill."""

    client_order_id: str
    exchange_order_id: str
    status: str
    """The venue's word: NEW, PARTIALLY_FILLED, FILLED, EXPIRED, CANCELED, …"""
    filled: Decimal
    average_price: Decimal | None = None
    final: bool = True

    @property
    def complete(self) -> bool:
        """Whether the venue itself says that nothing of the order is left. It may have shrunk it to the position."""
        return self.status == "FILLED"


class Refused(Struct, frozen=True, kw_only=True, tag="refused"):
    """The exchange refused the order: it did not execute, and sending it again as it was is pointless."""

    client_order_id: str
    code: int | None
    reason: str
    outside_band: bool = False
    """The book is further from the mark price than the venue lets a market order trade."""
    breaks_rules: bool = False
    """Its digits, quantity or price are not what the instrument's rules allow: they may have changed."""


class Failed(Struct, frozen=True, kw_only=True, tag="failed"):
    """The order definitely did not execute; it may be sent again, after `retry_after_ms`."""

    client_order_id: str
    code: int | None
    reason: str
    retry_after_ms: int = 0


class Unsent(Struct, frozen=True, kw_only=True, tag="unsent"):
    """Not one byte of the order left: the caller forbade it meanwhile, the budget is used up, or nobody listens."""

    client_order_id: str
    reason: str
    retry_after_ms: int = 0
    """How long until there may be room in the budget; 0 when that is not the reason."""


class Unknown(Struct, frozen=True, kw_only=True, tag="unknown"):
    """The answer was lost: the order may have executed. Look it up and re-read the position before anything else."""

    client_order_id: str
    code: int | None
    reason: str
    may_arrive_for_ms: int = 0
    """How much longer the venue may still accept it; until then, that it does not know the order proves nothing."""


class NotFound(Struct, frozen=True, kw_only=True, tag="not_found"):
    """The exchange does not know the client order id. Soon after sending, this may only be lag."""

    client_order_id: str


SendResult = Accepted | Refused | Failed | Unsent | Unknown
LookupResult = Accepted | NotFound


class RestingOrder(Struct, frozen=True, kw_only=True):
    """An order that waits at the exchange: it can reopen a position, or make the exchange refuse a close."""

    symbol: str
    order_id: str
    client_order_id: str
    conditional: bool
    """True when it lives in the venue's service for conditional (algo) orders."""
    kind: str
    """The venue's order type, e.g. LIMIT or STOP_MARKET."""
    side: OrderSide
    quantity: Decimal
    reduce_only: bool


class ClockReading(Struct, frozen=True, kw_only=True):
    """How far the exchange's clock is from ours."""

    offset_ms: int
    """What to add to our clock to get the exchange's."""
    error_ms: int
    """How far that may be from the truth: the answer took twice as long."""


class KeyPermissions(Struct, frozen=True, kw_only=True):
    """What an API key may do, as the exchange itself says."""

    trade: bool
    """Orders in futures."""
    withdraw: bool
    transfer: bool
    """To other accounts of the same owner; what cannot be ruled out counts."""
    bound: bool
    """Whether it works from named addresses alone."""
