"""A latch that cannot be read for a moment pauses a run; one that stays so, or is cleared, ends it."""

from collections.abc import AsyncIterator

import pytest_asyncio
from redis.asyncio import Redis

from contracts.flattening import RunVerdict
from support.processes import ServiceProcess
from support.requester import Requester
from support.scenes import ETH, POSITIONS
from support.sim import Simulator


class RedisKeyLatch:
    """A latch in Redis, which can be made unreadable in one step."""

    def __init__(self, redis: Redis, key: str) -> None:
        self._redis, self.key = redis, key

    async def set(self) -> None:
        await self._replace("SET", "1")

    async def spoil(self) -> None:
        await self._replace("RPUSH", "no text")

    async def _replace(self, command: str, value: str) -> None:
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.delete(self.key)
            pipeline.execute_command(command, self.key, value)
            await pipeline.execute()


@pytest_asyncio.fixture
async def latch(redis: Redis, namespace: str) -> RedisKeyLatch:
    key_latch = RedisKeyLatch(redis, f"{namespace}:latch")
    await key_latch.set()
    return key_latch


@pytest_asyncio.fixture
async def executor(sim: Simulator, env: dict[str, str], latch: RedisKeyLatch) -> AsyncIterator[ServiceProcess]:
    """An executor whose run will wait for its first reading."""
    await sim.scenario(positions=[ETH])
    await sim.faults({"action": "hang", "match": POSITIONS})
    async with ServiceProcess("flatten_executor.main", {**env, "ESS_LATCH": f"redis:{latch.key}"}) as process:
        await process.wait_ready()
        yield process


async def test_a_latch_that_cannot_be_read_for_a_moment_pauses_the_run_and_ends_nothing(
    sim: Simulator, executor: ServiceProcess, governor: Requester, latch: RedisKeyLatch
) -> None:
    await governor.request()
    await sim.wait(requests=1, method="GET", path=POSITIONS["path"])
    await latch.spoil()
    await sim.clear_faults()
    await executor.wait_line("FLATTEN pauses .*cannot be read")
    sent_meanwhile = await sim.orders()
    await latch.set()
    completed = await governor.verdict()

    assert sent_meanwhile == []
    assert (completed.verdict, completed.counts.ok) == (RunVerdict.FLAT, 1)
    await executor.wait_line("FLATTEN goes on")


async def test_a_latch_that_stays_unreadable_counts_as_not_set(
    sim: Simulator, executor: ServiceProcess, governor: Requester, latch: RedisKeyLatch
) -> None:
    await governor.request()
    await sim.wait(requests=1, method="GET", path=POSITIONS["path"])
    await latch.spoil()
    await sim.clear_faults()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.ABORTED
    assert "could not be read for 5 s" in completed.abort_reason
    assert await sim.orders() == []


async def test_a_latch_that_cannot_be_read_when_the_request_comes_is_looked_at_again(
    sim: Simulator, executor: ServiceProcess, governor: Requester, latch: RedisKeyLatch
) -> None:
    await sim.clear_faults()
    await latch.spoil()
    await executor.wait_unready()
    await governor.request()
    await executor.wait_line("FLATTEN waits .*cannot be read")
    await latch.set()

    assert (await governor.verdict()).verdict is RunVerdict.FLAT
