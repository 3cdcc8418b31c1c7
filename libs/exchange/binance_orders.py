"""Reducing orders as Binance takes them, and its answers as results. Pure.

Documented shapes: POST /fapi/v1/order, POST /fapi/v1/batchOrders (at most five, answered in request order, each element
an order or an error), GET /fapi/v1/order.
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Final

import msgspec
from msgspec import Raw, Struct

from contracts.vocabulary import OrderSide, PositionSide
from exchange.binance_calls import VenueError
from exchange.binance_decode import shown
from exchange.binance_wire import BATCH_ORDERS, ORDER
from exchange.budget import Cost
from exchange.codes import BREAKS_RULES, OUTSIDE_PRICE_BAND, Execution, Judgement
from exchange.decoder import Decoder
from exchange.instruments import is_sane, plain
from exchange.model import Accepted, Failed, ReducingOrder, Refused, SendResult, Unknown, Unsent

BATCH_MAX: Final = 5
FINAL_STATUSES: Final = frozenset({"FILLED", "CANCELED", "REJECTED", "EXPIRED", "EXPIRED_IN_MATCH"})

_SIDES: Final = {OrderSide.BUY: "BUY", OrderSide.SELL: "SELL"}
_LEGS: Final = {PositionSide.LONG: "LONG", PositionSide.SHORT: "SHORT"}


class _Element(Struct, rename="camel"):
    """An order or an error: which one, only its fields tell."""

    code: int | None = None
    msg: str = ""
    order_id: int | str | None = None
    client_order_id: str | None = None
    status: str | None = None
    executed_qty: Decimal | None = None
    avg_price: Raw = Raw(b"null")
    """Gone from answers to a POST, and "0" where nothing filled: never worth losing an answer over."""


_ELEMENT = Decoder(_Element)
_ELEMENTS = Decoder(list[Raw])
_PRICE = Decoder(Decimal)


class UnreadableOrder(Exception):
    """An accepted answer that does not say what became of the order."""


def groups(orders: Sequence[ReducingOrder]) -> Iterator[Sequence[ReducingOrder]]:
    """Orders in groups of at most five, in their order.

    An order whose symbol is not plain letters and digits goes alone: only the single call carries it encoded.
    """
    group: list[ReducingOrder] = []
    for order in orders:
        alone = not (order.symbol.isascii() and order.symbol.replace("_", "").isalnum())
        if group and (alone or len(group) == BATCH_MAX):
            yield group
            group = []
        if alone:
            yield [order]
        else:
            group.append(order)
    if group:
        yield group


def cost_of(count: int) -> Cost:
    """A batch counts five in the ten seconds' limit, however few its orders, itself in the minute's, and its weight."""
    if count == 1:
        return Cost(orders_10s=1, orders_1m=1, weight=ORDER.weight)
    return Cost(orders_10s=BATCH_MAX, orders_1m=1, weight=BATCH_ORDERS.weight)


def wire_order(order: ReducingOrder) -> dict[str, str]:
    """The order's parameters. Reduce-only goes with one-way mode alone; in hedge mode the leg has that effect (I5).

    Raises ValueError for a quantity or price that must never reach a venue (I13).
    """
    parameters = {
        "symbol": order.symbol,
        "side": _SIDES[order.side],
        "type": "MARKET",
        "quantity": plain(order.quantity),
        "newClientOrderId": order.client_order_id,
        "newOrderRespType": "RESULT",
    }
    if order.limit_price is not None:
        parameters |= {"type": "LIMIT", "timeInForce": "IOC", "price": plain(order.limit_price)}
    if order.position_side is PositionSide.BOTH:
        parameters["reduceOnly"] = "true"
    else:
        if (order.position_side is PositionSide.LONG) != (order.side is OrderSide.SELL):
            raise ValueError(f"{order.symbol}: a {order.side} of the {order.position_side} leg would open it")
        parameters["positionSide"] = _LEGS[order.position_side]
    return parameters


def batch_results(
    body: bytes, orders: Sequence[ReducingOrder], judge_element: Callable[[VenueError], Judgement]
) -> list[SendResult]:
    """One result per order of a batch, matched by place. Whatever cannot be read is unknown, never failed."""
    try:
        elements = _ELEMENTS.decode(body)
    except msgspec.DecodeError as error:
        return [_unknown(order, f"unreadable batch answer: {error}") for order in orders]
    if len(elements) != len(orders):
        problem = f"the batch answer has {len(elements)} elements for {len(orders)} orders"
        return [_unknown(order, problem) for order in orders]
    return [single_result(element, order, judge_element) for element, order in zip(elements, orders, strict=True)]


def single_result(
    body: bytes | Raw, order: ReducingOrder, judge_element: Callable[[VenueError], Judgement]
) -> SendResult:
    """The result of one order from its answer, or from its element of a batch answer."""
    try:
        element = _decoded(body)
        if element.code is not None and element.order_id is None:
            return judged_result(judge_element(VenueError(element.code, element.msg)), order)
        accepted = _accepted(element)
    except UnreadableOrder as problem:
        return _unknown(order, f"unreadable answer: {problem}")
    if accepted.client_order_id != order.client_order_id:
        return _unknown(order, f"the answer speaks of another order: {shown(accepted.client_order_id)}")
    if accepted.filled > order.quantity:
        return _unknown(order, f"the answer says {accepted.filled} filled of {order.quantity}")
    return accepted


def judged_result(judgement: Judgement, order: ReducingOrder) -> SendResult:
    """What a judgement means for one order."""
    name, code, reason = order.client_order_id, judgement.code, judgement.reason
    if judgement.execution is Execution.UNKNOWN:
        return Unknown(client_order_id=name, code=code, reason=reason)
    if judgement.execution is Execution.UNSENT:
        return Unsent(client_order_id=name, reason=reason)
    if judgement.execution is Execution.FAILED:
        return Failed(client_order_id=name, code=code, reason=reason, retry_after_ms=judgement.retry_after_ms)
    return Refused(
        client_order_id=name,
        code=code,
        reason=reason,
        outside_band=code == OUTSIDE_PRICE_BAND,
        breaks_rules=code in BREAKS_RULES,
    )


def order_state(body: bytes) -> Accepted:
    """What GET /fapi/v1/order says of an order. Raises UnreadableOrder."""
    return _accepted(_decoded(body))


def _decoded(body: bytes | Raw) -> _Element:
    try:
        return _ELEMENT.decode(body)
    except msgspec.DecodeError as error:
        raise UnreadableOrder(str(error)) from None


def _accepted(element: _Element) -> Accepted:
    if element.order_id is None:
        raise UnreadableOrder("orderId is missing")
    if not element.client_order_id:
        raise UnreadableOrder("clientOrderId is missing")
    if not element.status:
        raise UnreadableOrder("status is missing")
    filled = element.executed_qty
    if filled is None or not is_sane(filled) or filled < 0:
        raise UnreadableOrder(f"executedQty is {'missing' if filled is None else filled}")
    return Accepted(
        client_order_id=element.client_order_id,
        exchange_order_id=str(element.order_id),
        status=element.status,
        filled=filled or Decimal(0),
        average_price=_average_price(element.avg_price),
        final=element.status in FINAL_STATUSES,
    )


def _average_price(raw: Raw) -> Decimal | None:
    try:
        price = _PRICE.decode(raw)
    except msgspec.DecodeError:
        return None
    return price if is_sane(price) and price > 0 else None


def _unknown(order: ReducingOrder, reason: str) -> Unknown:
    return Unknown(client_order_id=order.client_order_id, code=None, reason=reason)
