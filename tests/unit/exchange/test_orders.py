"""Orders as the venue takes them, and its answers as results: a doubt is unknown, never failed and never filled."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.vocabulary import OrderSide, PositionSide
from exchange.binance_calls import VenueError
from exchange.binance_orders import UnreadableOrder, batch_results, groups, order_state, single_result, wire_order
from exchange.codes import Judgement, judge
from exchange.model import Accepted, Failed, ReducingOrder, Refused, Unknown
from support.exchange_builders import position
from support.venue_samples import body, order_row


def order(
    name: str = "a",
    quantity: str = "1",
    *,
    symbol: str = "ETHUSDT",
    side: OrderSide = OrderSide.SELL,
    leg: PositionSide = PositionSide.BOTH,
) -> ReducingOrder:
    return ReducingOrder(symbol=symbol, side=side, position_side=leg, quantity=Decimal(quantity), client_order_id=name)


def judge_element(error: VenueError) -> Judgement:
    return judge(200, error.code, error.msg)


def test_one_way_mode_sends_reduce_only_and_no_position_side() -> None:
    assert wire_order(order(quantity="9.100")) == {
        "symbol": "ETHUSDT",
        "side": "SELL",
        "type": "MARKET",
        "quantity": "9.1",
        "newClientOrderId": "a",
        "newOrderRespType": "RESULT",
        "reduceOnly": "true",
    }


@pytest.mark.parametrize(
    ("leg", "side", "sent"), [(PositionSide.LONG, OrderSide.SELL, "LONG"), (PositionSide.SHORT, OrderSide.BUY, "SHORT")]
)
def test_hedge_mode_sends_the_leg_and_never_reduce_only(leg: PositionSide, side: OrderSide, sent: str) -> None:
    parameters = wire_order(order(side=side, leg=leg))

    assert parameters["positionSide"] == sent
    assert "reduceOnly" not in parameters


@pytest.mark.parametrize(("leg", "side"), [(PositionSide.LONG, OrderSide.BUY), (PositionSide.SHORT, OrderSide.SELL)])
def test_an_order_that_would_open_a_hedge_leg_cannot_be_written(leg: PositionSide, side: OrderSide) -> None:
    with pytest.raises(ValueError, match="would open"):
        wire_order(order(side=side, leg=leg))


@pytest.mark.parametrize("quantity", ["0", "-1", "NaN", "Infinity", "-0"])
def test_a_quantity_that_must_never_reach_a_venue_cannot_be_written(quantity: str) -> None:
    with pytest.raises(ValueError, match="positive and finite"):
        wire_order(order(quantity=quantity))


@given(st.lists(st.sampled_from(["ETHUSDT", "BTCUSDT_261225", "币安人生USDT", "A&BUSDT"]), max_size=30))
def test_groups_keep_every_order_in_its_place_at_most_five_together(symbols: list[str]) -> None:
    orders = [order(str(index), symbol=symbol) for index, symbol in enumerate(symbols)]

    parts = list(groups(orders))

    assert [one for part in parts for one in part] == orders
    assert all(1 <= len(part) <= 5 for part in parts)
    assert all(one.symbol in ("ETHUSDT", "BTCUSDT_261225") for part in parts if len(part) > 1 for one in part)


def test_forty_four_orders_are_nine_groups() -> None:
    assert [len(part) for part in groups([order(str(n)) for n in range(44)])] == [5] * 8 + [4]


def results(elements: Any, orders: Sequence[ReducingOrder]) -> list[Any]:
    return batch_results(elements if isinstance(elements, bytes) else body(elements), orders, judge_element)


def test_a_batch_is_matched_by_place_and_one_legs_error_stays_its_own() -> None:
    orders = [order("a"), order("b"), order("c"), order("d")]
    elements = [
        order_row("a"),
        {"code": -2022, "msg": "ReduceOnly Order is rejected."},
        {"code": -1007, "msg": "Timeout waiting for response from backend server."},
        {"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."},
    ]

    accepted, refused, unknown, failed = results(elements, orders)

    assert accepted == Accepted(
        client_order_id="a", exchange_order_id="22542179", status="FILLED", filled=Decimal(1), final=True
    )
    assert refused == Refused(
        client_order_id="b", code=-2022, reason="HTTP 200 code -2022: ReduceOnly Order is rejected."
    )
    assert isinstance(unknown, Unknown)
    assert isinstance(failed, Failed)
    assert (unknown.code, failed.code) == (-1007, -1021)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        body([order_row("a")]),
        body([order_row("a"), order_row("b"), order_row("c")]),
        body([order_row("a"), order_row("b")])[:-1],
    ],
)
def test_a_batch_answer_that_is_not_whole_makes_every_leg_unknown(answer: bytes) -> None:
    legs = results(answer, [order("a"), order("b")])

    assert [type(leg) for leg in legs] == [Unknown, Unknown]
    assert [leg.client_order_id for leg in legs] == ["a", "b"]


@pytest.mark.parametrize(
    "element",
    [
        {},
        [],
        None,
        "FILLED",
        order_row("b", orderId=None),
        order_row("b", status=None),
        order_row("b", executedQty=None),
        order_row("b", executedQty="NaN"),
        order_row("b", executedQty="-1"),
        order_row("b", executedQty=""),
        order_row("b", clientOrderId=None),
        order_row("other"),
        order_row("b", executedQty="1.001"),
        {"code": None, "msg": "?"},
        {"code": "-2022", "msg": "?"},
    ],
)
def test_an_unreadable_element_is_unknown_and_the_other_legs_are_read(element: Any) -> None:
    first, second = results([order_row("a"), element], [order("a"), order("b")])

    assert isinstance(first, Accepted)
    assert isinstance(second, Unknown)


def test_elements_in_another_order_are_not_believed() -> None:
    legs = results([order_row("b"), order_row("a")], [order("a"), order("b")])

    assert [type(leg) for leg in legs] == [Unknown, Unknown]


@pytest.mark.parametrize(
    ("status", "final"),
    [
        ("FILLED", True),
        ("EXPIRED", True),
        ("EXPIRED_IN_MATCH", True),
        ("CANCELED", True),
        ("REJECTED", True),
        ("NEW", False),
        ("PARTIALLY_FILLED", False),
        ("SOMETHING_NEW", False),
    ],
)
def test_only_a_known_end_is_final(status: str, final: bool) -> None:  # noqa: FBT001 - a table's column
    result = single_result(body(order_row("a", filled="0.4", status=status)), order(), judge_element)

    assert isinstance(result, Accepted)
    assert (result.status, result.filled, result.final) == (status, Decimal("0.4"), final)


def test_an_error_body_with_status_200_is_judged_by_its_code() -> None:
    result = single_result(b'{"code": -2022, "msg": "no"}', order(), judge_element)

    assert isinstance(result, Refused)


@pytest.mark.parametrize(
    ("price", "average"), [("3446.2", Decimal("3446.2")), ("0.00", None), ("", None), (None, None)]
)
def test_an_average_price_is_taken_where_there_is_one(price: str | None, average: Decimal | None) -> None:
    assert order_state(body(order_row("a", avgPrice=price))).average_price == average


def test_an_order_state_without_its_essentials_raises() -> None:
    with pytest.raises(UnreadableOrder, match="executedQty"):
        order_state(body(order_row("a", executedQty=None)))


@given(st.binary(max_size=80))
def test_no_answer_body_raises_or_passes_for_a_fill(answer: bytes) -> None:
    assert isinstance(single_result(answer, order(), judge_element), Unknown | Refused | Failed)


@pytest.mark.parametrize(("side", "quantity"), [(PositionSide.LONG, "-1"), (PositionSide.SHORT, "1")])
def test_a_leg_whose_sign_contradicts_it_cannot_be_reduced_i5(side: PositionSide, quantity: str) -> None:
    with pytest.raises(ValueError, match="contradicts"):
        ReducingOrder.closing(position(quantity, side=side), Decimal(1), "a")


@pytest.mark.parametrize("quantity", ["2", "-2"])
def test_a_position_cannot_be_reduced_by_more_than_it_holds_i6(quantity: str) -> None:
    with pytest.raises(ValueError, match="cannot reduce"):
        ReducingOrder.closing(position(quantity), Decimal("2.001"), "a")
