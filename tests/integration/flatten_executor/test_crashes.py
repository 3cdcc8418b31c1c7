"""Executors that are killed, and Redis that goes away: one verdict, no second fill."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
import pytest_asyncio

from contracts.flattening import FlattenCompleted, OrderIntended, RunStarted, RunVerdict
from contracts.streams import Keys
from runtime.redis_client import open_reader, open_redis, raw
from support.processes import ServiceProcess
from support.redis_server import RedisServer
from support.requester import Requester
from support.sim import Simulator

ORDERS = {"path": "/fapi/v1/batchOrders", "method": "POST"}
HELD = {"action": "timeout_after", "match": ORDERS, "times": 0, "hold_ms": 60_000}


async def test_killed_after_its_orders_and_before_its_record_it_sends_no_second_order_i16_i11(
    sim: Simulator, env: dict[str, str], governor: Requester
) -> None:
    await sim.faults(HELD)
    async with ServiceProcess("flatten_executor.main", env) as first:
        await first.wait_ready()
        await governor.request()
        await sim.wait(filled=44)
        first.sigkill()
        await first.wait()
    assert await governor.events(FlattenCompleted) == []
    assert await governor.unacknowledged() == 1
    await sim.clear_faults()

    async with ServiceProcess("flatten_executor.main", env):
        completed = await governor.verdict()

        assert completed.verdict is RunVerdict.FLAT
        assert (completed.counts.nonzero, completed.counts.ok, completed.counts.orders_ok) == (44, 44, 44)
        assert len(await sim.orders()) == 44
        assert [event.fence for event in await governor.events(RunStarted)] == [1, 2]
        assert await governor.unacknowledged() == 0
        assert len(await governor.events(FlattenCompleted)) == 1


async def test_asked_to_end_while_the_exchange_hangs_it_ends_and_the_next_goes_on_without_a_second_order_i16_i11(
    sim: Simulator, env: dict[str, str], governor: Requester
) -> None:
    await sim.faults(HELD)
    async with ServiceProcess("flatten_executor.main", env) as first:
        await first.wait_ready()
        await governor.request()
        await sim.wait(filled=44)
        first.sigterm()
        await first.wait_line("not at an end 4 s after the signal")
        assert await first.wait() == 0
        assert first.lines[-1].endswith("flatten-executor stopped")
    assert await governor.events(FlattenCompleted) == []
    assert await governor.unacknowledged() == 1
    await sim.clear_faults()

    async with ServiceProcess("flatten_executor.main", env):
        completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert (completed.counts.ok, completed.counts.orders_ok) == (44, 44)
    assert len(await sim.orders()) == 44


async def test_killed_before_its_orders_arrive_it_looks_them_up_and_closes_under_new_ids_i7(
    sim: Simulator, env: dict[str, str], governor: Requester
) -> None:
    await sim.faults({"action": "hang", "match": ORDERS, "times": 0})
    async with ServiceProcess("flatten_executor.main", env) as first:
        await first.wait_ready()
        await governor.request()
        await sim.wait(requests=8, method="POST", path="/fapi/v1/batchOrders")
        first.sigkill()
        await first.wait()
    await sim.clear_faults()

    async with ServiceProcess("flatten_executor.main", env):
        completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert completed.counts.ok == 44
    assert await sim.positions() == {}
    ids = [event.client_order_id for event in await governor.events(OrderIntended)]
    assert len(ids) == len(set(ids))


async def test_resumed_without_the_latch_it_sends_nothing_and_reports_what_is_open(
    sim: Simulator, env: dict[str, str], governor: Requester
) -> None:
    await sim.scenario(positions=[{"symbol": "ETHUSDT", "qty": "2"}])
    await sim.faults({"action": "hang", "match": {"path": "/fapi/v1/order", "method": "POST"}})
    async with ServiceProcess("flatten_executor.main", env) as first:
        await first.wait_ready()
        await governor.request()
        await sim.wait(requests=1, method="POST", path="/fapi/v1/order")
        first.sigkill()
        await first.wait()
    await sim.clear_faults()

    async with ServiceProcess("flatten_executor.main", {**env, "ESS_LATCH": "file:/nonexistent/ESS_ON"}):
        completed = await governor.verdict()

    assert completed.verdict is RunVerdict.ABORTED
    assert [(left.symbol, left.quantity) for left in completed.residual] == [("ETHUSDT", Decimal(2))]
    assert len(await governor.events(OrderIntended)) == 1


@pytest_asyncio.fixture
async def fragile(own_redis: RedisServer, namespace: str) -> AsyncIterator[Requester]:
    """The governor's place at a Redis that may be killed."""
    redis, reader = (open_with(own_redis.url, name="test") for open_with in (open_redis, open_reader))
    yield Requester(redis, reader, namespace)
    await reader.aclose()
    await redis.aclose()


@pytest.mark.parametrize("how", ["kill", "stop"])
async def test_redis_going_away_in_the_middle_of_a_run_is_resumed_when_it_is_back_i10(
    sim: Simulator, env: dict[str, str], own_redis: RedisServer, fragile: Requester, how: str
) -> None:
    await sim.faults({**HELD, "action": "delay", "hold_ms": 600_000})
    async with ServiceProcess("flatten_executor.main", {**env, "REDIS_URL": own_redis.url}) as executor:
        await executor.wait_ready()
        await fragile.request()
        await sim.wait(requests=1, method="POST", path="/fapi/v1/batchOrders")
        getattr(own_redis, how)()
        await executor.wait_unready()
        await sim.proceed()
        await sim.wait(filled=44)
        await sim.clear_faults()
        own_redis.start()
        completed = await fragile.verdict()

        assert completed.verdict is RunVerdict.FLAT
        assert completed.counts.ok == 44
        assert len(await sim.orders()) == 44
        await executor.wait_ready()


async def test_without_redis_at_the_start_it_waits_says_so_and_recovers(
    sim: Simulator, env: dict[str, str], own_redis: RedisServer, fragile: Requester
) -> None:
    own_redis.stop()
    async with ServiceProcess("flatten_executor.main", {**env, "REDIS_URL": own_redis.url}) as executor:
        await executor.wait_line("redis is not reachable, trying until it is")
        await executor.wait_unready()
        own_redis.start()
        await executor.wait_ready()

        await fragile.request()
        assert (await fragile.verdict()).verdict is RunVerdict.FLAT


async def test_a_restarted_executor_shows_the_last_verdict_in_its_gauges(
    env: dict[str, str], executor: ServiceProcess, governor: Requester
) -> None:
    await governor.request()
    completed = await governor.verdict()
    executor.sigterm()
    assert await executor.wait() == 0

    async with ServiceProcess("flatten_executor.main", env) as again:
        await again.wait_ready()
        metrics = await again.metrics()

    ((envelope, _),) = await governor.entries(FlattenCompleted)
    trace_id = (envelope.traceparent or "").split("-")[1]
    labels = f'request_id="{completed.request_id}",trace_id="{trace_id}",verdict="flat"'
    assert f"flatten_last_run_info{{{labels}}} 1.0" in metrics
    assert metrics.count("flatten_last_position_fate{") == 44
    assert 'flatten_last_position_quantity{position_side="both",symbol="ETHUSDT",when="after"} 0.0' in metrics

    assert 'flatten_last_verdict{verdict="flat"} 1.0' in metrics
    assert 'flatten_last_positions{stage="ok"} 44.0' in metrics
    assert 'flatten_runs_total{verdict="flat"} 0.0' in metrics
    assert await raw(governor.redis, "XLEN", Keys(governor.keys.namespace).of(FlattenCompleted)) == 1
