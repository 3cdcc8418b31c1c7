"""A real simulator, a real Redis, and the executor as a real process."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from support.crash_points import CrashPoints
from support.processes import ServiceProcess
from support.requester import Requester
from support.sim import Simulator


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator("--scenario", "incident") as simulator:
        yield simulator


@pytest.fixture
def latch(tmp_path: Path) -> Path:
    """The ESS latch, set."""
    path = tmp_path / "ESS_ON"
    path.touch()
    return path


@pytest.fixture
def env(redis_url: str, namespace: str, sim: Simulator, latch: Path) -> dict[str, str]:
    """The executor's environment."""
    return {
        "REDIS_URL": redis_url,
        "FLATTEN_NAMESPACE": namespace,
        "EXCHANGE_BASE_URL": sim.base_url,
        "EXCHANGE_API_KEY": sim.api_key,
        "EXCHANGE_API_SECRET": sim.api_secret,
        "ESS_LATCH": f"file:{latch}",
    }


@pytest.fixture
def governor(redis: Redis, reader: Redis, namespace: str) -> Requester:
    """Stands where the governor stands: requests flattens."""
    return Requester(redis, reader, namespace)


@pytest.fixture
def executor_env() -> dict[str, str]:
    """What a test changes of the executor's environment, by parametrizing this."""
    return {}


@pytest_asyncio.fixture
async def executor(env: dict[str, str], executor_env: dict[str, str]) -> AsyncIterator[ServiceProcess]:
    async with ServiceProcess("flatten_executor.main", {**env, **executor_env}) as process:
        await process.wait_ready()
        yield process


@pytest_asyncio.fixture
async def points(tmp_path: Path) -> AsyncIterator[CrashPoints]:
    """Starts executors that are told where to end, how long to be patient, and how long a lease lives."""
    async with CrashPoints(tmp_path) as crash_points:
        yield crash_points
