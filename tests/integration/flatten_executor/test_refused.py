"""Orders that the exchange refuses: the state is read again, and only what makes sense now is sent."""

from decimal import Decimal
from typing import Any

import pytest

from contracts.flattening import OrderIntended, OrderResolved, OrderState, PositionFate, RunVerdict
from support.invariants import assert_orders_only_reduced
from support.processes import ServiceProcess
from support.requester import Requester
from support.scenes import ETH, SINGLE
from support.sim import Simulator

MARK = Decimal(2000)
LONG, SHORT = {**ETH, "mark": str(MARK)}, {"symbol": "ETHUSDT", "qty": "-2", "mark": str(MARK)}
OUTSIDE = {"LONG": {"symbol": "ETHUSDT", "bid": "1700"}, "SHORT": {"symbol": "ETHUSDT", "ask": "2300"}}
BACK_INSIDE = {"LONG": {"symbol": "ETHUSDT", "bid": "1950"}, "SHORT": {"symbol": "ETHUSDT", "ask": "2050"}}


@pytest.mark.parametrize("code", [-2022, -4118])
async def test_a_refused_close_is_tried_again_on_a_new_reading_under_a_new_id(
    sim: Simulator, executor: ServiceProcess, governor: Requester, code: int
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults({"action": "code", "code": code, "match": SINGLE})

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert (completed.rounds, completed.counts.errors, completed.counts.ok) == (2, 1, 1)
    assert len({event.client_order_id for event in await governor.events(OrderIntended)}) == 2
    resolved = await governor.events(OrderResolved)
    assert [event.state for event in resolved] == [OrderState.REFUSED, OrderState.FILLED]
    assert str(code) in resolved[0].detail


@pytest.mark.parametrize("code", [-2022, -4118, -2019])
async def test_a_close_that_is_always_refused_is_reported_with_the_exchanges_word(
    sim: Simulator, executor: ServiceProcess, governor: Requester, code: int
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults({"action": "code", "code": code, "match": SINGLE, "times": 0})

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.NOT_FLAT
    assert (completed.rounds, completed.counts.errors) == (3, 3)
    assert str(code) in completed.residual[0].reason


@pytest.mark.parametrize("side", ["LONG", "SHORT"])
async def test_outside_the_price_band_a_limit_order_at_the_band_takes_what_comes_back(
    sim: Simulator, executor: ServiceProcess, governor: Requester, side: str
) -> None:
    await sim.scenario(positions=[LONG if side == "LONG" else SHORT], book=[OUTSIDE[side]])
    await sim.faults({"action": "none", "match": {**SINGLE, "nth": 2}, "effect": {"book": [BACK_INSIDE[side]]}})

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    market, limit = await sim.orders()
    assert (market["code"], market["kind"]) == (-4131, "MARKET")
    assert (limit["kind"], limit["params"]["timeInForce"]) == ("LIMIT", "IOC")
    assert limit["params"]["price"] == ("1905" if side == "LONG" else "2095")
    assert_orders_only_reduced([market, limit])
    intents = await governor.events(OrderIntended)
    assert [intent.limit_price for intent in intents] == [None, Decimal(limit["params"]["price"])]


async def test_a_market_that_stays_outside_the_band_is_reported(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[LONG], book=[OUTSIDE["LONG"]])

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.NOT_FLAT
    assert [order["kind"] for order in await sim.orders()] == ["MARKET", "LIMIT", "LIMIT"]
    assert (completed.outcomes[0].fate, completed.residual_notional_usd) == (PositionFate.OPEN, 2 * MARK)
    assert "EXPIRED" in completed.residual[0].reason
    assert "-4131" in completed.residual[0].reason


async def test_the_price_at_the_band_follows_the_mark(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[LONG], book=[OUTSIDE["LONG"]])
    moved: dict[str, Any] = {"marks": {"ETHUSDT": "1600"}, "book": [{"symbol": "ETHUSDT", "bid": "1400"}]}
    await sim.faults({"action": "none", "match": {**SINGLE, "nth": 2}, "effect": moved})

    await governor.request()
    await governor.verdict()

    prices = [order["params"].get("price") for order in await sim.orders()]
    assert prices == [None, "1905", "1524"]


async def test_a_duplicate_id_means_that_an_order_of_ours_lives_and_it_is_looked_up_i7(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults({"action": "code", "code": -4116, "match": SINGLE, "execute": True})

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert (completed.counts.ok, completed.counts.orders_sent, completed.counts.errors) == (1, 1, 0)
    assert len(await sim.orders()) == 1


async def test_a_duplicate_id_that_nobody_knows_gives_way_to_a_new_one(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults({"action": "code", "code": -4116, "match": SINGLE})

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    orders = await sim.orders()
    assert len({order["client_order_id"] for order in orders}) == len(orders) == 2
