"""Killed at every step of a run: whatever the step, one verdict, no second fill, nothing left open (I5 to I12)."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from contracts.flattening import FlattenCompleted, OrderIntended, RunStarted, RunVerdict, RunVerified
from runtime.redis_client import raw
from support.auditing import assert_record_holds
from support.crash_points import CrashPoints, ForkedExecutor
from support.invariants import assert_client_ids_never_reused, assert_orders_only_reduced
from support.requester import Requester
from support.scenes import BTC, ETH, SINGLE
from support.sim import Simulator

XRP = {"symbol": "XRPUSDT", "qty": "-300"}
HELD = {"ETHUSDT": Decimal(2), "BTCUSDT": Decimal("0.5"), "XRPUSDT": Decimal(300)}
RESTING = {"symbol": "ETHUSDT", "side": "SELL", "qty": "2", "price": "9000", "reduce_only": True}
STEPS_MAX = 200
SIGKILLED = -9


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator("--symbols", "6") as simulator:
        yield simulator


class Trial:
    """One run of its own: its own namespace, a fresh account, and what it leaves behind."""

    def __init__(self, sim: Simulator, redis: Redis, reader: Redis, env: Mapping[str, str], name: str) -> None:
        self._sim = sim
        self.env = {**env, "FLATTEN_NAMESPACE": f"{env['FLATTEN_NAMESPACE']}:{name}"}
        self.governor = Requester(redis, reader, self.env["FLATTEN_NAMESPACE"])

    async def begin(self, *faults: Mapping[str, Any]) -> None:
        """Positions, a resting order, and the request."""
        await self._sim.reset()
        await self._sim.scenario(positions=[ETH, BTC, XRP], resting_orders=[RESTING])
        await self._sim.faults(*faults)
        await self.governor.request()

    async def finished(self, executor: ForkedExecutor) -> bool:
        """Whether the executor came to its verdict; false when it was killed on the way."""
        verdict, ended = asyncio.create_task(self._settled()), asyncio.create_task(executor.ended())
        await asyncio.wait((verdict, ended), return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            verdict.cancel()
            assert ended.result() == SIGKILLED, executor.log.read_text()
            return False
        await verdict
        return True

    async def _settled(self) -> None:
        await self.governor.verdict()
        while await self.governor.unacknowledged():  # noqa: ASYNC110 - another process: asking is all there is
            await asyncio.sleep(0.01)

    async def check(self) -> None:
        """Everything that must hold, whatever happened on the way."""
        (completed,) = await self.governor.events(FlattenCompleted)
        orders = await self._sim.orders()
        assert completed.verdict is RunVerdict.FLAT
        assert (completed.counts.nonzero, completed.counts.filtered, completed.counts.ok) == (3, 3, 3)
        assert await self._sim.positions() == {}
        assert (await self._sim.state())["open_orders"] == []
        assert_orders_only_reduced(orders)
        assert_client_ids_never_reused(orders)
        filled = dict.fromkeys(HELD, Decimal(0))
        for order in orders:
            filled[order["symbol"]] += Decimal(order["executed_qty"])
        assert filled == HELD, "I6: filled is what was held, no more"
        await self._check_record(orders)
        verified = (await self.governor.events(RunVerified))[-1]
        last_order_us = max(order["executed_us"] or 0 for order in orders)
        assert verified.read_started_at_ms >= last_order_us // 1000, "I9: read after the last order"

    async def _check_record(self, orders: list[dict[str, Any]]) -> None:
        intents = await self.governor.events(OrderIntended)
        places = [(intent.symbol, intent.position_side, intent.round_number, intent.chunk) for intent in intents]
        assert len(set(places)) == len({intent.client_order_id for intent in intents}) == len(intents), "I7"
        on_record = await self._recorded_ms()
        for order in orders:
            assert on_record[order["client_order_id"]] <= order["received_us"] / 1000, "I10: on record before it left"
        fences = [started.fence for started in await self.governor.events(RunStarted)]
        assert fences == sorted(set(fences))
        assert await self.governor.unacknowledged() == 0, "I11"
        assert await raw(self.governor.redis, "GET", self.governor.keys.active) is None
        await assert_record_holds(self.governor.redis, self.governor.keys.namespace)

    async def _recorded_ms(self) -> dict[str, int]:
        """When Redis had the intent of each order, by its clock, which is the simulator's."""
        rows = await raw(self.governor.redis, "XRANGE", self.governor.keys.of(OrderIntended), "-", "+")
        intents = await self.governor.events(OrderIntended)
        stamps = [int(entry_id.partition(b"-")[0]) for entry_id, fields in rows if b"order.intended.v1" in fields]
        return {intent.client_order_id: stamp for intent, stamp in zip(intents, stamps, strict=True)}


pytestmark = pytest.mark.timeout(400)  # every step of a run, one crash each


async def every_step(
    points: CrashPoints, sim: Simulator, redis: Redis, reader: Redis, env: Mapping[str, str], *faults: Mapping[str, Any]
) -> list[str]:
    """Kill at step 1, 2, 3, … and resume, until a run gets through unharmed. Returns the names of the steps."""
    for step in range(1, STEPS_MAX):
        trial = Trial(sim, redis, reader, env, f"step{step}")
        await trial.begin(*faults)
        executor = await points.start(trial.env, at=step)
        if await trial.finished(executor):
            await executor.said("after finish")  # the verdict is there before the executor hears that it is
        steps = executor.steps
        unharmed = len(steps) < step
        if not unharmed:
            await executor.ended()
            executor = await points.start(trial.env)
            assert await trial.finished(executor)
        await executor.kill()
        try:
            await trial.check()
        except AssertionError as error:
            raise AssertionError(f"killed at step {step}, {steps[-1]}: {error}\n{executor.log.read_text()}") from error
        if unharmed:
            return steps
    raise AssertionError(f"no run got through within {STEPS_MAX} steps")


async def test_killed_at_any_step_the_run_is_resumed_to_the_same_end_i5_i6_i7_i9_i10_i11_i12(
    points: CrashPoints, sim: Simulator, redis: Redis, reader: Redis, env: dict[str, str]
) -> None:
    steps = await every_step(points, sim, redis, reader, env)

    assert {"before begin", "after place", "after cancel", "before finish", "after finish"} <= set(steps)


async def test_killed_at_any_step_of_a_run_whose_orders_fail_at_first_no_order_is_forgotten(
    points: CrashPoints, sim: Simulator, redis: Redis, reader: Redis, env: dict[str, str]
) -> None:
    unavailable = {"action": "status", "status": 503, "body": {"code": 0, "msg": "Service Unavailable."}}

    steps = await every_step(points, sim, redis, reader, env, {**unavailable, "match": SINGLE})

    assert steps.count("before place") == 3


@pytest.mark.parametrize("seed", range(6))
async def test_killed_twice_the_run_still_comes_to_the_same_end(
    points: CrashPoints, sim: Simulator, redis: Redis, reader: Redis, env: dict[str, str], seed: int
) -> None:
    chance = random.Random(seed)
    first, second = chance.randint(8, 40), chance.randint(1, 40)
    trial = Trial(sim, redis, reader, env, "twice")
    await trial.begin()

    for step in (first, second):
        executor = await points.start(trial.env, at=step)
        await trial.finished(executor)
        await executor.kill()
    executor = await points.start(trial.env)
    assert await trial.finished(executor)
    await executor.kill()

    await trial.check()
