"""One flatten of the incident, watched by a real Prometheus: what the dashboards show after it."""

import time
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from msgspec import Struct

from contracts.flattening import FlattenCompleted, RunVerdict
from demo.seeding import write_targets
from runtime.redis_client import open_reader, open_redis
from support.prometheus import NoPrometheusError, Prometheus, address_of
from support.redis_server import RedisServer
from support.requester import Requester
from support.sim import Simulator
from support.trio import ARM, SERVICES, SET_LATCH, Trio, trio_env

JOBS = {"oracle": "position-oracle", "governor": "governor", "executor": "flatten-executor"}
BREACH = r"P2\.9 ETHUSDT .* verdict=breach"


class Watched(Struct, frozen=True):
    """A Prometheus that saw a flatten, and what it must know about it."""

    prometheus: Prometheus
    began_s: float
    request_id: str
    trace_id: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def flattened(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    """The incident was flattened, and ETHUSDT was opened again, beyond its cap."""
    directory, namespace = tmp_path_factory.mktemp("grafana"), f"test:{uuid.uuid4().hex[:12]}"
    began_s, prometheus = time.time(), _prometheus(directory / "prometheus")
    async with AsyncExitStack() as stack:
        redis, reader = (opened(redis_server.url, name="test") for opened in (open_redis, open_reader))
        for client in (redis, reader):
            stack.push_async_callback(client.aclose)
        sim = await stack.enter_async_context(Simulator("--scenario", "incident"))
        trio = Trio(
            sim, trio_env(sim, redis_server.url, namespace, directory / "ESS_ON"), Requester(redis, reader, namespace)
        )
        await write_targets(redis, trio.env["FLATTEN_ALLOCATION_PREFIX"], sim.base_url)
        for name in SERVICES:
            await stack.enter_async_context(trio.service(name))
        for name in SERVICES:
            await trio.services[name].wait_ready()
        targets = {job: address_of(await trio.services[name].http_url()) for name, job in JOBS.items()}
        await stack.enter_async_context(prometheus.watching(targets))
        await prometheus.until("up == 1", lambda rows: len(rows) == len(JOBS))
        await trio.services["governor"].wait_line(BREACH)
        await trio.told(*SET_LATCH)
        await trio.told(*ARM)
        ((envelope, completed),) = await trio.events.entries(FlattenCompleted)
        assert completed.verdict is RunVerdict.FLAT
        lines = len(trio.services["governor"].lines)
        await sim.position("ETHUSDT", "9.1")
        await trio.services["governor"].wait_line(BREACH, after=lines)
        yield Watched(prometheus, began_s, completed.request_id, (envelope.traceparent or "").split("-")[1])


def _prometheus(directory: Path) -> Prometheus:
    try:
        return Prometheus(directory)
    except NoPrometheusError as error:
        pytest.skip(str(error))
