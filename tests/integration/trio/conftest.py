"""All of it, as processes: Redis, the simulator with the incident, the three services; flatctl as operators run it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from support.processes import ServiceProcess
from support.requester import Requester
from support.sim import Simulator

SERVICES = {"oracle": "position_oracle.main", "governor": "governor.main", "executor": "flatten_executor.main"}


class Trio:
    """The services by name, their common environment, and flatctl on the same environment."""

    def __init__(self, sim: Simulator, env: dict[str, str], events: Requester) -> None:
        self.sim = sim
        self.env = env
        self.events = events
        self.services: dict[str, ServiceProcess] = {}

    def service(self, name: str, **changed: str) -> ServiceProcess:
        """One service, not started yet. The oracle gets the key that can only read."""
        read_only = {"EXCHANGE_API_KEY": self.sim.read_key, "EXCHANGE_API_SECRET": self.sim.read_secret}
        own = read_only if name == "oracle" else {}
        self.services[name] = ServiceProcess(SERVICES[name], {**self.env, **own, **changed})
        return self.services[name]

    def flatctl(self, *arguments: str) -> ServiceProcess:
        """One command, not started yet."""
        return ServiceProcess("flatctl.main", self.env, arguments=arguments)


@pytest_asyncio.fixture
async def trio(redis_url: str, redis: Redis, reader: Redis, namespace: str, tmp_path: Path) -> AsyncIterator[Trio]:
    """Nothing but the simulator runs yet; the latch is clear."""
    async with Simulator("--scenario", "incident") as sim:
        env = {
            "REDIS_URL": redis_url,
            "FLATTEN_NAMESPACE": namespace,
            "FLATTEN_ALLOCATION_PREFIX": f"{namespace}:target:",
            "EXCHANGE_BASE_URL": sim.base_url,
            "EXCHANGE_API_KEY": sim.api_key,
            "EXCHANGE_API_SECRET": sim.api_secret,
            "ESS_LATCH": f"file:{tmp_path / 'ESS_ON'}",
            "GOV_TESTNET_FORCE_FLATTEN": "true",
            "GOV_TESTNET_FORCE_FLATTEN_CONFIRM": "FLATTEN_NOW",
            "ORACLE_POLL_SECONDS": "0.2",
        }
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
