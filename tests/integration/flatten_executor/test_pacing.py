"""More orders than the exchange takes at once: paced by its limits and headers, the largest first, and never banned."""

import time
from collections import Counter
from decimal import Decimal

from contracts.flattening import RunStarted, RunVerdict
from support.processes import ServiceProcess
from support.requester import Requester
from support.scenes import ETH, market_maximum, positions_in, when_sent
from support.sim import Simulator
from support.venue_client import VenueClient


async def statuses(sim: Simulator) -> set[int]:
    return {request["status"] for request in await sim.requests()}


async def test_more_orders_than_two_windows_take_are_paced_and_the_run_stays_ours_meanwhile(
    sim: Simulator, env: dict[str, str], governor: Requester
) -> None:
    maximum = await market_maximum(sim, "XRPUSDT")
    chunks = {"symbol": "XRPUSDT", "qty": str(maximum * 11)}
    others = [position for position in await positions_in(sim, 40) if position["symbol"] != "XRPUSDT"]
    await sim.scenario(positions=[chunks, *others[:34]])
    held = {key[0]: abs(quantity) for key, quantity in (await sim.positions()).items()}
    await sim.limits(orders_10s=20)

    async with (
        ServiceProcess("flatten_executor.main", {**env, "CONSUMER_NAME": "one"}) as one,
        ServiceProcess("flatten_executor.main", {**env, "CONSUMER_NAME": "two"}) as two,
    ):
        await one.wait_ready()
        await two.wait_ready()
        request = await governor.request()
        await governor.publish_request(request)
        completed = await governor.verdict(timeout_s=60)

    orders = await sim.orders()
    assert completed.verdict is RunVerdict.FLAT
    assert (completed.rounds, completed.counts.ok, completed.counts.errors) == (1, len(held), 0)
    assert len(orders) == 45
    assert await statuses(sim) == {200}
    assert [order["symbol"] for order in orders[:10]] == ["XRPUSDT"] * 10, "the largest notional goes first"
    assert orders[44]["received_us"] - orders[0]["received_us"] > 20_000_000
    assert len(await governor.events(RunStarted)) == 1


async def test_what_someone_else_has_used_up_is_seen_from_the_answers_and_waited_for(
    sim: Simulator, env: dict[str, str], governor: Requester
) -> None:
    """Twelve of theirs, our first order, then two batches: twenty-three, by our own count eleven."""
    later = [position for position in await positions_in(sim, 11) if position["symbol"] != "ETHUSDT"][:10]
    await sim.scenario(positions=[ETH])
    await sim.faults(when_sent(positions=later))
    await sim.limits(orders_10s=20)
    async with VenueClient(sim.base_url) as other, ServiceProcess("flatten_executor.main", env) as executor:
        await executor.wait_ready()
        other.offset_ms = -(time.time_ns() // 1_000_000 % 10_000)
        await sim.clock(other.offset_ms)  # a window of ten seconds begins now
        for _ in range(12):
            await other.order(symbol="BTCUSDT", side="BUY", type="LIMIT", quantity="-1", price="1", timeInForce="GTC")

        await governor.request()
        completed = await governor.verdict(timeout_s=60)

    assert completed.verdict is RunVerdict.FLAT
    assert (completed.counts.ok, completed.counts.orders_sent, completed.counts.errors) == (11, 11, 0)
    assert {429, 418}.isdisjoint(await statuses(sim)), "the venue had to refuse nothing"
    assert sum(Decimal(order["executed_qty"]) > 0 for order in await sim.orders()) == 11


async def test_the_limit_of_a_minute_is_kept_to_as_well(
    sim: Simulator, env: dict[str, str], governor: Requester
) -> None:
    """A batch counts as one order there: four of them, of which three may leave in one minute."""
    await sim.scenario(positions=await positions_in(sim, 20))
    await sim.limits(orders_1m=3)

    async with ServiceProcess("flatten_executor.main", env) as executor:
        await executor.wait_ready()
        await governor.request()
        completed = await governor.verdict(timeout_s=100)

    orders = await sim.orders()
    assert (completed.verdict, completed.counts.ok, completed.counts.errors) == (RunVerdict.FLAT, 20, 0)
    assert await statuses(sim) == {200}
    minutes = [order["received_us"] // 60_000_000 for order in orders]
    assert max(Counter(minutes).values()) == 15
