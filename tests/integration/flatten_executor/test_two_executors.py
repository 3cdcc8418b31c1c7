"""Two executors, or one that was paused and replaced: one works, and an old fence sends nothing."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from contracts.flattening import FlattenCompleted, RunStarted, RunVerdict
from flatten_executor.lease import LeaseTimes
from runtime.redis_client import raw
from support.crash_points import CrashPoints
from support.invariants import assert_orders_only_reduced
from support.patience import HANG_S
from support.processes import ServiceProcess
from support.requester import Requester
from support.scenes import BTC, ETH, POSITIONS
from support.sim import Simulator

SHORT = LeaseTimes(lease_ms=1_000, restart_ms=1_000, fresh_ms=800, renew_ms=100)


@pytest_asyncio.fixture
async def other(tmp_path: Path) -> AsyncIterator[CrashPoints]:
    (tmp_path / "other").mkdir()
    async with CrashPoints(tmp_path / "other") as points:
        yield points


async def test_of_two_executors_one_works_and_the_other_leaves_the_run_alone(
    sim: Simulator, env: dict[str, str], governor: Requester
) -> None:
    await sim.latency(200)
    async with (
        ServiceProcess("flatten_executor.main", {**env, "CONSUMER_NAME": "one"}) as one,
        ServiceProcess("flatten_executor.main", {**env, "CONSUMER_NAME": "two"}) as two,
    ):
        await one.wait_ready()
        await two.wait_ready()
        request = await governor.request()
        await governor.publish_request(request)
        completed = await governor.verdict()

        assert completed.verdict is RunVerdict.FLAT
        assert len(await sim.orders()) == 44
        assert len(await governor.events(RunStarted)) == 1


WHERE_IT_IS_PAUSED = [
    "after begin",
    "after positions",
    "before write order.intended.v1",
    "after write order.intended.v1",
    "before place",
    "after place",
    "before finish",
]


@pytest.mark.parametrize("where", WHERE_IT_IS_PAUSED)
@pytest.mark.parametrize("name", ["flatten-executor-1", "flatten-executor-2"])
async def test_wherever_an_executor_is_paused_and_replaced_it_sends_nothing_when_it_wakes_up(
    sim: Simulator,
    env: dict[str, str],
    governor: Requester,
    points: CrashPoints,
    other: CrashPoints,
    where: str,
    name: str,
) -> None:
    await sim.scenario(positions=[ETH, BTC])
    request = await governor.request()
    paused = await points.start(env, at=where, number=signal.SIGSTOP, times=SHORT)
    await paused.paused()
    await governor.publish_request(request)

    await other.start({**env, "CONSUMER_NAME": name}, times=SHORT)
    completed = await governor.verdict()
    sent = len(await sim.orders())
    await sim.position("ETHUSDT", "3")
    paused.wake()
    await paused.said("another executor passed fence 1")

    assert completed.verdict is RunVerdict.FLAT
    assert completed.counts.ok == 2
    orders = await sim.orders()
    assert len(orders) == sent == 2
    assert_orders_only_reduced(orders)
    fences = [event.fence for event in await governor.events(RunStarted)]
    assert fences == sorted(set(fences)), "each attempt has a higher fence"
    assert fences[-1] > 1
    assert len(await governor.events(FlattenCompleted)) == 1


async def test_a_run_that_waits_for_the_exchange_longer_than_a_lease_stays_with_its_executor(
    sim: Simulator, env: dict[str, str], governor: Requester, points: CrashPoints, other: CrashPoints
) -> None:
    await sim.scenario(positions=[ETH])
    shorter_than_the_wait = LeaseTimes(lease_ms=4_000, restart_ms=4_000, fresh_ms=3_000, renew_ms=200)
    await sim.faults({"action": "hang", "match": POSITIONS, "times": 0})
    request = await governor.request()
    await points.start(env, times=shorter_than_the_wait)
    await sim.wait(requests=1, method="GET", path=POSITIONS["path"])
    await governor.publish_request(request)

    second = await other.start({**env, "CONSUMER_NAME": "flatten-executor-2"}, times=shorter_than_the_wait)
    await second.said("another executor works on it")
    await renewed(governor, request.request_id, shorter_than_the_wait.lease_ms * 2)
    await sim.clear_faults()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert [event.fence for event in await governor.events(RunStarted)] == [1]


async def renewed(governor: Requester, request_id: str, by_ms: int) -> None:
    """Return once the lease has been extended by so much since now."""

    async def until_ms() -> int:
        return int(await raw(governor.redis, "HGET", governor.keys.run(request_id), "lease_until_ms"))

    first_ms = await until_ms()
    async with asyncio.timeout(HANG_S):
        while await until_ms() < first_ms + by_ms:  # noqa: ASYNC110 - another process: asking is all there is
            await asyncio.sleep(0.05)


async def test_an_executor_of_the_same_name_waits_while_its_former_self_could_still_send(
    sim: Simulator, env: dict[str, str], governor: Requester, points: CrashPoints, other: CrashPoints
) -> None:
    patient = LeaseTimes(lease_ms=600_000, restart_ms=300_000, fresh_ms=200_000)
    await sim.scenario(positions=[ETH])
    await governor.request()
    paused = await points.start(env, at="before place", number=signal.SIGSTOP, times=patient)
    await paused.paused()

    replacement = await other.start(env, times=patient)
    await replacement.said("its former executor may still be sending")
    paused.wake()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert len(await sim.orders()) == 1
    assert [event.fence for event in await governor.events(RunStarted)] == [1]
    assert len(await governor.events(FlattenCompleted)) == 1
