"""What triggers or fills while the account is read is not missed: orders are read before what they open (I9, I14)."""

from typing import Any

import pytest

from contracts.flattening import RunVerdict
from support.processes import ServiceProcess
from support.requester import Requester
from support.sim import Simulator

ENTRY = {"symbol": "ETHUSDT", "side": "BUY", "type": "LIMIT", "qty": "2", "price": "1000"}
FILLS = {"marks": {"ETHUSDT": "900"}}
STOP_ENTRY = {"symbol": "ETHUSDT", "side": "BUY", "type": "STOP", "qty": "2", "price": "3000", "trigger_price": "4000"}
TRIGGERS = {"marks": {"ETHUSDT": "4100"}}
"""The stop becomes a waiting order at 3,000."""


def held_up(path: str, nth: int, effect: dict[str, Any]) -> dict[str, Any]:
    """The answer comes so late that whatever is read at the same time was answered before; the effect comes first."""
    match = {"method": "GET", "path": f"/fapi/v1/{path}", "nth": nth}
    return {"action": "delay", "hold_ms": 300, "match": match, "effect": effect}


@pytest.mark.parametrize("nth", [1, 2], ids=["first reading", "second reading"])
@pytest.mark.parametrize("path", ["openOrders", "openAlgoOrders"])
async def test_an_entry_that_fills_while_waiting_orders_are_read_is_closed_i9_i14(
    sim: Simulator, executor: ServiceProcess, governor: Requester, path: str, nth: int
) -> None:
    await sim.scenario(resting_orders=[ENTRY])
    await sim.faults(held_up(path, nth, FILLS))

    await governor.request()
    completed = await governor.verdict()

    assert (completed.verdict, await sim.positions()) == (RunVerdict.FLAT, {})


@pytest.mark.parametrize("nth", [1, 2], ids=["first reading", "second reading"])
@pytest.mark.parametrize("path", ["openOrders", "openAlgoOrders"])
async def test_a_stop_that_triggers_while_waiting_orders_are_read_is_cancelled_all_the_same_i14(
    sim: Simulator, executor: ServiceProcess, governor: Requester, path: str, nth: int
) -> None:
    await sim.scenario(resting_orders=[STOP_ENTRY])
    await sim.faults(held_up(path, nth, TRIGGERS))

    await governor.request()
    completed = await governor.verdict()

    state = await sim.state()
    assert (completed.verdict, completed.resting_left) == (RunVerdict.FLAT, ())
    assert state["open_orders"] == state["algo_orders"] == state["positions"] == []


async def test_the_proof_is_read_in_the_order_that_waiting_orders_take_i9(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await governor.request()
    await governor.verdict()

    requests = [(request["method"], request["path"]) for request in await sim.requests()]
    last_order = max(place for place, (method, _) in enumerate(requests) if method == "POST")
    read = ("/fapi/v1/openAlgoOrders", "/fapi/v1/openOrders", "/fapi/v2/positionRisk")
    assert [path for _, path in requests[last_order:] if path in read] == list(read)
