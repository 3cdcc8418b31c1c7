"""Account readings: every row is read or named, and what is not whole is never taken for whole (I14)."""

import contextlib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.vocabulary import OrderSide, PositionSide
from exchange import binance_decode as decode
from exchange.errors import ReadUnusable
from exchange.instruments import is_sane
from exchange.model import Position, PositionMode, RestingOrder, UnreadableRow
from support.venue_samples import body, mark_row, open_algo_order_row, open_order_row, position_row

GOOD = position_row("BTCUSDT", "0.000")


def test_a_documented_position_row_is_read_in_full() -> None:
    positions, unreadable = decode.positions(body([position_row()]))

    assert unreadable == ()
    assert positions == (
        Position(
            symbol="ETHUSDT",
            side=PositionSide.BOTH,
            quantity=Decimal("9.1"),
            entry_price=Decimal("3401.25"),
            mark_price=Decimal("3446.26373626"),
            unrealised_pnl=Decimal("409.625"),
        ),
    )


def test_zero_rows_are_rows_too() -> None:
    positions, _ = decode.positions(body([GOOD, position_row()]))

    assert [row.symbol for row in positions] == ["BTCUSDT", "ETHUSDT"]


def test_both_legs_of_hedge_mode_are_read_with_their_signs() -> None:
    rows = [
        position_row(amount="0", positionSide="BOTH"),
        position_row(amount="2.5", positionSide="LONG"),
        position_row(amount="-1.5", positionSide="SHORT"),
    ]

    positions, _ = decode.positions(body(rows))

    assert [(row.side, row.quantity) for row in positions] == [
        (PositionSide.BOTH, 0),
        (PositionSide.LONG, Decimal("2.5")),
        (PositionSide.SHORT, Decimal("-1.5")),
    ]


@pytest.mark.parametrize("zero", ["-0", "-0.000", "0E+999999", "-0E-999999"])
def test_every_zero_becomes_a_plain_one(zero: str) -> None:
    positions, _ = decode.positions(body([position_row(amount=zero)]))

    assert str(positions[0].quantity) == "0"


@pytest.mark.parametrize(
    "amount",
    ["NaN", "-NaN", "sNaN", "Infinity", "-Infinity", "", " ", "nine", "1e999999", "1" * 60, True, [], {}, ["9.1"]],
)
def test_a_row_whose_quantity_is_no_quantity_is_named_and_the_others_are_read(amount: Any) -> None:
    positions, unreadable = decode.positions(body([GOOD, position_row(amount=amount)]))

    assert [row.symbol for row in positions] == ["BTCUSDT"]
    assert [(row.symbol, row.field) for row in unreadable] == [("ETHUSDT", "positionAmt")]


@pytest.mark.parametrize(
    ("row", "symbol", "field"),
    [
        (position_row(amount=None), "ETHUSDT", "positionAmt"),
        (b'{"symbol": "ETHUSDT", "positionAmt": null, "positionSide": "BOTH"}', "ETHUSDT", "positionAmt"),
        (position_row(positionSide=None), "ETHUSDT", "positionSide"),
        (position_row(positionSide="UP"), "ETHUSDT", "positionSide"),
        (position_row(positionSide=3), "ETHUSDT", "positionSide"),
        ({"positionAmt": "9.1", "positionSide": "BOTH"}, "row 1", "symbol"),
        (position_row(symbol=""), "row 1", "symbol"),
        (position_row(symbol=7), "row 1", "symbol"),
        (position_row(symbol="A\nB"), "row 1", "symbol"),
        ("text", "row 1", "row"),
        (17, "row 1", "row"),
        ([], "row 1", "row"),
    ],
)
def test_a_row_that_cannot_be_read_says_where(row: Any, symbol: str, field: str) -> None:
    raw = row if isinstance(row, bytes) else body(row)

    positions, unreadable = decode.positions(b"[" + body(GOOD) + b"," + raw + b"]")

    assert [position.symbol for position in positions] == ["BTCUSDT"]
    assert [(one.symbol, one.field) for one in unreadable] == [(symbol, field)]


def test_the_offending_value_is_shown_but_not_at_length() -> None:
    _, unreadable = decode.positions(body([position_row(amount="x" * 5_000)]))

    assert unreadable[0].problem.startswith('not a quantity: "xxx')
    assert len(unreadable[0].problem) < 120


@pytest.mark.parametrize(
    ("pnl", "read"), [("-3.5", Decimal("-3.5")), ("", None), ("NaN", None), ("1e999", None), ([], None), (None, None)]
)
def test_a_profit_may_be_a_loss_and_an_unreadable_one_leaves_the_position_readable(pnl: Any, read: Any) -> None:
    (row,), unreadable = decode.positions(body([position_row(unRealizedProfit=pnl)]))

    assert (row.quantity, row.unrealised_pnl, unreadable) == (Decimal("9.1"), read, ())


@pytest.mark.parametrize("price", ["NaN", "", "0", "0.0", "-1", "Infinity", {}, None])
def test_an_unreadable_price_leaves_the_position_readable(price: Any) -> None:
    positions, unreadable = decode.positions(body([position_row(markPrice=price, entryPrice=price)]))

    assert unreadable == ()
    assert (positions[0].quantity, positions[0].mark_price, positions[0].entry_price) == (Decimal("9.1"), None, None)
    assert positions[0].unrealised_pnl == Decimal("409.625")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b" ",
        b"[]",
        b"{}",
        b"null",
        b'{"code": -1000, "msg": "no"}',
        body([position_row()])[:-1],
        body([position_row()])[:-40],
        body([position_row()]) + b"]",
        b'[{"symbol": "ETHUSDT", "positionAmt": NaN}]',
        b"<html></html>",
        b"\xff\xfe",
    ],
)
def test_an_answer_that_is_not_a_whole_filled_list_is_unusable(answer: bytes) -> None:
    with pytest.raises(ReadUnusable, match="GET /fapi/v2/positionRisk"):
        decode.positions(answer)


def test_two_rows_of_one_symbol_and_side_are_unreadable_both_and_take_no_other_with_them_i14() -> None:
    positions, unreadable = decode.positions(body([position_row(), GOOD, position_row(amount="1")]))

    assert [row.symbol for row in positions] == ["BTCUSDT"]
    assert [(row.symbol, row.problem) for row in unreadable] == [("ETHUSDT", "its both row comes 2 times")] * 2


def test_a_quantity_keeps_every_digit() -> None:
    exact = '{"symbol": "A", "positionSide": "BOTH", "positionAmt": 0.1000000000000000055}'

    positions, _ = decode.positions(f"[{exact}]".encode())

    assert str(positions[0].quantity) == "0.1000000000000000055"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)


@given(st.lists(JSON | st.builds(position_row, st.text(max_size=12), JSON, positionSide=JSON), min_size=1, max_size=8))
def test_every_row_is_read_or_named_whatever_it_holds(rows: list[Any]) -> None:
    answer = body(rows)
    try:
        positions, unreadable = decode.positions(answer)
    except ReadUnusable as unusable:
        assert unusable.field == "symbol" or b"NaN" in answer or b"Infinity" in answer  # noqa: PT017 - either is right
        return

    assert len(positions) + len(unreadable) == len(rows)
    assert all(is_sane(position.quantity) for position in positions)


@given(st.binary(max_size=60))
def test_no_body_raises_anything_but_unusable(answer: bytes) -> None:
    for read in (decode.positions, decode.marks, decode.position_mode, decode.open_orders, decode.open_algo_orders):
        with contextlib.suppress(ReadUnusable):
            read(answer)


def test_marks_are_exact_and_a_symbol_without_a_price_is_left_out() -> None:
    rows = [mark_row(), mark_row("BTCUSDT", "0.00000000"), mark_row("AUSDT", "NaN"), mark_row("BUSDT", "-1")]

    assert decode.marks(body(rows)) == {"ETHUSDT": Decimal("3446.26373626")}


def test_a_mark_row_of_the_wrong_shape_does_not_hide_the_others() -> None:
    rows = [mark_row(), mark_row("BTCUSDT", ""), {"markPrice": "1"}, 4, mark_row("AUSDT", None)]

    assert decode.marks(body(rows)) == {"ETHUSDT": Decimal("3446.26373626")}


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", body([mark_row()])[:-1]])
def test_marks_that_are_not_a_whole_filled_list_are_unusable(answer: bytes) -> None:
    with pytest.raises(ReadUnusable, match="GET /fapi/v1/premiumIndex"):
        decode.marks(answer)


def test_the_position_mode_is_read() -> None:
    assert decode.position_mode(b'{"dualSidePosition": true}') is PositionMode.HEDGE
    assert decode.position_mode(b'{"dualSidePosition": false}') is PositionMode.ONE_WAY


@pytest.mark.parametrize("answer", [b"{}", b'{"dualSidePosition": "true"}', b'{"dualSidePosition": null}'])
def test_a_position_mode_that_is_not_said_is_never_assumed(answer: bytes) -> None:
    with pytest.raises(ReadUnusable, match="dualSidePosition"):
        decode.position_mode(answer)


def test_a_documented_open_order_is_read_in_full() -> None:
    assert decode.open_orders(body([open_order_row()])) == [
        RestingOrder(
            symbol="ETHUSDT",
            order_id="1917641",
            client_order_id="web_entry",
            conditional=False,
            kind="LIMIT",
            side=OrderSide.BUY,
            quantity=Decimal("0.40"),
            reduce_only=False,
        )
    ]


def test_a_documented_conditional_order_is_read_in_full() -> None:
    assert decode.open_algo_orders(body([open_algo_order_row()])) == [
        RestingOrder(
            symbol="ETHUSDT",
            order_id="2148627",
            client_order_id="stop_loss",
            conditional=True,
            kind="STOP_MARKET",
            side=OrderSide.SELL,
            quantity=Decimal("0.01"),
            reduce_only=True,
        )
    ]


def test_a_conditional_order_that_closes_the_whole_position_has_no_quantity() -> None:
    (order,) = decode.open_algo_orders(body([open_algo_order_row(quantity=None, closePosition=True, reduceOnly=None)]))

    assert (order.quantity, order.reduce_only) == (Decimal(0), True)


def test_no_waiting_orders_is_an_answer() -> None:
    assert decode.open_orders(b"[]") == []
    assert decode.open_algo_orders(b"[]") == []


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"symbol": None}, "symbol"),
        ({"orderId": None}, "orderId"),
        ({"clientOrderId": None}, "clientOrderId"),
        ({"type": None}, "type"),
        ({"side": None}, "side"),
        ({"side": "UP"}, "side"),
        ({"origQty": None}, "origQty"),
        ({"origQty": "NaN"}, "origQty"),
    ],
)
def test_one_unreadable_waiting_order_spoils_the_reading_and_names_the_field(
    changed: dict[str, Any], field: str
) -> None:
    with pytest.raises(ReadUnusable, match=field):
        decode.open_orders(body([open_order_row(), open_order_row(**changed)]))


@pytest.mark.parametrize("field", ["symbol", "algoId", "clientAlgoId", "orderType", "side"])
def test_a_conditional_order_without_a_required_field_names_it(field: str) -> None:
    with pytest.raises(ReadUnusable, match=field):
        decode.open_algo_orders(body([open_algo_order_row(**{field: None})]))


def test_unreadable_rows_are_values_of_the_model() -> None:
    _, unreadable = decode.positions(body([GOOD, position_row(amount="NaN")]))

    assert unreadable == (UnreadableRow(symbol="ETHUSDT", field="positionAmt", problem="not a quantity: NaN"),)


@pytest.mark.parametrize(("amount", "leg"), [("-1", "LONG"), ("1", "SHORT")])
def test_a_quantity_that_contradicts_its_leg_is_unreadable_and_the_others_are_read_i14(amount: str, leg: str) -> None:
    positions, unreadable = decode.positions(body([GOOD, position_row(amount=amount, positionSide=leg)]))

    assert [position.symbol for position in positions] == ["BTCUSDT"]
    assert [(row.symbol, row.field) for row in unreadable] == [("ETHUSDT", "positionAmt")]
