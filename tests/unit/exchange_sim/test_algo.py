"""Conditional orders."""

from decimal import Decimal

import pytest

from exchange_sim.core.errors import VenueError
from exchange_sim.core.venue import Venue
from support.sim_builders import NOW_MS, holding, quantity, venue


def stop(trigger: str, **more: str) -> dict[str, str]:
    return {
        "algoType": "CONDITIONAL",
        "symbol": "ETHUSDT",
        "side": "SELL",
        "type": "STOP_MARKET",
        "quantity": "4",
        "triggerPrice": trigger,
        **more,
    }


def code_of(target: Venue, order: dict[str, str]) -> int:
    with pytest.raises(VenueError) as caught:
        target.place_algo(order, NOW_MS)
    return caught.value.code


def test_cancelling_open_orders_leaves_conditional_ones() -> None:
    target = venue(positions=holding("10"))
    target.place_algo(stop("1900"), NOW_MS)

    assert target.cancel_symbol("ETHUSDT", NOW_MS) == 0
    assert len(target.algo.open()) == 1
    assert target.cancel_algo_symbol("ETHUSDT", NOW_MS) == 1
    assert not target.algo.open()


@pytest.mark.parametrize(
    ("kind", "side", "trigger", "before", "after"),
    [
        ("STOP_MARKET", "SELL", "1900", "1900.01", "1900"),
        ("STOP_MARKET", "BUY", "2100", "2099.99", "2100"),
        ("TAKE_PROFIT_MARKET", "SELL", "2100", "2099.99", "2100"),
        ("TAKE_PROFIT_MARKET", "BUY", "1900", "1900.01", "1900"),
    ],
)
def test_a_trigger_fires_when_the_mark_reaches_it(kind: str, side: str, trigger: str, before: str, after: str) -> None:
    target = venue()
    order = target.place_algo(stop(trigger, type=kind, side=side), NOW_MS)

    target.set_mark("ETHUSDT", Decimal(before), NOW_MS)
    assert order.status == "NEW"
    assert quantity(target) == 0
    target.set_mark("ETHUSDT", Decimal(after), NOW_MS)

    assert order.status == "FINISHED"
    assert quantity(target) == (4 if side == "BUY" else -4)


def test_a_stop_that_is_left_behind_opens_a_position_again() -> None:
    target = venue(positions=holding("4"))
    target.place_algo(stop("1900"), NOW_MS)
    target.account.legs.clear()

    target.set_mark("ETHUSDT", Decimal(1890), NOW_MS)

    assert quantity(target) == -4


def test_a_reduce_only_stop_cannot_open_a_position() -> None:
    target = venue()
    order = target.place_algo(stop("1900", reduceOnly="true"), NOW_MS)

    target.set_mark("ETHUSDT", Decimal(1890), NOW_MS)

    assert order.status == "REJECTED"
    assert quantity(target) == 0


def test_close_position_closes_all_of_it() -> None:
    target = venue(positions=holding("7"))
    order = stop("1900", closePosition="true")
    del order["quantity"]
    target.place_algo(order, NOW_MS)

    target.set_mark("ETHUSDT", Decimal(1890), NOW_MS)

    assert quantity(target) == 0


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (stop("2000"), -2021),
        (stop("1900", type="MARKET"), -1116),
        (stop("1900", algoType="VP"), -1130),
        (stop("", quantity="4"), -1102),
        (stop("1900", quantity=""), -1102),
        (stop("1900", closePosition="true"), -1106),
        (stop("1900", positionSide="LONG"), -4061),
        (stop("1900", symbol="NOSUCH"), -1121),
        (stop("1900", type="STOP"), -1102),
        (stop("1900", quantity="0.0001"), -1111),
    ],
)
def test_a_bad_conditional_order_gets_the_venues_code(order: dict[str, str], code: int) -> None:
    assert code_of(venue(), order) == code


def test_a_client_id_is_unique_among_waiting_conditional_orders() -> None:
    target = venue()
    first = target.place_algo(stop("1900", clientAlgoId="sl"), NOW_MS)

    assert code_of(target, stop("1900", clientAlgoId="sl")) == -4116
    target.algo.cancel(first, NOW_MS)
    second = target.place_algo(stop("1900", clientAlgoId="sl"), NOW_MS)

    assert target.algo.find({"clientAlgoId": "sl"}) is second
    assert target.algo.find({"algoId": str(first.algo_id)}) is first


def test_what_does_not_wait_cannot_be_cancelled_or_found() -> None:
    target = venue()
    order = target.place_algo(stop("1900"), NOW_MS)
    target.algo.cancel(order, NOW_MS)

    with pytest.raises(VenueError, match="-2011"):
        target.algo.cancel(order, NOW_MS)
    with pytest.raises(VenueError, match="-2013"):
        target.algo.find({"algoId": "1"})
    with pytest.raises(VenueError, match="-1102"):
        target.algo.find({})
