"""Every answer that is read, in the shape that Binance documents: more fields are ignored, a missing one is named."""

from collections.abc import Callable
from typing import Any

import pytest

from exchange import binance_decode as decode
from exchange.binance_instruments import catalogue
from exchange.binance_orders import UnreadableOrder, order_state, single_result
from exchange.codes import Execution, Judgement
from exchange.errors import ReadUnusable
from exchange.model import Accepted, Unknown
from support.exchange_builders import reducing
from support.venue_samples import (
    body,
    exchange_info,
    open_algo_order_row,
    open_order_row,
    order_row,
    position_row,
    symbol_row,
)

NEW_FIELDS = {"somethingNew": {"of": ["any", "shape"]}, "another": None}


def without(row: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != field}


def problem_with_position(row: dict[str, Any]) -> str:
    _, unreadable = decode.positions(body([position_row("BTCUSDT"), row]))
    return f"{unreadable[0].field}: {unreadable[0].problem}" if unreadable else ""


def problem_with_symbol(row: dict[str, Any]) -> str:
    read = catalogue(body(exchange_info(symbol_row("BTCUSDT"), row)))
    return "; ".join(read.listings.unreadable.values())


def problem_with(read: Callable[[bytes], object], row: Any) -> str:
    try:
        read(body(row))
    except (ReadUnusable, UnreadableOrder) as error:
        return str(error)
    return ""


def problem_with_answer(row: dict[str, Any]) -> str:
    """Of POST /fapi/v1/order, and of each element of a batch."""
    result = single_result(body(row), reducing("a"), _unjudged)
    assert isinstance(result, Accepted | Unknown)
    return result.reason if isinstance(result, Unknown) else ""


def _unjudged(error: object) -> Judgement:
    return Judgement(execution=Execution.UNKNOWN, code=None, reason=str(error))


SHAPES: dict[str, tuple[dict[str, Any], tuple[str, ...], Callable[[dict[str, Any]], str]]] = {
    "GET /fapi/v2/positionRisk": (position_row(), ("symbol", "positionAmt", "positionSide"), problem_with_position),
    "GET /fapi/v1/exchangeInfo": (
        symbol_row(),
        ("symbol", "status", "quantityPrecision", "filters"),
        problem_with_symbol,
    ),
    "GET /fapi/v1/positionSide/dual": (
        {"dualSidePosition": False},
        ("dualSidePosition",),
        lambda row: problem_with(decode.position_mode, row),
    ),
    "GET /fapi/v1/openOrders": (
        open_order_row(),
        ("symbol", "orderId", "clientOrderId", "type", "side", "origQty"),
        lambda row: problem_with(decode.open_orders, [row]),
    ),
    "GET /fapi/v1/openAlgoOrders": (
        open_algo_order_row(),
        ("symbol", "algoId", "clientAlgoId", "orderType", "side"),
        lambda row: problem_with(decode.open_algo_orders, [row]),
    ),
    "GET /fapi/v1/order": (
        order_row("a"),
        ("orderId", "clientOrderId", "status", "executedQty"),
        lambda row: problem_with(order_state, row),
    ),
    "POST /fapi/v1/order and batchOrders": (
        order_row("a"),
        ("orderId", "clientOrderId", "status", "executedQty"),
        problem_with_answer,
    ),
}
REQUIRED = [(endpoint, field) for endpoint, (_, fields, _) in SHAPES.items() for field in fields]


@pytest.mark.parametrize("endpoint", SHAPES)
def test_fields_that_nobody_knows_are_ignored(endpoint: str) -> None:
    sample, _, problem = SHAPES[endpoint]

    assert problem({**sample, **NEW_FIELDS}) == ""


@pytest.mark.parametrize(("endpoint", "field"), REQUIRED)
def test_a_required_field_that_is_missing_is_named(endpoint: str, field: str) -> None:
    sample, _, problem = SHAPES[endpoint]

    assert field in problem(without(sample, field))


def test_a_filter_without_which_no_order_can_be_built_is_named() -> None:
    row = symbol_row()
    row["filters"] = [entry for entry in row["filters"] if entry["filterType"] != "LOT_SIZE"]

    assert "LOT_SIZE" in problem_with_symbol(row)
