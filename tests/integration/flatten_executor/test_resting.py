"""Orders that wait at the exchange: found, cancelled, seen to be gone; only then does their symbol close."""

from decimal import Decimal
from typing import Any

import pytest

from contracts.flattening import OrderResolved, OrderState, PositionFate, RunVerdict
from contracts.resting import RestingCancelled
from support.processes import ServiceProcess
from support.requester import Requester
from support.scenes import BTC, ETH, SINGLE, when_sent
from support.sim import Simulator

TAKE_PROFIT = {"symbol": "ETHUSDT", "side": "SELL", "qty": "2", "price": "9000", "reduce_only": True}
STOP = {"symbol": "ETHUSDT", "side": "SELL", "type": "STOP_MARKET", "trigger_price": "1000", "close_position": True}
AT_PROFIT = {**STOP, "type": "TAKE_PROFIT_MARKET", "trigger_price": "9500"}
TIED = {"symbol": "ADAUSDT", "side": "SELL", "qty": "100", "price": "90", "reduce_only": True}
"""Of a position that is gone."""
ENTRY = {"symbol": "ADAUSDT", "side": "BUY", "qty": "100", "price": "0.01"}


def places(requests: list[dict[str, Any]], method: str, path: str, symbol: str | None = None) -> list[int]:
    """Where in the log these requests stand."""
    return [
        request["index"]
        for request in requests
        if (request["method"], request["path"], request["symbol"]) == (method, f"/fapi/v1/{path}", symbol)
    ]


async def test_a_take_profit_a_stop_and_an_entry_order_are_cancelled_confirmed_gone_and_then_the_position_closes(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH, BTC], resting_orders=[TAKE_PROFIT, STOP, AT_PROFIT, ENTRY])

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert (completed.counts.resting_cancelled, completed.counts.ok, completed.counts.errors) == (4, 2, 0)
    cancelled = {event.symbol: len(event.order_ids) for event in await governor.events(RestingCancelled)}
    assert cancelled == {"ETHUSDT": 3, "ADAUSDT": 1}
    state = await sim.state()
    assert state["open_orders"] == state["algo_orders"] == []
    requests = await sim.requests()
    (plain,) = places(requests, "DELETE", "allOpenOrders", "ETHUSDT")
    (conditional,) = places(requests, "DELETE", "algoOpenOrders", "ETHUSDT")
    (closed,) = places(requests, "POST", "order", "ETHUSDT")
    for path in ("openOrders", "openAlgoOrders"):
        seen_gone = [place for place in places(requests, "GET", path) if place > plain]
        assert max(plain, conditional) < min(seen_gone) < closed


async def test_a_symbol_without_resting_orders_does_not_wait_for_the_others(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH, BTC], resting_orders=[TAKE_PROFIT])
    await sim.faults({"action": "delay", "hold_ms": 600_000, "match": {"method": "DELETE"}})

    await governor.request()
    await sim.wait(requests=1, method="POST", path=SINGLE["path"])
    await sim.proceed()
    await governor.verdict()

    requests = await sim.requests()
    (free,) = places(requests, "POST", "order", "BTCUSDT")
    cancelled = places(requests, "DELETE", "allOpenOrders", "ETHUSDT")
    seen_gone = [place for place in places(requests, "GET", "openOrders") if place > cancelled[0]]
    assert free < min(seen_gone)


async def test_what_is_left_of_a_symbol_that_was_free_waits_for_the_next_round_and_its_own_ids_i7(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    thin = {"symbol": "BTCUSDT", "qty": "0.3", "replenish": True}
    await sim.scenario(positions=[ETH, BTC], resting_orders=[TAKE_PROFIT], book=[thin])
    await sim.faults({"action": "delay", "hold_ms": 600_000, "match": {"method": "DELETE"}})

    await governor.request()
    await governor.wait_for(OrderResolved)
    await sim.proceed()
    completed = await governor.verdict()

    assert (completed.verdict, completed.rounds, completed.counts.ok) == (RunVerdict.FLAT, 2, 2)
    orders = await sim.orders()
    assert [order["symbol"] for order in orders] == ["BTCUSDT", "ETHUSDT", "BTCUSDT"]
    assert len({order["client_order_id"] for order in orders}) == 3


async def test_what_cannot_be_cancelled_makes_the_exchange_refuse_the_close_and_is_said(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH, BTC], resting_orders=[TAKE_PROFIT])
    await sim.faults({"action": "code", "code": -1000, "match": {"method": "DELETE"}, "times": 0})

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.NOT_FLAT
    assert completed.counts.resting_cancelled == 0
    assert {outcome.symbol: outcome.fate for outcome in completed.outcomes} == {
        "ETHUSDT": PositionFate.OPEN,
        "BTCUSDT": PositionFate.CLOSED,
    }
    assert "-2022" in completed.residual[0].reason
    assert [left.symbol for left in completed.resting_left] == ["ETHUSDT"]


async def test_a_resting_order_that_turns_up_in_the_middle_is_cancelled_in_the_next_round(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults(when_sent(resting_orders=[TAKE_PROFIT]))

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert (completed.rounds, completed.counts.resting_cancelled, completed.counts.ok) == (2, 1, 1)
    states = [event.state for event in await governor.events(OrderResolved)]
    assert states == [OrderState.REFUSED, OrderState.FILLED]
    assert completed.outcomes[0].filled_quantity == Decimal(2)


async def test_resting_orders_that_cannot_be_read_do_not_keep_positions_open_and_are_said(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults(
        {"action": "code", "code": -1000, "status": 500, "match": {"path": "/fapi/v1/openAlgoOrders"}, "times": 0}
    )

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.NOT_FLAT, "an order that nobody saw may open the position again"
    assert (completed.counts.ok, completed.residual) == (1, ())
    assert any("resting orders could not be read" in note for note in completed.notes)
    assert await sim.positions() == {}


@pytest.mark.parametrize(("order", "verdict"), [(ENTRY, RunVerdict.NOT_FLAT), (TIED, RunVerdict.FLAT)])
async def test_an_order_that_would_not_go_forbids_flat_only_if_it_may_open_a_position(
    sim: Simulator, executor: ServiceProcess, governor: Requester, order: dict[str, Any], verdict: RunVerdict
) -> None:
    await sim.scenario(positions=[BTC], resting_orders=[order])
    await sim.faults({"action": "code", "code": -1000, "match": {"method": "DELETE"}, "times": 0})

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is verdict
    assert (completed.counts.ok, completed.residual) == (1, ())
    (left,) = completed.resting_left
    assert (left.symbol, left.reduce_only) == (order["symbol"], order is TIED)


@pytest.mark.parametrize("path", ["openAlgoOrders", "openOrders"])
async def test_waiting_orders_that_nobody_can_see_are_cancelled_all_the_same_where_they_could_refuse_the_close(
    sim: Simulator, executor: ServiceProcess, governor: Requester, path: str
) -> None:
    await sim.scenario(positions=[ETH, BTC], resting_orders=[TAKE_PROFIT, STOP])
    away = {"action": "status", "status": 500, "body": "away", "match": {"path": f"/fapi/v1/{path}"}, "times": 0}
    await sim.faults(away)

    await governor.request()
    completed = await governor.verdict()

    assert (completed.counts.ok, await sim.positions()) == (2, {})
    assert completed.verdict is RunVerdict.NOT_FLAT, "what waits unseen may open a position"
