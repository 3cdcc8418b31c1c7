"""What Binance's account readings say, as values. Pure. Numbers become Decimal from their text, never through a float.

Documented shapes: GET /fapi/v2/positionRisk, /fapi/v1/premiumIndex, /fapi/v1/positionSide/dual, /fapi/v1/openOrders,
/fapi/v1/openAlgoOrders. Unknown fields are ignored. A wrong row never takes the others with it, a wrong whole is
`ReadUnusable`.
"""

from collections import Counter
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Raw, Struct

from contracts.vocabulary import OrderSide, PositionSide
from exchange.binance_wire import MARKS, OPEN_ALGO_ORDERS, OPEN_ORDERS, POSITION_MODE, POSITIONS
from exchange.decoder import Decoder
from exchange.errors import ReadUnusable
from exchange.instruments import is_sane
from exchange.model import Position, PositionMode, RestingOrder, UnreadableRow

T = TypeVar("T")

ZERO: Final = Decimal(0)
_SHOWN_MAX: Final = 80
_SYMBOL_MAX: Final = 40
_SIDES: Final = {"BOTH": PositionSide.BOTH, "LONG": PositionSide.LONG, "SHORT": PositionSide.SHORT}
_ORDER_SIDES: Final = {"BUY": OrderSide.BUY, "SELL": OrderSide.SELL}


class _PositionRow(Struct, rename="camel", gc=False):
    symbol: str
    position_amt: Decimal
    position_side: str
    entry_price: Decimal | None = None
    mark_price: Decimal | None = None
    un_realized_profit: Decimal | None = None


class _MarkRow(Struct, rename="camel", gc=False):
    symbol: str
    mark_price: Decimal


class _Mode(Struct, rename="camel"):
    dual_side_position: bool


class _OpenOrder(Struct, rename="camel"):
    symbol: str
    order_id: int | str
    client_order_id: str
    type: str
    side: str
    orig_qty: Decimal
    reduce_only: bool = False
    close_position: bool = False


class _OpenAlgoOrder(Struct, rename="camel"):
    symbol: str
    algo_id: int | str
    client_algo_id: str
    order_type: str
    side: str
    quantity: Decimal | None = None
    """Missing where the order closes the whole position."""
    reduce_only: bool = False
    close_position: bool = False


_ROWS = Decoder(list[Raw])
_FIELDS = Decoder(dict[str, Raw])
_TEXT = Decoder(str)
_NUMBER = Decoder(Decimal)
_POSITION_ROW = Decoder(_PositionRow)
_POSITION_ROWS = Decoder(list[_PositionRow])
_MARK_ROW = Decoder(_MarkRow)
_MARK_ROWS = Decoder(list[_MarkRow])
_MODE = Decoder(_Mode)
_OPEN_ORDERS = Decoder(list[_OpenOrder])
_OPEN_ALGO_ORDERS = Decoder(list[_OpenAlgoOrder])


def positions(body: bytes) -> tuple[tuple[Position, ...], tuple[UnreadableRow, ...]]:
    """Every row of a position list, readable or named as unreadable. A row without a symbol is `row <index from 0>`.

    Rows of one symbol and side that come more than once are unreadable, each: nobody knows which of them holds.
    Raises ReadUnusable for anything that is not a whole, non-empty array.
    """
    read: list[Position | UnreadableRow]
    try:
        read = [_position(row, index) for index, row in enumerate(_POSITION_ROWS.decode(body))]
    except msgspec.ValidationError:  # at least one row is not as it should be: find out which
        read = [_position_of(raw, index) for index, raw in enumerate(_array(POSITIONS.name, body))]
    except msgspec.DecodeError as error:
        raise ReadUnusable(POSITIONS.name, str(error)) from None
    if not read:
        raise ReadUnusable(POSITIONS.name, "no rows at all: the venue lists every symbol, so this cannot be whole")
    readable = tuple(row for row in read if isinstance(row, Position))
    if len({(row.symbol, row.side) for row in readable}) < len(readable):
        read = _without_doubles(read)
        readable = tuple(row for row in read if isinstance(row, Position))
    if len(readable) == len(read):
        return readable, ()
    return readable, tuple(row for row in read if isinstance(row, UnreadableRow))


def marks(body: bytes) -> dict[str, Decimal]:
    """Mark prices by symbol, positive and finite; rows without one are left out.

    Raises ReadUnusable for anything that is not a whole, non-empty array.
    """
    try:
        rows = _MARK_ROWS.decode(body)
    except msgspec.ValidationError:
        rows = _readable_marks(_array(MARKS.name, body))
    except msgspec.DecodeError as error:
        raise ReadUnusable(MARKS.name, str(error)) from None
    if not rows and not _array(MARKS.name, body):
        raise ReadUnusable(MARKS.name, "no rows at all: the venue lists every symbol, so this cannot be whole")
    return {row.symbol: row.mark_price for row in rows if _price(row.mark_price) is not None}


def position_mode(body: bytes) -> PositionMode:
    """One-way or hedge mode."""
    hedge = whole(POSITION_MODE.name, _MODE, body).dual_side_position
    return PositionMode.HEDGE if hedge else PositionMode.ONE_WAY


def open_orders(body: bytes) -> list[RestingOrder]:
    """Waiting orders of the order book. Raises ReadUnusable when any of them cannot be read: it could be the one."""
    return [
        RestingOrder(
            symbol=_known_symbol(OPEN_ORDERS.name, row.symbol),
            order_id=str(row.order_id),
            client_order_id=row.client_order_id,
            conditional=False,
            kind=row.type,
            side=_order_side(OPEN_ORDERS.name, row.side),
            quantity=_amount(OPEN_ORDERS.name, "origQty", row.orig_qty),
            reduce_only=row.reduce_only or row.close_position,
        )
        for row in whole(OPEN_ORDERS.name, _OPEN_ORDERS, body)
    ]


def open_algo_orders(body: bytes) -> list[RestingOrder]:
    """Waiting conditional orders. Raises ReadUnusable when any of them cannot be read."""
    return [
        RestingOrder(
            symbol=_known_symbol(OPEN_ALGO_ORDERS.name, row.symbol),
            order_id=str(row.algo_id),
            client_order_id=row.client_algo_id,
            conditional=True,
            kind=row.order_type,
            side=_order_side(OPEN_ALGO_ORDERS.name, row.side),
            quantity=_amount(OPEN_ALGO_ORDERS.name, "quantity", row.quantity or ZERO),
            reduce_only=row.reduce_only or row.close_position,
        )
        for row in whole(OPEN_ALGO_ORDERS.name, _OPEN_ALGO_ORDERS, body)
    ]


def whole(endpoint: str, decoder: Decoder[T], body: bytes) -> T:
    """The body in full, or ReadUnusable that names the field where it fails."""
    try:
        return decoder.decode(body)
    except msgspec.DecodeError as error:
        raise ReadUnusable(endpoint, str(error)) from None


def is_symbol(text: str) -> bool:
    """Whether a text can be a symbol: short, printable, without white space. Letters of any script occur."""
    return 0 < len(text) <= _SYMBOL_MAX and text.isprintable() and " " not in text


def shown(raw: object) -> str:
    """A value from the wire for a message, cut to 80 characters."""
    text = bytes(raw).decode(errors="replace") if isinstance(raw, Raw | bytes) else str(raw)
    return text if len(text) <= _SHOWN_MAX else f"{text[: _SHOWN_MAX - 1]}…"


def _position(row: _PositionRow, index: int) -> Position | UnreadableRow:
    if not is_symbol(row.symbol):
        return _unreadable(f"row {index}", "symbol", f"not a symbol: {shown(repr(row.symbol))}")
    side = _SIDES.get(row.position_side)
    if side is None:
        return _unreadable(row.symbol, "positionSide", f"not a position side: {shown(row.position_side)}")
    if not is_sane(row.position_amt):
        return _unreadable(row.symbol, "positionAmt", f"not a quantity: {shown(row.position_amt)}")
    if (side is PositionSide.LONG and row.position_amt < 0) or (side is PositionSide.SHORT and row.position_amt > 0):
        return _unreadable(row.symbol, "positionAmt", f"{shown(row.position_amt)} contradicts the {side} leg")
    return Position(
        symbol=row.symbol,
        side=side,
        quantity=row.position_amt or ZERO,  # a zero, whatever its sign and digits
        entry_price=_price(row.entry_price),
        mark_price=_price(row.mark_price),
        unrealised_pnl=row.un_realized_profit
        if row.un_realized_profit is not None and is_sane(row.un_realized_profit)
        else None,
    )


def _position_of(raw: Raw, index: int) -> Position | UnreadableRow:
    """One row of a list in which something is wrong."""
    try:
        return _position(_POSITION_ROW.decode(raw), index)
    except msgspec.DecodeError:
        return _position_of_fields(raw, index)


def _position_of_fields(raw: Raw, index: int) -> Position | UnreadableRow:
    """One row that is wrong somewhere: it is still a position when what is wrong is only a price."""
    fields = _lenient(_FIELDS, raw)
    if fields is None:
        return _unreadable(f"row {index}", "row", f"not an object: {shown(raw)}")
    symbol = _lenient(_TEXT, fields.get("symbol"))
    if symbol is None or not is_symbol(symbol):
        return _unreadable(f"row {index}", "symbol", f"not a symbol: {_given(fields, 'symbol')}")
    quantity = _lenient(_NUMBER, fields.get("positionAmt"))
    if quantity is None:
        return _unreadable(symbol, "positionAmt", f"not a quantity: {_given(fields, 'positionAmt')}")
    side = _lenient(_TEXT, fields.get("positionSide"))
    if side is None:
        return _unreadable(symbol, "positionSide", f"not a position side: {_given(fields, 'positionSide')}")
    return _position(
        _PositionRow(
            symbol=symbol,
            position_amt=quantity,
            position_side=side,
            entry_price=_lenient(_NUMBER, fields.get("entryPrice")),
            mark_price=_lenient(_NUMBER, fields.get("markPrice")),
            un_realized_profit=_lenient(_NUMBER, fields.get("unRealizedProfit")),
        ),
        index,
    )


def _readable_marks(rows: list[Raw]) -> list[_MarkRow]:
    read = (_lenient(_MARK_ROW, raw) for raw in rows)
    return [row for row in read if row is not None]


def _array(endpoint: str, body: bytes) -> list[Raw]:
    try:
        return _ROWS.decode(body)
    except msgspec.DecodeError:
        raise ReadUnusable(endpoint, "not an array") from None


def _lenient(decoder: Decoder[T], raw: Raw | None) -> T | None:
    if raw is None:
        return None
    try:
        return decoder.decode(raw)
    except msgspec.DecodeError:
        return None


def _given(fields: dict[str, Any], name: str) -> str:
    return shown(fields[name]) if name in fields else "missing"


def _price(price: Decimal | None) -> Decimal | None:
    return price if price is not None and is_sane(price) and price > 0 else None


def _unreadable(symbol: str, field: str, problem: str) -> UnreadableRow:
    return UnreadableRow(symbol=symbol, field=field, problem=problem)


def _without_doubles(rows: list[Position | UnreadableRow]) -> list[Position | UnreadableRow]:
    times = Counter((row.symbol, row.side) for row in rows if isinstance(row, Position))
    return [
        _unreadable(row.symbol, "symbol", f"its {row.side} row comes {times[row.symbol, row.side]} times")
        if isinstance(row, Position) and times[row.symbol, row.side] > 1
        else row
        for row in rows
    ]


def _known_symbol(endpoint: str, symbol: str) -> str:
    if not is_symbol(symbol):
        raise ReadUnusable(endpoint, f"not a symbol: {shown(repr(symbol))}", field="symbol")
    return symbol


def _order_side(endpoint: str, side: str) -> OrderSide:
    if side not in _ORDER_SIDES:
        raise ReadUnusable(endpoint, f"not a side: {shown(side)}", field="side")
    return _ORDER_SIDES[side]


def _amount(endpoint: str, field: str, number: Decimal) -> Decimal:
    if not is_sane(number) or number < 0:
        raise ReadUnusable(endpoint, f"not a quantity: {shown(number)}", field=field)
    return number
