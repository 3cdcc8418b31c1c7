"""An order whose answer is lost is looked up before anything else is sent: no second fill, nothing left open (I7)."""

from decimal import Decimal
from typing import Any

import pytest

from contracts.flattening import OrderIntended, OrderResolved, OrderState, RunVerdict
from support.processes import ServiceProcess
from support.requester import Requester
from support.sim import Simulator

ORDERS = {"path": "/fapi/v1/batchOrders", "method": "POST"}
SINGLE = {"path": "/fapi/v1/order", "method": "POST"}
UNKNOWN_503 = {"code": -1000, "msg": "Unknown error, please check your request or try again later."}

EXECUTED_AND_LOST: dict[str, dict[str, Any]] = {
    "connection reset": {"action": "drop_after"},
    "cut off in the middle": {"action": "truncate_body"},
    "half the JSON": {"action": "truncated_json"},
    "empty 200": {"action": "empty_200"},
    "503 unknown": {"action": "status", "status": 503, "body": UNKNOWN_503, "execute": True},
    "-1007 time-out": {"action": "status", "status": 408, "body": {"code": -1007, "msg": "Timeout"}, "execute": True},
    "502 from a proxy": {"action": "status", "status": 502, "body": "<html>bad gateway</html>", "execute": True},
}


@pytest.mark.parametrize("loss", EXECUTED_AND_LOST.values(), ids=EXECUTED_AND_LOST.keys())
async def test_an_executed_order_whose_answer_is_lost_is_found_and_not_sent_again_i7(
    sim: Simulator, executor: ServiceProcess, governor: Requester, loss: dict[str, Any]
) -> None:
    await sim.faults({**loss, "match": ORDERS})

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert (completed.counts.ok, completed.counts.orders_sent, completed.counts.orders_ok) == (44, 44, 44)
    assert len(await sim.orders()) == 44
    assert await sim.positions() == {}


NOT_EXECUTED: dict[str, dict[str, Any]] = {
    "reset before": {"action": "drop_before"},
    "503 unknown": {"action": "status", "status": 503, "body": UNKNOWN_503},
}


@pytest.mark.parametrize("loss", NOT_EXECUTED.values(), ids=NOT_EXECUTED.keys())
async def test_an_order_that_never_arrived_is_sent_under_a_new_id_only_after_it_was_looked_up(
    sim: Simulator, executor: ServiceProcess, governor: Requester, loss: dict[str, Any]
) -> None:
    await sim.scenario(positions=[{"symbol": "ETHUSDT", "qty": "2"}])
    await sim.faults({**loss, "match": SINGLE})

    await governor.request()
    completed = await governor.verdict()

    first, second = await governor.events(OrderIntended)
    states = [event.state for event in await governor.events(OrderResolved)]
    assert completed.verdict is RunVerdict.FLAT
    assert states == [OrderState.UNKNOWN, OrderState.NEVER_ARRIVED, OrderState.FILLED]
    assert first.client_order_id != second.client_order_id
    assert (completed.counts.orders_sent, completed.counts.orders_ok, completed.counts.errors) == (2, 1, 1)


FAILED: dict[str, dict[str, Any]] = {
    "503 service unavailable": {"action": "status", "status": 503, "body": {"code": 0, "msg": "Service Unavailable."}},
    "-1001 internal error": {
        "action": "status",
        "status": 503,
        "body": {"code": -1001, "msg": "Internal error; unable to process your request. Please try again."},
    },
    "-1008 overload": {"action": "code", "code": -1008, "msg": "Request throttled by system-level protection."},
    "429": {"action": "status", "status": 429, "body": {"code": -1003, "msg": "Too many requests"}, "retry_after_s": 1},
}


@pytest.mark.parametrize("failure", FAILED.values(), ids=FAILED.keys())
async def test_an_order_that_surely_failed_is_sent_again_under_the_same_id_i7(
    sim: Simulator, executor: ServiceProcess, governor: Requester, failure: dict[str, Any]
) -> None:
    await sim.scenario(positions=[{"symbol": "ETHUSDT", "qty": "2"}])
    await sim.faults({**failure, "match": SINGLE})

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert len(await governor.events(OrderIntended)) == 1
    assert (completed.counts.orders_sent, completed.counts.orders_ok) == (1, 1)


async def test_a_clock_that_is_off_is_synchronised_and_the_orders_sent_again(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.clock(120_000)

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert completed.counts.ok == 44


async def test_an_order_that_stays_unknown_is_never_followed_by_another_and_forbids_flat_i7_i9(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[{"symbol": "ETHUSDT", "qty": "2"}, {"symbol": "BTCUSDT", "qty": "1"}])
    await sim.faults(
        {"action": "status", "status": 503, "body": UNKNOWN_503, "match": {**ORDERS}, "times": 0},
        {"action": "status", "status": 503, "body": UNKNOWN_503, "match": {**SINGLE, "method": "GET"}, "times": 0},
    )

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.NOT_FLAT
    assert completed.counts.unknown == 2
    assert len(await governor.events(OrderIntended)) == 2
    assert {left.symbol: left.quantity for left in completed.residual} == {
        "ETHUSDT": Decimal(2),
        "BTCUSDT": Decimal(1),
    }
