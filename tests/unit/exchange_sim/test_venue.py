"""Scenarios, changes, timers and the big answers."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from exchange_sim.core.errors import VenueError
from exchange_sim.core.faults import Fault
from exchange_sim.core.limits import Limits, RateLimiter
from exchange_sim.core.venue import Venue
from support.sim_builders import NOW_MS, holding, limit_order, market_order, quantity, scene, send, venue


def risk(target: Venue, *faults: Fault) -> dict[str, dict[str, Any]]:
    rows = msgspec.json.decode(target.feeds.positions(None, faults))
    return {row["symbol"]: row for row in rows}


def test_every_symbol_has_a_row_open_or_not() -> None:
    rows = risk(venue(positions=holding("-1.5")))

    assert list(rows) == ["ETHUSDT", "BTCUSDT"]
    assert (rows["ETHUSDT"]["positionAmt"], rows["ETHUSDT"]["notional"]) == ("-1.500", "-3000.00000000")
    assert (rows["BTCUSDT"]["positionAmt"], rows["BTCUSDT"]["notional"]) == ("0.000", "0")
    assert rows["BTCUSDT"]["markPrice"] == "2000.00000000"


def test_hedge_mode_shows_three_rows_of_each_symbol() -> None:
    target = venue(hedge_mode=True, positions=[*holding("3"), *holding("-2")])

    rows = msgspec.json.decode(target.feeds.positions("ETHUSDT", ()))

    assert [(row["positionSide"], row["positionAmt"]) for row in rows] == [
        ("BOTH", "0.000"),
        ("LONG", "3.000"),
        ("SHORT", "-2.000"),
    ]


def test_kept_rows_follow_orders_prices_and_mode() -> None:
    target = venue(positions=holding("10"))
    assert risk(target)["ETHUSDT"]["positionAmt"] == "10.000"

    send(target, market_order("SELL", "10", reduceOnly="true"))
    assert risk(target)["ETHUSDT"]["positionAmt"] == "0.000"

    target.set_mark("BTCUSDT", Decimal(90000), NOW_MS)
    assert risk(target)["BTCUSDT"]["markPrice"] == "90000.00000000"
    premium = msgspec.json.decode(target.feeds.premiums("BTCUSDT", (), NOW_MS))
    assert (premium["markPrice"], premium["time"]) == ("90000.00000000", NOW_MS)

    target.set_hedge_mode(True)
    assert len(msgspec.json.decode(target.feeds.positions(None, ()))) == 6


def test_a_refused_order_leaves_the_rows_right() -> None:
    target = venue(positions=holding("10"))
    risk(target)

    with pytest.raises(VenueError):
        send(target, market_order("BUY", "1", reduceOnly="true"))

    assert risk(target)["ETHUSDT"]["positionAmt"] == "10.000"


def test_dust_finer_than_the_step_is_shown_as_it_is() -> None:
    assert risk(venue(positions=holding("0.00004")))["ETHUSDT"]["positionAmt"] == "0.00004"


def test_edited_rows_touch_one_symbol_only() -> None:
    target = venue(positions=holding("10"))
    nan = msgspec.convert({"action": "nan_quantity", "match": {"symbol": "ETHUSDT"}}, Fault)
    unmarked = msgspec.convert({"action": "missing_mark", "match": {"symbol": "ETHUSDT"}}, Fault)
    patched = msgspec.convert(
        {"action": "patch", "match": {"symbol": "ETHUSDT"}, "patch": {"positionAmt": None, "entryPrice": 5}}, Fault
    )

    assert risk(target, nan)["ETHUSDT"]["positionAmt"] == "NaN"
    assert risk(target, nan)["BTCUSDT"] == risk(target)["BTCUSDT"]
    assert risk(target, unmarked)["ETHUSDT"]["markPrice"] == "0.00000000"
    assert "positionAmt" not in risk(target, patched)["ETHUSDT"]
    assert risk(target, patched)["ETHUSDT"]["entryPrice"] == 5
    premiums = msgspec.json.decode(target.feeds.premiums(None, (unmarked,), NOW_MS))
    assert [row["symbol"] for row in premiums] == ["BTCUSDT"]
    assert risk(target)["ETHUSDT"]["positionAmt"] == "10.000"


def test_exchange_info_shows_status_limits_and_the_time() -> None:
    target = venue()
    target.feeds.exchange_info(target.limiter, NOW_MS)

    target.apply(scene(statuses={"BTCUSDT": "SETTLING"}), NOW_MS)
    target.set_limits(Limits(orders_10s=7))
    info = msgspec.json.decode(target.feeds.exchange_info(target.limiter, NOW_MS))

    assert info["serverTime"] == NOW_MS
    assert {row["symbol"]: row["status"] for row in info["symbols"]} == {"ETHUSDT": "TRADING", "BTCUSDT": "SETTLING"}
    assert info["rateLimits"] == RateLimiter(Limits(orders_10s=7)).published()


def test_a_scenario_starts_flat_and_a_change_keeps_the_rest() -> None:
    target = venue(positions=[*holding("1"), *holding("2", symbol="BTCUSDT")])

    target.apply(scene(positions=holding("5")), NOW_MS)
    assert [quantity(target), quantity(target, "BTCUSDT")] == [5, 2]

    target.load(scene(positions=holding("7")), NOW_MS)
    assert [quantity(target), quantity(target, "BTCUSDT")] == [7, 0]


def test_reset_returns_to_the_opening_and_forgets_the_evidence() -> None:
    target = venue(positions=holding("1"))
    send(target, market_order("SELL", "1", reduceOnly="true"))
    target.clock_offset_ms = 5
    target.plan([Fault(action="hang")])

    target.reset(NOW_MS)

    assert quantity(target) == 1
    assert not target.evidence.orders
    assert not target.faults.planned
    assert target.clock_offset_ms == 0


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"positions": holding("1", symbol="NOSUCH")}, "unknown symbol NOSUCH"),
        ({"marks": {"ETHUSDT": "0"}}, "mark price of ETHUSDT must be positive"),
        ({"positions": holding("NaN")}, "quantity of ETHUSDT must be finite"),
        ({"positions": holding("1e40")}, "quantity of ETHUSDT must be finite"),
        ({"resting_orders": [{"symbol": "ETHUSDT", "side": "SELL"}]}, "needs a positive qty"),
    ],
)
def test_a_wrong_scenario_changes_nothing(wrong: dict[str, Any], problem: str) -> None:
    target = venue(positions=holding("1"))

    with pytest.raises(ValueError, match=problem):
        target.load(scene(**{"balance": "5", **wrong}), NOW_MS)

    assert quantity(target) == 1
    assert target.account.balance != 5


def test_a_mode_that_changes_under_us_takes_the_positions_along() -> None:
    target = venue(positions=[*holding("3"), *holding("-2", symbol="BTCUSDT")])

    target.apply(scene(hedge_mode=True), NOW_MS)
    assert [quantity(target, side="LONG"), quantity(target, "BTCUSDT", side="SHORT")] == [3, -2]
    assert [row["positionAmt"] for row in msgspec.json.decode(target.feeds.positions("ETHUSDT", ()))] == [
        "0.000",
        "3.000",
        "0.000",
    ]

    target.apply(scene(positions=holding("-1", position_side="SHORT"), hedge_mode=True), NOW_MS)
    target.apply(scene(hedge_mode=False), NOW_MS)
    assert quantity(target) == 2


def test_the_mode_changes_only_when_nothing_is_open() -> None:
    def code_of(target: Venue, *, hedge: bool) -> int:
        with pytest.raises(VenueError) as caught:
            target.set_hedge_mode(hedge)
        return caught.value.code

    resting = {"symbol": "ETHUSDT", "side": "BUY", "qty": "1", "price": "1900"}

    assert code_of(venue(), hedge=False) == -4059
    assert code_of(venue(positions=holding("1")), hedge=True) == -4068
    assert code_of(venue(resting_orders=[resting]), hedge=True) == -4067


def test_a_countdown_cancels_the_symbols_orders_unless_renewed_or_stopped() -> None:
    target = venue()
    send(target, limit_order("BUY", "1", "1950"))
    send(target, limit_order("BUY", "1", "1950", symbol="BTCUSDT"))
    target.start_countdown("ETHUSDT", 1000, NOW_MS)
    target.start_countdown("BTCUSDT", 1000, NOW_MS)

    target.start_countdown("ETHUSDT", 1000, NOW_MS + 900)
    target.start_countdown("BTCUSDT", 0, NOW_MS + 900)
    target.advance(NOW_MS + 1899)
    assert len(target.account.open) == 2
    target.advance(NOW_MS + 1900)

    assert [order.symbol for order in target.account.open.values()] == ["BTCUSDT"]
