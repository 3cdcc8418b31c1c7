"""GET /fapi/v1/exchangeInfo as instruments and limits. Pure."""

from decimal import Decimal
from typing import Final

import msgspec
from msgspec import Raw, Struct

from exchange.binance_decode import is_symbol, shown, whole
from exchange.binance_wire import EXCHANGE_INFO
from exchange.budget import OrderLimits
from exchange.decoder import Decoder
from exchange.errors import ReadUnusable
from exchange.instruments import LotSize, floor_to_step, is_sane, smallest_order, stricter
from exchange.model import UNTRADABLE, Instrument, InstrumentStatus, Listings

_DIGITS_MAX: Final = 20
_STATUS: Final = {
    "TRADING": InstrumentStatus.TRADING,
    "PENDING_TRADING": InstrumentStatus.PENDING,
    "PRE_SETTLE": InstrumentStatus.REDUCE_ONLY,
    "SETTLING": InstrumentStatus.SETTLING,
    "PRE_DELIVERING": InstrumentStatus.CLOSED,
    "DELIVERING": InstrumentStatus.CLOSED,
    "DELIVERED": InstrumentStatus.CLOSED,
    "CLOSE": InstrumentStatus.CLOSED,
    "BREAK": InstrumentStatus.CLOSED,
}
_LIMIT_FIELDS: Final = {
    ("ORDERS", "SECOND", 10): "orders_per_10s",
    ("ORDERS", "MINUTE", 1): "orders_per_minute",
    ("REQUEST_WEIGHT", "MINUTE", 1): "weight_per_minute",
}


class _Filter(Struct, rename="camel", gc=False):
    filter_type: str
    min_qty: Decimal | None = None
    max_qty: Decimal | None = None
    step_size: Decimal | None = None
    tick_size: Decimal | None = None
    multiplier_up: Decimal | None = None
    multiplier_down: Decimal | None = None


class _Symbol(Struct, rename="camel"):
    symbol: str
    status: str
    quantity_precision: int
    filters: list[_Filter]
    quote_asset: str = ""


class _RateLimit(Struct, rename="camel"):
    rate_limit_type: str
    interval: str
    interval_num: int
    limit: int


class _ExchangeInfo(Struct, rename="camel"):
    symbols: list[Raw]
    rate_limits: list[_RateLimit] = []


class _Named(Struct, gc=False):
    symbol: str
    status: str


class _Listing(Struct):
    symbols: list[_Named]


class Catalogue(Struct, frozen=True, kw_only=True):
    """What exchangeInfo says: what is listed, and how many requests the venue takes."""

    listings: Listings
    limits: OrderLimits


_INFO = Decoder(_ExchangeInfo)
_SYMBOL = Decoder(_Symbol)
_LISTING = Decoder(_Listing)


def catalogue(body: bytes) -> Catalogue:
    """Every symbol that can be read; one that cannot is named with the reason.

    Raises ReadUnusable when the whole cannot be read, or not one symbol of it.
    """
    info = whole(EXCHANGE_INFO.name, _INFO, body)
    instruments: dict[str, Instrument] = {}
    unreadable: dict[str, str] = {}
    for index, raw in enumerate(info.symbols):
        place = f"row {index}"
        try:
            row = _SYMBOL.decode(raw)
            place = row.symbol
            instruments[row.symbol] = _instrument(row)
        except (msgspec.DecodeError, ValueError) as error:
            unreadable[place] = str(error)
    if not instruments:
        raise ReadUnusable(EXCHANGE_INFO.name, "not one readable symbol", field="symbols")
    listings = Listings(instruments=instruments, unreadable=unreadable)
    return Catalogue(listings=listings, limits=_limits(info.rate_limits))


def listed(body: bytes) -> frozenset[str]:
    """Symbols that take closing orders, those included whose rules cannot be read.

    Raises ReadUnusable when the whole cannot be read, or when there is one symbol that nobody can name.
    """
    rows = whole(EXCHANGE_INFO.name, _LISTING, body).symbols
    odd = [row.symbol for row in rows if not is_symbol(row.symbol)]
    if odd:
        raise ReadUnusable(EXCHANGE_INFO.name, f"not a symbol: {shown(repr(odd[0]))}", field="symbols")
    symbols = frozenset(
        row.symbol for row in rows if _STATUS.get(row.status, InstrumentStatus.UNKNOWN) not in UNTRADABLE
    )
    if not symbols:
        raise ReadUnusable(EXCHANGE_INFO.name, "not one symbol that trades", field="symbols")
    return symbols


def _instrument(row: _Symbol) -> Instrument:
    """Raises ValueError for what no order could be built on."""
    if not is_symbol(row.symbol):
        raise ValueError("not a symbol")
    if not 0 <= row.quantity_precision <= _DIGITS_MAX:
        raise ValueError(f"quantityPrecision is {row.quantity_precision}")
    filters = {one.filter_type: one for one in row.filters}
    if "LOT_SIZE" not in filters:
        raise ValueError("no LOT_SIZE filter")
    lots = [_lot_size(filters[name]) for name in ("LOT_SIZE", "MARKET_LOT_SIZE") if name in filters]
    lot = stricter(lots, row.quantity_precision)
    smallest = smallest_order(lot.min_quantity, lot.step)
    if floor_to_step(lot.max_quantity, lot.step) < smallest:
        raise ValueError(f"no order is possible: at least {smallest}, at most {lot.max_quantity}, by {lot.step}")
    price = filters.get("PRICE_FILTER")
    band = filters.get("PERCENT_PRICE")
    return Instrument(
        symbol=row.symbol,
        status=_STATUS.get(row.status, InstrumentStatus.UNKNOWN),
        venue_status=row.status,
        step=lot.step,
        min_quantity=lot.min_quantity,
        max_quantity=lot.max_quantity,
        quantity_precision=row.quantity_precision,
        tick=_number("tickSize", price.tick_size) if price else Decimal(0),
        quote_asset=row.quote_asset,
        price_multiplier_up=_number("multiplierUp", band.multiplier_up) if band else None,
        price_multiplier_down=_number("multiplierDown", band.multiplier_down) if band else None,
    )


def _lot_size(lot: _Filter) -> LotSize:
    return LotSize(
        min_quantity=_number("minQty", lot.min_qty),
        max_quantity=_number("maxQty", lot.max_qty),
        step=_number("stepSize", lot.step_size),
    )


def _number(name: str, number: Decimal | None) -> Decimal:
    if number is None or not is_sane(number) or number < 0:
        raise ValueError(f"{name} is {'missing' if number is None else number}")
    return number


def _limits(rows: list[_RateLimit]) -> OrderLimits:
    """The limits that are stated; the published ones where a line is missing or makes no sense."""
    stated = {
        _LIMIT_FIELDS[key]: row.limit
        for row in rows
        if (key := (row.rate_limit_type, row.interval, row.interval_num)) in _LIMIT_FIELDS and row.limit > 0
    }
    return OrderLimits(**stated)
