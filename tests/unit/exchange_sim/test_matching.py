"""What orders do to positions, and what price moves do to orders."""

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange_sim.core.errors import VenueError
from support.sim_builders import NOW_MS, holding, limit_order, market_order, quantity, send, venue

lots = st.integers(1, 20_000).map(lambda thousandths: Decimal(thousandths).scaleb(-3))


def test_a_market_order_fills_at_the_other_sides_best_price() -> None:
    target = venue()

    sold = send(target, market_order("SELL", "2"))
    bought = send(target, market_order("BUY", "0.5"))

    assert (sold["status"], sold["executedQty"], sold["cumQty"]) == ("FILLED", "2.000", "2.000")
    assert bought["status"] == "FILLED"
    assert [(trade.price, trade.quantity) for trade in target.account.trades] == [
        (Decimal("2000.00"), Decimal(2)),
        (Decimal("2000.01"), Decimal("0.5")),
    ]
    assert quantity(target) == Decimal("-1.5")


def test_the_answer_carries_no_fill_price_and_ack_says_new() -> None:
    target = venue()

    result = send(target, market_order("SELL", "2"))
    acknowledged = send(target, {**market_order("SELL", "2"), "newOrderRespType": "ACK"})

    assert not {"avgPrice", "cumQuote"} & result.keys()
    assert (acknowledged["status"], acknowledged["executedQty"]) == ("NEW", "0.000")
    assert quantity(target) == -4


def test_reduce_only_is_shrunk_to_the_position() -> None:
    target = venue(positions=holding("-0.75"))

    answer = send(target, market_order("BUY", "3", reduceOnly="true"))

    assert (answer["origQty"], answer["executedQty"], answer["status"]) == ("0.750", "0.750", "FILLED")
    assert quantity(target) == 0


@given(
    position=lots,
    direction=st.sampled_from([1, -1]),
    orders=st.lists(st.tuples(st.sampled_from(["BUY", "SELL"]), lots), max_size=8),
    depth=st.none() | lots,
)
def test_reduce_only_orders_never_change_a_positions_sign_nor_make_it_larger(
    position: Decimal, direction: int, orders: list[tuple[str, Decimal]], depth: Decimal | None
) -> None:
    start = position * direction
    book = [] if depth is None else [{"symbol": "ETHUSDT", "qty": str(depth), "replenish": False}]
    target = venue(positions=holding(str(start)), book=book)

    for side, asked in orders:
        before = quantity(target)
        with suppress(VenueError):
            send(target, market_order(side, str(asked), reduceOnly="true"))
        log = target.evidence.orders[-1]
        assert log.code in (None, -2022)
        assert Decimal(log.executed_qty) == abs(before - quantity(target))
        assert abs(quantity(target)) <= abs(before)
        assert quantity(target) * start >= 0


def test_a_thin_book_leaves_a_market_order_expired_with_a_part() -> None:
    target = venue(positions=holding("10"), book=[{"symbol": "ETHUSDT", "qty": "4"}])

    answers = [send(target, market_order("SELL", "10", reduceOnly="true")) for _ in range(3)]

    assert [(answer["status"], answer["executedQty"]) for answer in answers] == [
        ("EXPIRED", "4.000"),
        ("EXPIRED", "4.000"),
        ("FILLED", "2.000"),
    ]


def test_a_book_that_does_not_replenish_runs_dry() -> None:
    thin = {"symbol": "ETHUSDT", "bid_qty": "4", "replenish": False, "expire_as": "EXPIRED_IN_MATCH"}
    target = venue(positions=holding("10"), book=[thin])

    answers = [send(target, market_order("SELL", "10", reduceOnly="true")) for _ in range(2)]

    assert [(answer["status"], answer["executedQty"]) for answer in answers] == [
        ("EXPIRED_IN_MATCH", "4.000"),
        ("EXPIRED_IN_MATCH", "0.000"),
    ]
    assert quantity(target) == 6


@pytest.mark.parametrize(
    ("time_in_force", "status", "executed"),
    [("GTC", "PARTIALLY_FILLED", "4.000"), ("IOC", "EXPIRED", "4.000"), ("FOK", "EXPIRED", "0.000")],
)
def test_a_limit_order_that_finds_too_little_rests_or_expires(time_in_force: str, status: str, executed: str) -> None:
    target = venue(positions=holding("10"), book=[{"symbol": "ETHUSDT", "qty": "4"}])

    answer = send(target, limit_order("SELL", "10", "1990", timeInForce=time_in_force))

    assert (answer["status"], answer["executedQty"]) == (status, executed)
    assert len(target.account.open) == (time_in_force == "GTC")


def test_a_resting_order_fills_at_its_price_when_the_market_comes() -> None:
    target = venue(positions=holding("10"))
    send(target, limit_order("SELL", "4", "2050", newClientOrderId="tp"))

    target.set_mark("ETHUSDT", Decimal("2049.99"), NOW_MS)
    assert quantity(target) == 10
    target.set_mark("ETHUSDT", Decimal("2050.01"), NOW_MS)

    assert quantity(target) == 6
    filled = target.account.find("ETHUSDT", None, "tp")
    assert filled is not None
    assert (filled.status, filled.quote) == ("FILLED", Decimal(8200))


def test_two_resting_reduce_only_orders_cannot_flip_a_position() -> None:
    resting = {"symbol": "ETHUSDT", "side": "SELL", "qty": "8", "price": "2050", "reduce_only": True}
    target = venue(positions=holding("10"), resting_orders=[resting, {**resting, "price": "2060"}])

    target.set_mark("ETHUSDT", Decimal(2100), NOW_MS)

    assert quantity(target) == 0
    assert not target.account.open


def test_a_reduce_only_order_expires_with_its_position() -> None:
    resting = {"symbol": "ETHUSDT", "side": "SELL", "qty": "8", "price": "2050", "reduce_only": True}
    target = venue(positions=holding("10"), resting_orders=[resting, {**resting, "reduce_only": False}])

    send(target, market_order("SELL", "10"))

    assert [order.reduce_only for order in target.account.open.values()] == [False]


def test_profit_is_realised_against_the_entry_price() -> None:
    target = venue(positions=holding("2", entry_price="1900"))

    send(target, market_order("SELL", "3"))

    assert target.account.trades[0].realized == 200
    assert target.account.leg("ETHUSDT", "BOTH").entry_price == 2000


def test_growing_a_position_averages_its_entry_price() -> None:
    target = venue(positions=holding("-1", entry_price="1000"))

    send(target, market_order("SELL", "1"))

    assert target.account.leg("ETHUSDT", "BOTH").entry_price == 1500


def test_the_log_holds_what_was_sent_and_the_position_around_it() -> None:
    target = venue(positions=holding("10"))

    send(target, market_order("SELL", "12.50", reduceOnly="true", newClientOrderId="a"))
    with pytest.raises(VenueError):
        send(target, market_order("SELL", "1", reduceOnly="true", newClientOrderId="b"))

    filled, refused = target.evidence.orders
    assert (filled.quantity, filled.reduce_only, filled.position_side) == ("12.50", "true", None)
    assert (filled.outcome, filled.status, filled.executed_qty) == ("accepted", "FILLED", "10")
    assert (filled.position_before, filled.position_after) == ("10", "0")
    assert (refused.outcome, refused.code, refused.client_order_id) == ("refused", -2022, "b")
    assert (refused.position_before, refused.position_after) == ("0", "0")
