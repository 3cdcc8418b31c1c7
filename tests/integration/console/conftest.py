"""The trio on the incident, with targets, and a real browser on the governor's console."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser
from redis.asyncio import Redis

from demo.targets import targets
from runtime.redis_client import raw
from support.browser import a_browser, require_browser
from support.requester import Requester
from support.sim import Simulator
from support.trio import SERVICES, Trio, trio_env


@pytest.fixture
def more_env() -> dict[str, str]:
    """What a test sets otherwise."""
    return {}


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    async with a_browser(require_browser()) as chromium:
        yield chromium


@pytest_asyncio.fixture
async def trio(
    redis_url: str, redis: Redis, reader: Redis, namespace: str, tmp_path: Path, more_env: dict[str, str]
) -> AsyncIterator[Trio]:
    """Everything runs and is ready; every position has a target; the latch is clear."""
    async with Simulator("--scenario", "incident") as sim, AsyncExitStack() as stack:
        env = trio_env(sim, redis_url, namespace, tmp_path / "ESS_ON") | more_env
        trio = Trio(sim, env, Requester(redis, reader, namespace))
        await write_targets(trio)
        for name in SERVICES:
            await stack.enter_async_context(trio.service(name))
        for name in SERVICES:
            await trio.services[name].wait_ready()
        yield trio


@pytest_asyncio.fixture
async def url(trio: Trio) -> str:
    """Where the governor serves."""
    return await trio.services["governor"].http_url()


async def write_targets(trio: Trio) -> None:
    """As whoever allocates does: ETHUSDT is far beyond its cap, the others are not."""
    state = await trio.sim.state()
    held = [(position["symbol"], Decimal(str(position["notional"]))) for position in state["positions"]]
    now_s = await trio.events.now_ms() // 1000
    prefix = trio.env["FLATTEN_ALLOCATION_PREFIX"]
    for symbol, fields in targets(held, now_s).items():
        await raw(trio.events.redis, "HSET", f"{prefix}{symbol}", *(text for pair in fields.items() for text in pair))
