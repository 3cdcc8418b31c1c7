"""Which requests and orders a fault plan strikes."""

from typing import Any

import msgspec
import pytest

from exchange_sim.core.errors import VenueError
from exchange_sim.core.faults import Call, Fault, FaultPlan
from support.sim_builders import holding, market_order, quantity, send, venue

BATCH = "/fapi/v1/batchOrders"
RISK = "/fapi/v2/positionRisk"


def fault(**fields: Any) -> Fault:
    return msgspec.convert(fields, Fault)


def plan(*faults: Fault) -> FaultPlan:
    made = FaultPlan()
    made.add(faults)
    return made


def batch(*symbols: str) -> Call:
    orders = tuple(market_order("SELL", "1", symbol, newClientOrderId=f"fg-{symbol}") for symbol in symbols)
    return Call(method="POST", path=BATCH, orders=orders)


def struck(made: FaultPlan, *calls: Call) -> list[bool]:
    return [made.on_request(call) is not None for call in calls]


def test_a_fault_strikes_once_unless_told_otherwise() -> None:
    read = Call(method="GET", path=RISK)

    assert struck(plan(fault(action="drop_before")), read, read) == [True, False]
    assert struck(plan(fault(action="drop_before", times=2)), read, read, read) == [True, True, False]
    assert struck(plan(fault(action="drop_before", times=0)), read, read, read) == [True, True, True]


def test_nth_lets_the_first_matches_pass() -> None:
    made = plan(fault(action="drop_before", match={"path": RISK, "nth": 3}))
    read, other = Call(method="GET", path=RISK), Call(method="GET", path="/fapi/v1/time")

    assert struck(made, read, other, read, other, read, read) == [False, False, False, False, True, False]


@pytest.mark.parametrize(
    "match",
    [
        {"method": "POST"},
        {"path": BATCH},
        {"symbol": "ETHUSDT"},
        {"client_order_id_prefix": "fg-ETH"},
        {"order_type": "MARKET"},
        {"side": "SELL"},
        {"symbol": "ETHUSDT", "side": "SELL"},
    ],
)
def test_a_request_is_struck_when_one_of_its_orders_matches(match: dict[str, Any]) -> None:
    assert struck(plan(fault(action="drop_after", match=match)), batch("BTCUSDT", "ETHUSDT")) == [True]


@pytest.mark.parametrize(
    "match",
    [
        {"method": "GET"},
        {"path": RISK},
        {"symbol": "XRPUSDT"},
        {"client_order_id_prefix": "ETH"},
        {"order_type": "LIMIT"},
        {"side": "BUY"},
        {"symbol": "ETHUSDT", "side": "BUY"},
        {"api_key": "other"},
    ],
)
def test_every_field_of_a_match_must_agree(match: dict[str, Any]) -> None:
    assert struck(plan(fault(action="drop_after", match=match)), batch("BTCUSDT", "ETHUSDT")) == [False]


def test_a_code_strikes_one_leg_and_with_a_status_the_whole_request() -> None:
    call = batch("BTCUSDT", "ETHUSDT")
    leg = plan(fault(action="code", code=-2022, match={"symbol": "ETHUSDT"}))
    whole = plan(fault(action="code", code=-1008, status=503, match={"symbol": "ETHUSDT"}))

    assert struck(leg, call) == [False]
    assert [leg.on_order(call, order) is not None for order in call.orders] == [False, True]
    assert [whole.on_order(call, order) for order in call.orders] == [None, None]
    assert struck(whole, call) == [True]


def test_edited_rows_stay_edited_unless_counted() -> None:
    read = Call(method="GET", path=RISK)
    forever = plan(fault(action="nan_quantity", match={"symbol": "ETHUSDT"}))
    once = plan(fault(action="nan_quantity", times=1, match={"symbol": "ETHUSDT"}))

    assert [len(forever.on_rows(read)) for _ in range(3)] == [1, 1, 1]
    assert [len(once.on_rows(read)) for _ in range(3)] == [1, 0, 0]


def test_a_refusing_fault_leaves_the_position_and_its_name_in_the_log() -> None:
    target = venue(positions=holding("10"))
    target.plan([fault(action="code", code=-4131, match={"symbol": "ETHUSDT", "order_type": "MARKET"})])

    with pytest.raises(VenueError, match=r"-4131 .*PERCENT_PRICE"):
        send(target, market_order("SELL", "10", reduceOnly="true"))

    assert quantity(target) == 10
    assert target.evidence.orders[0].fault == "1:code"
    assert send(target, market_order("SELL", "10", reduceOnly="true"))["status"] == "FILLED"


def test_an_executing_refusal_trades_and_says_it_did_not() -> None:
    target = venue(positions=holding("10"))
    target.plan([fault(action="code", code=-1007, execute=True)])

    with pytest.raises(VenueError, match="execution status unknown"):
        send(target, market_order("SELL", "10", reduceOnly="true"))

    assert quantity(target) == 0
    assert target.evidence.orders[0].outcome == "accepted"


def test_an_effect_changes_the_position_just_before_the_order() -> None:
    target = venue(positions=holding("10"))
    target.plan([fault(match={"symbol": "ETHUSDT", "nth": 2}, effect={"positions": holding("-1")})])

    send(target, market_order("SELL", "4", reduceOnly="true"))
    with pytest.raises(VenueError, match="-2022"):
        send(target, market_order("SELL", "6", reduceOnly="true"))

    assert quantity(target) == -1
    assert target.evidence.orders[1].position_before == "-1"


def test_an_ack_hides_what_the_order_did() -> None:
    target = venue(positions=holding("10"))
    target.plan([fault(action="ack")])

    answer = send(target, market_order("SELL", "10", reduceOnly="true"))

    assert (answer["status"], answer["executedQty"]) == ("NEW", "0.000")
    assert quantity(target) == 0


@pytest.mark.parametrize(
    ("planned", "problem"),
    [
        (fault(effect={"positions": holding("1", symbol="NOSUCH")}), "unknown symbol NOSUCH"),
        (fault(action="nan_quantity"), "match.symbol says whose rows"),
    ],
)
def test_a_fault_that_could_not_be_played_is_refused_when_planned(planned: Fault, problem: str) -> None:
    target = venue()

    with pytest.raises(ValueError, match=problem):
        target.plan([planned])

    assert not target.faults.planned
