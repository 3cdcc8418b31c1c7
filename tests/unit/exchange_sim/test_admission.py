"""Which orders the venue refuses, and with which code."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange_sim.core.errors import VenueError
from exchange_sim.core.venue import Venue
from support.sim_builders import holding, limit_order, listing, market_order, quantity, send, venue

LONG = holding("10")


def code_of(target: Venue, order: dict[str, str]) -> int:
    before = dict(target.account.legs)
    with pytest.raises(VenueError) as caught:
        send(target, order)
    assert target.account.legs == before, "a refused order moved a position"
    return caught.value.code


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (market_order("SELL", "1", symbol="NOSUCH"), -1121),
        (market_order("SIDEWAYS", "1"), -1117),
        (market_order("SELL", ""), -1102),
        (market_order("SELL", "NaN"), -1100),
        (market_order("SELL", "Infinity"), -1100),
        (market_order("SELL", "-1"), -1100),
        (market_order("SELL", "1e1"), -1100),
        (market_order("SELL", "0"), -4003),
        (market_order("SELL", "1.0001"), -1111),
        (market_order("SELL", "20.001"), -4005),
        (market_order("SELL", "1", type="STOP_MARKET"), -4120),
        (market_order("SELL", "1", type="ICEBERG"), -1116),
        (market_order("SELL", "1", price="2000"), -1106),
        (market_order("SELL", "1", newClientOrderId="a b"), -4015),
        (market_order("SELL", "1", newClientOrderId="x" * 37), -4015),
        (market_order("SELL", "1", positionSide="LONG"), -4061),
        (market_order("SELL", "1", reduceOnly="maybe"), -1130),
        (market_order("SELL", "0.009"), -4164),
        (market_order("BUY", "1", reduceOnly="true"), -2022),
        (market_order("SELL", "1", symbol="BTCUSDT", reduceOnly="true"), -2022),
        (limit_order("SELL", "1", "2000", timeInForce=""), -1102),
        (limit_order("SELL", "1", "2000", timeInForce="DAY"), -1115),
        (limit_order("SELL", "1", "2000.001"), -1111),
        (limit_order("SELL", "1", "0.00"), -4013),
        (limit_order("SELL", "1", "1899.99"), -4024),
        (limit_order("BUY", "1", "2100.01"), -4016),
        (limit_order("SELL", "100.001", "2000"), -4005),
        (limit_order("SELL", "1", "2000", timeInForce="GTX"), -5022),
    ],
)
def test_a_malformed_or_impossible_order_gets_the_venues_code(order: dict[str, str], code: int) -> None:
    assert code_of(venue(positions=LONG), order) == code


@pytest.mark.parametrize(
    ("rules", "asked", "code"),
    [
        ({"LOT_SIZE": {"minQty": "0.005"}}, "0.004", -4004),
        ({"MARKET_LOT_SIZE": {"minQty": "0.005"}}, "0.004", -4004),
        ({"LOT_SIZE": {"maxQty": "5"}, "MARKET_LOT_SIZE": {"maxQty": "7.5"}}, "6", -4005),
        ({"LOT_SIZE": {"stepSize": "0.005", "minQty": "0.005"}}, "0.012", -4023),
        ({"MARKET_LOT_SIZE": {"stepSize": "0.01", "minQty": "0.01"}}, "0.015", -4023),
    ],
)
def test_a_market_order_obeys_the_stricter_of_both_lot_rules(rules: dict[str, Any], asked: str, code: int) -> None:
    target = venue(listing("ETHUSDT", filters=rules), positions=LONG)

    assert code_of(target, market_order("SELL", asked, reduceOnly="true")) == code


def test_a_limit_order_does_not_care_for_the_market_maximum() -> None:
    target = venue(positions=holding("50"))

    assert send(target, limit_order("SELL", "50", "2000", reduceOnly="true"))["status"] == "FILLED"


words = st.text(max_size=8) | st.sampled_from(
    ["ETHUSDT", "SELL", "BUY", "LIMIT", "MARKET", "true", "1", "0.5", "NaN", "GTC"]
)


@given(order=st.fixed_dictionaries({}, optional=dict.fromkeys(limit_order("SELL", "1", "1"), words)))
def test_whatever_is_sent_is_filled_or_refused_with_a_code(order: dict[str, str]) -> None:
    target = venue(positions=LONG)

    with suppress(VenueError):
        send(target, order)

    assert target.evidence.orders[0].outcome in ("accepted", "refused")


def test_a_price_off_the_tick_is_refused() -> None:
    target = venue(
        listing("ETHUSDT", filters={"PRICE_FILTER": {"tickSize": "0.05", "minPrice": "0.05"}}), positions=LONG
    )

    assert code_of(target, limit_order("SELL", "1", "2000.02")) == -4014


@pytest.mark.parametrize("status", ["SETTLING", "DELIVERING", "CLOSE"])
def test_a_closed_symbol_takes_nothing(status: str) -> None:
    target = venue(positions=LONG, statuses={"ETHUSDT": status})

    assert code_of(target, market_order("SELL", "1", reduceOnly="true")) == -4141


def test_a_symbol_that_does_not_trade_yet_takes_nothing() -> None:
    target = venue(positions=LONG, statuses={"ETHUSDT": "PENDING_TRADING"})

    assert code_of(target, market_order("SELL", "1", reduceOnly="true")) == -4140


def test_before_settlement_only_what_reduces_passes() -> None:
    target = venue(positions=LONG, statuses={"ETHUSDT": "PRE_SETTLE"})

    assert code_of(target, market_order("BUY", "1")) == -4140
    assert send(target, market_order("SELL", "1", reduceOnly="true"))["status"] == "FILLED"


def test_the_smallest_reduce_only_order_needs_no_notional() -> None:
    target = venue(positions=holding("0.001"))

    assert send(target, market_order("SELL", "0.001", reduceOnly="true"))["status"] == "FILLED"
    assert quantity(target) == 0


def test_reduce_only_is_refused_while_a_resting_one_claims_the_position() -> None:
    take_profit = {"symbol": "ETHUSDT", "side": "SELL", "qty": "4", "price": "2050", "reduce_only": True}
    target = venue(positions=LONG, resting_orders=[take_profit])

    assert code_of(target, market_order("SELL", "10", reduceOnly="true")) == -2022
    assert send(target, market_order("SELL", "6", reduceOnly="true"))["status"] == "FILLED"
    target.cancel_symbol("ETHUSDT", 1)
    assert send(target, market_order("SELL", "10", reduceOnly="true"))["origQty"] == "4.000"


def test_an_entry_order_on_the_other_side_does_not_hinder_a_close() -> None:
    entry = {"symbol": "ETHUSDT", "side": "BUY", "qty": "4", "price": "1950"}
    target = venue(positions=LONG, resting_orders=[entry])

    assert send(target, market_order("SELL", "10", reduceOnly="true"))["status"] == "FILLED"


def test_a_best_price_outside_the_band_refuses_market_orders_only() -> None:
    target = venue(positions=LONG, book=[{"symbol": "ETHUSDT", "bid": "1899.99"}])

    assert code_of(target, market_order("SELL", "1", reduceOnly="true")) == -4131
    at_the_band = limit_order("SELL", "1", "1900", timeInForce="IOC", reduceOnly="true")
    assert send(target, at_the_band)["status"] == "EXPIRED"
    assert quantity(target) == 10


def test_a_client_order_id_is_unique_among_open_orders_only() -> None:
    target = venue(positions=LONG)
    send(target, limit_order("SELL", "1", "2050", newClientOrderId="tp"))

    assert code_of(target, market_order("SELL", "1", newClientOrderId="tp")) == -4116
    send(target, market_order("SELL", "1", newClientOrderId="close", reduceOnly="true"))
    send(target, market_order("SELL", "1", newClientOrderId="close", reduceOnly="true"))

    log = target.evidence.orders
    assert [record.live_duplicate for record in log] == [False, True, False, False]
    assert [record.reused_client_id for record in log] == [False, True, False, True]


def test_in_hedge_mode_the_leg_is_named_and_reduce_only_is_not_sent() -> None:
    target = venue(
        hedge_mode=True, positions=[*holding("3", position_side="LONG"), *holding("-2", position_side="SHORT")]
    )

    assert code_of(target, market_order("SELL", "1")) == -4061
    assert code_of(target, market_order("SELL", "1", reduceOnly="true")) == -4061
    assert code_of(target, market_order("SELL", "1", positionSide="LONG", reduceOnly="true")) == -1106
    assert code_of(target, market_order("SELL", "3.001", positionSide="LONG")) == -2022
    assert code_of(target, market_order("BUY", "2.001", positionSide="SHORT")) == -2022

    assert send(target, market_order("SELL", "3", positionSide="LONG"))["status"] == "FILLED"
    assert send(target, market_order("BUY", "2", positionSide="SHORT"))["status"] == "FILLED"
    assert quantity(target, side="LONG") == quantity(target, side="SHORT") == 0
    assert code_of(target, market_order("SELL", "0.1", positionSide="LONG")) == -2022


def test_a_closing_order_that_rests_in_hedge_mode_claims_its_part() -> None:
    resting = {"symbol": "ETHUSDT", "side": "SELL", "qty": "1", "price": "2050", "position_side": "LONG"}
    target = venue(hedge_mode=True, positions=holding("3", position_side="LONG"), resting_orders=[resting])

    assert code_of(target, market_order("SELL", "2.5", positionSide="LONG")) == -2022
    assert send(target, market_order("SELL", "2", positionSide="LONG"))["status"] == "FILLED"
