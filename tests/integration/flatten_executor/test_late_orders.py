"""An order that the venue does not know may still be on its way: it counts as lost only once it is too old (I6, I7)."""

from decimal import Decimal
from typing import Any

import pytest

from closing.filters import PositionKey
from closing.planning import client_order_id
from contracts.flattening import OrderIntended, OrderResolved, OrderState, PositionFate, RunVerdict
from contracts.vocabulary import PositionSide
from support.processes import ServiceProcess
from support.requester import Requester
from support.scenes import ETH, SINGLE, positions_in
from support.sim import Simulator

UNKNOWN_503 = {"code": -1000, "msg": "Unknown error, please check your request or try again later."}
IN_TIME_MS = 3_000
"""Longer than four look-ups take, shorter than the receive window."""


def late(hold_ms: int, **match: Any) -> dict[str, Any]:
    """Answered with 503 "unknown" at once; the order arrives later."""
    return {"action": "late", "status": 503, "body": UNKNOWN_503, "hold_ms": hold_ms, "match": {**SINGLE, **match}}


async def test_an_order_that_arrives_late_is_waited_for_and_no_other_is_sent_i6_i7(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults(late(IN_TIME_MS))

    await governor.request()
    completed = await governor.verdict()

    (outcome,) = completed.outcomes
    assert (completed.verdict, outcome.fate, outcome.filled_quantity) == (
        RunVerdict.FLAT,
        PositionFate.CLOSED,
        Decimal(2),
    )
    assert (completed.counts.ok, completed.counts.orders_ok, completed.counts.errors) == (1, 1, 0)
    assert [event.state for event in await governor.events(OrderResolved)] == [OrderState.UNKNOWN, OrderState.FILLED]
    assert len(await governor.events(OrderIntended)) == len(await sim.orders()) == 1


async def test_what_arrives_after_the_receive_window_is_thrown_away_and_a_new_one_closes(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults(late(5_300))

    await governor.request()
    completed = await governor.verdict()

    assert (completed.verdict, completed.counts.ok) == (RunVerdict.FLAT, 1)
    first, second = await sim.orders()
    assert (first["code"], second["status"]) == (-1021, "FILLED")
    assert first["received_us"] < second["received_us"]


async def test_an_order_in_doubt_keeps_no_other_position_waiting(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    """The smallest of six goes on its own, and is lost; the largest needs a second round."""
    small = [position for position in await positions_in(sim, 7) if position["symbol"] != "ETHUSDT"][:5]
    await sim.scenario(positions=[ETH, *small], book=[{"symbol": "ETHUSDT", "qty": "1.5", "replenish": True}])
    await sim.faults({"action": "status", "status": 503, "body": UNKNOWN_503, "match": SINGLE})

    await governor.request()
    completed = await governor.verdict()

    assert (completed.verdict, completed.counts.ok) == (RunVerdict.FLAT, 6)
    orders = await sim.orders()
    (lost,) = [order for order in orders if order["outcome"] == "not_executed"]
    assert lost["symbol"] != "ETHUSDT"
    (again,) = [order for order in orders if order["symbol"] == lost["symbol"] and order["status"] == "FILLED"]
    _, rest = [order for order in orders if order["symbol"] == "ETHUSDT"]
    assert rest["received_us"] - lost["received_us"] < 4_000_000 < again["received_us"] - lost["received_us"]


async def test_an_abort_waits_for_what_may_still_arrive_and_says_what_came_of_it(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults(late(IN_TIME_MS))

    request = await governor.request()
    await governor.wait_for(OrderResolved)
    await governor.abort(request.request_id)
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert completed.notes == ("asked to stop when nothing was left to do: bob asked to abort: enough",)
    assert (completed.counts.unknown, completed.counts.orders_ok) == (0, 1)
    assert [event.state for event in await governor.events(OrderResolved)] == [OrderState.UNKNOWN, OrderState.FILLED]
    assert len(await sim.orders()) == 1


@pytest.mark.parametrize("hedge_mode", [False, True])
async def test_an_order_that_was_acknowledged_is_waited_for_although_a_look_up_does_not_find_it_yet_i7_i9(
    sim: Simulator, executor: ServiceProcess, governor: Requester, *, hedge_mode: bool
) -> None:
    """NEW with an id; look-ups lag behind: "no such order" for four seconds, longer than they are believed."""
    side = PositionSide.LONG if hedge_mode else PositionSide.BOTH
    await sim.scenario(hedge_mode=hedge_mode, positions=[{**ETH, "position_side": side.upper()}])
    request = await governor.a_request("arm-1")
    name = client_order_id(request.request_id, PositionKey("ETHUSDT", side), 1, 0)
    taken = {"orderId": 77, "symbol": "ETHUSDT", "status": "NEW", "clientOrderId": name, "executedQty": "0"}
    await sim.faults({"action": "late", "status": 200, "body": taken, "hold_ms": 4_000, "match": SINGLE})

    await governor.request("arm-1")
    completed = await governor.verdict()

    (outcome,) = completed.outcomes
    assert (completed.verdict, outcome.fate, outcome.filled_quantity) == (
        RunVerdict.FLAT,
        PositionFate.CLOSED,
        Decimal(2),
    )
    assert len(await governor.events(OrderIntended)) == len(await sim.orders()) == 1


@pytest.mark.parametrize("executor_env", [{"FLATTEN_RUN_MAX_SECONDS": "8"}])
async def test_an_order_that_was_acknowledged_and_is_never_found_again_forbids_flat_i9(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    unknown = {"action": "code", "code": -2013, "match": {**SINGLE, "method": "GET"}, "times": 0}
    await sim.faults({"action": "ack", "match": SINGLE}, unknown)

    await governor.request()
    completed = await governor.verdict(timeout_s=60)

    assert (completed.verdict, completed.counts.unknown) == (RunVerdict.NOT_FLAT, 1)
    assert len(await sim.orders()) == 1
    assert "then not known" in (await governor.events(OrderResolved))[-1].detail
