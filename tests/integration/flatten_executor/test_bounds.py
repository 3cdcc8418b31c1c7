"""Whatever hangs, the first order leaves, a stop is answered and the run ends, each within its time (I12)."""

from typing import Any

import pytest

from contracts.flattening import OrderResolved, RunStarted, RunVerdict
from support.processes import ServiceProcess
from support.requester import Requester
from support.scenes import BATCH, BTC, ETH, POSITIONS, SINGLE, positions_in
from support.sim import Simulator

REFUSED: dict[str, Any] = {"action": "code", "code": -2022, "times": 0}
LOST: dict[str, Any] = {"action": "code", "code": -1007}
ENTRY = {"symbol": "ETHUSDT", "side": "BUY", "type": "LIMIT", "qty": "2", "price": "1000"}
LONGER_THAN_ANY_PATIENCE_S = 40
"""And shorter than the run may take."""


def for_run(seconds: int) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("executor_env", [{"FLATTEN_RUN_MAX_SECONDS": str(seconds)}], ids=[f"{seconds} s"])


@for_run(100)
async def test_waiting_orders_that_hang_hold_the_first_order_up_for_their_patience_alone(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults({"action": "hang", "match": {"path": "/fapi/v1/openOrders"}, "times": 0})

    request = await governor.request()
    (order,) = await sim.wait_orders(1)

    waited_ms = order["received_us"] / 1000 - request.requested_at_ms
    assert 5_000 < waited_ms < 9_000, "five seconds of patience, and a slow machine's margin"


@for_run(100)
@pytest.mark.parametrize("trouble", ["unreadable", "banned"])
async def test_an_abort_is_answered_soon_although_the_exchange_cannot_be_read_i12(
    sim: Simulator, executor: ServiceProcess, governor: Requester, trouble: str
) -> None:
    await sim.scenario(positions=[ETH])
    ban = {"action": "status", "status": 418, "retry_after_s": 300, "body": {"code": -1003, "msg": "banned"}}
    away = {"action": "status", "status": 503, "body": "away", "match": POSITIONS, "times": 0}
    await sim.faults({**ban, "match": SINGLE} if trouble == "banned" else away)

    request = await governor.request()
    await governor.wait_for(OrderResolved if trouble == "banned" else RunStarted)
    await governor.abort(request.request_id)
    completed = await governor.verdict(timeout_s=LONGER_THAN_ANY_PATIENCE_S)

    assert completed.verdict is RunVerdict.ABORTED


@for_run(5)
async def test_orders_and_look_ups_that_hang_end_with_the_run_i12(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    hang: dict[str, Any] = {"action": "hang", "times": 0}
    await sim.faults({**hang, "match": SINGLE}, {**hang, "match": {"path": "/fapi/v1/order", "method": "GET"}})

    await governor.request()
    completed = await governor.verdict(timeout_s=LONGER_THAN_ANY_PATIENCE_S)

    assert (completed.verdict, completed.counts.unknown) == (RunVerdict.NOT_FLAT, 1)


@for_run(2)
async def test_orders_that_wait_for_room_do_not_outlive_the_run_i12(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=await positions_in(sim, 25))
    await sim.limits(orders_10s=5)

    await governor.request()
    completed = await governor.verdict()

    first, *_, last = await sim.orders()
    assert completed.verdict is RunVerdict.NOT_FLAT
    assert last["received_us"] - first["received_us"] < 6_000_000, "the next window begins after ten seconds"


async def test_one_that_can_never_close_takes_no_round_of_one_whose_answer_was_lost(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH, BTC])
    refused = [{**REFUSED, "match": {**kind, "symbol": "BTCUSDT"}} for kind in (BATCH, SINGLE)]
    await sim.faults(*refused, {**LOST, "match": {**BATCH, "symbol": "ETHUSDT"}})

    await governor.request()
    completed = await governor.verdict()

    assert (completed.verdict, completed.counts.ok) == (RunVerdict.NOT_FLAT, 1)
    assert [left.symbol for left in completed.residual] == ["BTCUSDT"]


async def test_one_that_needs_many_rounds_takes_none_of_one_whose_answer_was_lost(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    thin = {"symbol": "ETHUSDT", "qty": "30", "replenish": True}
    await sim.scenario(positions=[{**ETH, "qty": "100"}, BTC], book=[thin])
    await sim.faults({**LOST, "match": {**BATCH, "symbol": "BTCUSDT"}})

    await governor.request()
    completed = await governor.verdict()

    assert [left.symbol for left in completed.residual] == ["ETHUSDT"]


async def test_a_waiting_order_that_never_goes_takes_no_round_of_a_position(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[BTC], resting_orders=[ENTRY])
    never = {"action": "code", "code": -1000, "status": 500, "match": {"method": "DELETE"}, "times": 0}
    await sim.faults(never, {**LOST, "match": {**SINGLE, "symbol": "BTCUSDT"}})

    await governor.request()
    completed = await governor.verdict()

    assert (completed.counts.ok, await sim.positions()) == (1, {})
    assert completed.verdict is RunVerdict.NOT_FLAT, "the entry may open a position"


CANCELS_HANG = {"action": "hang", "match": {"method": "DELETE"}, "times": 0}
THEN_READINGS_HANG = {"action": "hang", "match": {"method": "GET", "path": "/fapi/v1/openOrders", "nth": 2}, "times": 0}


@for_run(100)
async def test_cancels_that_hang_hold_the_close_up_for_their_patience_alone(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH, BTC], resting_orders=[ENTRY])
    await sim.faults(CANCELS_HANG)

    await governor.request()
    free, held = await sim.wait_orders(2)

    assert (free["symbol"], held["symbol"]) == ("BTCUSDT", "ETHUSDT")
    assert held["received_us"] - free["received_us"] < 9_000_000, "five seconds of patience, and a margin"


@for_run(6)
async def test_cancels_and_their_readings_that_hang_end_with_the_run_i12(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH, BTC], resting_orders=[ENTRY])
    await sim.faults(CANCELS_HANG, THEN_READINGS_HANG)

    request = await governor.request()
    completed = await governor.verdict(timeout_s=LONGER_THAN_ANY_PATIENCE_S)

    assert completed.verdict is RunVerdict.NOT_FLAT
    assert completed.timings.finished_at_ms - request.requested_at_ms < 20_000, "six, the last reading, and a margin"


@for_run(100)
async def test_an_abort_is_answered_soon_while_cancels_hang_i12(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH, BTC], resting_orders=[ENTRY])
    await sim.faults(CANCELS_HANG, THEN_READINGS_HANG)

    request = await governor.request()
    await sim.wait(requests=1, method="DELETE", path="/fapi/v1/allOpenOrders")
    await governor.abort(request.request_id)
    completed = await governor.verdict(timeout_s=LONGER_THAN_ANY_PATIENCE_S)

    (order,) = await sim.orders()
    assert (completed.verdict, order["symbol"]) == (RunVerdict.ABORTED, "BTCUSDT")
    assert completed.timings.finished_at_ms - order["received_us"] / 1000 < 15_000, "one last reading, and a margin"
