"""All of it, as processes: Redis, the simulator with the incident, the three services; flatctl as operators run it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from support.requester import Requester
from support.sim import Simulator
from support.trio import SERVICES, Trio, trio_env


@pytest_asyncio.fixture
async def trio(redis_url: str, redis: Redis, reader: Redis, namespace: str, tmp_path: Path) -> AsyncIterator[Trio]:
    """Nothing but the simulator runs yet; the latch is clear."""
    async with Simulator("--scenario", "incident") as sim:
        env = trio_env(sim, redis_url, namespace, tmp_path / "ESS_ON")
        yield Trio(sim, env, Requester(redis, reader, namespace))


@pytest.fixture
def everything() -> tuple[str, ...]:
    """Which services run in `running`; a test changes it by parametrizing."""
    return tuple(SERVICES)


@pytest_asyncio.fixture
async def running(trio: Trio, everything: tuple[str, ...]) -> AsyncIterator[Trio]:
    """The services run and are ready."""
    async with AsyncExitStack() as stack:
        for name in everything:
            await stack.enter_async_context(trio.service(name))
        for name in everything:
            await trio.services[name].wait_ready()
        yield trio
