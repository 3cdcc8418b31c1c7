"""The simulator's own API."""

import asyncio
from decimal import Decimal

import aiohttp
import pytest

from support.sim import Simulator, SimulatorError
from support.venue_client import VenueClient

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_state_tells_positions_orders_and_requests(sim: Simulator, client: VenueClient) -> None:
    await client.close("ETHUSDT", "9.1", newClientOrderId="fg-1")

    state = await sim.state()

    assert (state["symbols"], state["hedge_mode"], len(state["positions"])) == (674, False, 43)
    assert state["requests"] == {"POST /fapi/v1/order": 1}
    record = state["orders"][0]
    assert (record["client_order_id"], record["reduce_only"], record["quantity"]) == ("fg-1", "true", "9.1")
    assert record["position_before"] == "9.1"
    assert Decimal(record["position_after"]) == 0
    assert record["received_us"] <= record["executed_us"]
    assert "signature" not in record["params"]
    assert [trade["qty"] for trade in state["trades"]] == ["9.100"]


async def test_a_scenario_replaces_the_account(sim: Simulator) -> None:
    await sim.scenario(
        hedge_mode=True,
        positions=[{"symbol": "ETHUSDT", "qty": "3"}, {"symbol": "ETHUSDT", "qty": "-2", "entry_price": "3000"}],
        resting_orders=[
            {"symbol": "ETHUSDT", "side": "SELL", "qty": "1", "price": "4000", "position_side": "LONG"},
            {
                "symbol": "ETHUSDT",
                "side": "SELL",
                "type": "STOP_MARKET",
                "close_position": True,
                "trigger_price": "3000",
            },
        ],
    )

    state = await sim.state()

    assert await sim.positions() == {("ETHUSDT", "LONG"): 3, ("ETHUSDT", "SHORT"): -2}
    assert [order["price"] for order in state["open_orders"]] == ["4000.00"]
    assert [order["orderType"] for order in state["algo_orders"]] == ["STOP_MARKET"]


async def test_changes_touch_only_what_they_name(sim: Simulator) -> None:
    await sim.position("ETHUSDT", "-4")
    await sim.price("BTCUSDT", "90000")
    await sim.change(statuses={"XRPUSDT": "SETTLING"})

    rows = {row["symbol"]: row for row in (await sim.state())["positions"]}
    assert len(rows) == 44
    assert (rows["ETHUSDT"]["qty"], rows["BTCUSDT"]["mark"]) == ("-4", "90000")


async def test_a_price_move_fills_what_rests(sim: Simulator) -> None:
    await sim.scenario(resting_orders=[{"symbol": "ETHUSDT", "side": "BUY", "qty": "2", "price": "3400"}])

    await sim.price("ETHUSDT", "3399")

    assert await sim.positions() == {("ETHUSDT", "BOTH"): 2}


async def test_waiting_ends_when_the_order_comes(sim: Simulator, client: VenueClient) -> None:
    waiting = asyncio.create_task(sim.wait_orders(1))

    await client.close("ETHUSDT", "9.1")

    assert [record["symbol"] for record in await waiting] == ["ETHUSDT"]
    await sim.wait(filled=1)
    await sim.wait(requests=1, method="POST", path="/fapi/v1/order")
    await sim.wait(open_positions=43)


async def test_waiting_in_vain_is_told(sim: Simulator) -> None:
    with pytest.raises(SimulatorError, match="for 1 orders, 0 came"):
        await sim.wait_orders(1, timeout_s=0.05)
    with pytest.raises(SimulatorError, match="waited"):
        await sim.wait(filled=1, timeout_s=0.05)
    with pytest.raises(SimulatorError, match="waited"):
        await sim.wait(open_positions=43, timeout_s=0.05)


async def test_requests_are_logged_with_key_status_and_times(sim: Simulator, client: VenueClient) -> None:
    await client.signed("GET", "/fapi/v2/positionRisk")
    await client.close("NOSUCH", "1")

    first, second = await sim.requests()

    assert (first["path"], first["api_key"], first["status"]) == ("/fapi/v2/positionRisk", "sim-key", 200)
    assert first["received_us"] <= first["answered_us"] <= second["received_us"]
    assert (second["status"], second["symbol"]) == (400, "NOSUCH")


async def test_mistakes_are_answered_and_change_nothing(sim: Simulator) -> None:
    async with aiohttp.ClientSession(sim.base_url) as session:
        for path, body, problem in (
            ("scenario", "{", "truncated"),
            ("scenario", '{"positons": []}', "positons"),
            ("scenario", '{"positions": [{"symbol": "NOSUCH", "qty": "1"}]}', "NOSUCH"),
            ("book", '{"symbol": "NOSUCH"}', "NOSUCH"),
            ("latency", '{"round_trip_ms": -1}', "negative"),
        ):
            async with session.post(f"/sim/{path}", data=body) as response:
                assert response.status == 400
                assert problem in (await response.json())["error"]
        for query in ("", "orders=x", "orders=1&timeout_s=soon"):
            async with session.get(f"/sim/wait?{query}") as response:
                assert response.status == 400

    assert len(await sim.positions()) == 44


async def test_health_and_metrics_are_served(sim: Simulator, client: VenueClient) -> None:
    await client.close("ETHUSDT", "9.1")

    async with aiohttp.ClientSession(sim.base_url) as session:
        for path in ("/healthz", "/readyz"):
            async with session.get(path) as response:
                assert response.status == 200
        async with session.get("/metrics") as response:
            lines = (await response.text()).splitlines()

    assert "exchange_sim_open_positions 43.0" in lines
    assert 'exchange_sim_orders_total{outcome="accepted"} 1.0' in lines
    assert 'exchange_sim_requests_total{method="POST",path="/fapi/v1/order"} 1.0' in lines
