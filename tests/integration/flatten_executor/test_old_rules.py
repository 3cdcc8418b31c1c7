"""Rules that changed since they were read: an order that breaks them is refused, they are read again, it closes."""

from decimal import Decimal
from typing import Any

import pytest

from contracts.flattening import OrderResolved, OrderState, RunVerdict
from support.edited_exchange import edited
from support.processes import ServiceProcess
from support.requester import Requester
from support.scenes import ETH, SINGLE, market_maximum
from support.sim import Simulator

RULES = "/fapi/v1/exchangeInfo"


async def places(sim: Simulator, method: str, path: str) -> list[int]:
    """Where in the log these requests stand."""
    return [one["index"] for one in await sim.requests() if (one["method"], one["path"]) == (method, path)]


async def test_a_maximum_that_was_lowered_since_it_was_read_is_read_again_and_the_position_closes_i13(
    sim: Simulator, env: dict[str, str], governor: Requester
) -> None:
    maximum = await market_maximum(sim, "ETHUSDT")
    await sim.scenario(positions=[{"symbol": "ETHUSDT", "qty": str(maximum * 2)}])
    readings = 0

    def higher_at_first(info: Any) -> None:
        nonlocal readings
        readings += 1
        for row in info["symbols"]:
            for entry in row["filters"]:
                if readings == 1 and row["symbol"] == "ETHUSDT" and "LOT_SIZE" in entry["filterType"]:
                    entry["maxQty"] = str(maximum * 10)

    async with (
        edited(sim, RULES, higher_at_first) as url,
        ServiceProcess("flatten_executor.main", {**env, "EXCHANGE_BASE_URL": url}) as executor,
    ):
        await executor.wait_ready()
        await governor.request()
        completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    states = [event.state for event in await governor.events(OrderResolved)]
    assert states == [OrderState.REFUSED, OrderState.FILLED, OrderState.FILLED]
    assert [Decimal(order["quantity"]) for order in await sim.orders()] == [maximum * 2, maximum, maximum]
    assert readings == 2


@pytest.mark.parametrize("code", [-1013, -1111, -4003, -4004, -4005, -4014, -4023, -4140, -4141])
async def test_after_an_order_that_is_refused_for_its_shape_the_rules_are_read_again_once_in_a_run(
    sim: Simulator, executor: ServiceProcess, governor: Requester, code: int
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults({"action": "code", "code": code, "match": SINGLE, "times": 0})
    before = await places(sim, "GET", RULES)

    await governor.request()
    completed = await governor.verdict()

    first, second, _ = await places(sim, "POST", SINGLE["path"])
    (read,) = (await places(sim, "GET", RULES))[len(before) :]
    assert first < read < second
    assert (completed.verdict, completed.rounds) == (RunVerdict.NOT_FLAT, 3)
    assert str(code) in completed.residual[0].reason


async def test_an_order_that_is_refused_for_another_reason_is_no_word_about_the_rules(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults({"action": "code", "code": -2022, "match": SINGLE, "times": 0})
    before = await places(sim, "GET", RULES)

    await governor.request()
    await governor.verdict()

    assert await places(sim, "GET", RULES) == before
