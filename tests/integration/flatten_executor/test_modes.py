"""One-way and hedge mode: read for every round, never assumed, also when it changes while we work."""

import re

from contracts.flattening import OrderResolved, OrderState, RunVerdict
from support.processes import ServiceProcess
from support.requester import Requester
from support.scenes import BTC, ETH, when_sent
from support.sim import Simulator

LONG = {"symbol": "ETHUSDT", "qty": "2", "position_side": "LONG"}
SHORT = {"symbol": "ETHUSDT", "qty": "-1", "position_side": "SHORT"}


async def test_both_legs_of_a_hedged_symbol_close_without_the_reduce_only_flag_i5(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(hedge_mode=True, positions=[LONG, SHORT])

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert completed.counts.ok == 2
    orders = {order["position_side"]: order for order in await sim.orders()}
    assert (orders["LONG"]["side"], orders["SHORT"]["side"]) == ("SELL", "BUY")
    assert not any("reduceOnly" in order["params"] for order in orders.values())


async def test_the_mode_is_read_in_every_run(sim: Simulator, executor: ServiceProcess, governor: Requester) -> None:
    await sim.scenario(hedge_mode=True, positions=[LONG])
    await governor.request("arm-1")
    await governor.verdict()
    await sim.scenario(hedge_mode=False, positions=[BTC])

    await governor.request("arm-2")
    completed = await governor.verdict(2)

    assert completed.verdict is RunVerdict.FLAT
    sent = [("positionSide" in order["params"], "reduceOnly" in order["params"]) for order in await sim.orders()]
    assert sent == [(True, False), (False, True)]
    asked = [(request["method"], request["path"]) for request in await sim.requests()]
    told = "".join(
        "M" if path == "/fapi/v1/positionSide/dual" else "O" if method == "POST" else "" for method, path in asked
    )
    assert re.fullmatch("MM+OMM+OM+", told), "after the start, before and after the orders of each run"


async def test_a_mode_that_changes_to_hedge_under_us_is_read_again_and_the_leg_closes(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults(when_sent(hedge_mode=True))

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert await sim.positions() == {}
    assert [order["code"] for order in await sim.orders()] == [-4061, None]
    assert "the position mode changed from one_way to hedge during the run" in completed.notes


async def test_a_mode_that_changes_to_one_way_under_us_is_read_again_and_the_position_closes(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(hedge_mode=True, positions=[LONG])
    await sim.faults(when_sent(hedge_mode=False))

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert await sim.positions() == {}
    assert [order["code"] for order in await sim.orders()] == [-4061, None]


async def test_a_reduce_only_flag_that_the_mode_does_not_take_is_not_sent_again(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults(
        {**when_sent(hedge_mode=True), "action": "code", "code": -1106, "msg": "Parameter 'reduceonly' sent when not"}
    )

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert [event.state for event in await governor.events(OrderResolved)] == [OrderState.REFUSED, OrderState.FILLED]
    assert ["reduceOnly" in order["params"] for order in await sim.orders()] == [True, False]


NO_MODE = {
    "action": "status",
    "status": 500,
    "body": "away",
    "match": {"path": "/fapi/v1/positionSide/dual"},
    "times": 0,
}


async def test_a_mode_that_cannot_be_read_is_what_the_legs_show(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(hedge_mode=True, positions=[LONG, SHORT])
    await sim.faults(NO_MODE)

    await governor.request()
    completed = await governor.verdict(timeout_s=60)

    assert (completed.verdict, completed.counts.ok) == (RunVerdict.FLAT, 2)
    assert any(note.startswith("the position mode could not be read") for note in completed.notes)


async def test_a_mode_that_cannot_be_read_keeps_no_position_open_and_forbids_flat_where_no_leg_shows_it_i14(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults(NO_MODE)

    await governor.request()
    completed = await governor.verdict(timeout_s=60)

    assert (completed.verdict, completed.counts.ok) == (RunVerdict.NOT_FLAT, 1)
    assert await sim.positions() == {}


async def test_one_answer_of_the_mode_that_hangs_is_not_waited_for(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults({"action": "hang", "match": {"path": "/fapi/v1/positionSide/dual"}})

    request = await governor.request()
    (order,) = await sim.wait_orders(1)

    assert order["received_us"] / 1000 - request.requested_at_ms < 4_500, "a second and a half, and a margin"
