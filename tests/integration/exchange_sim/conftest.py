"""One simulator per test module, reset before every test."""

from collections.abc import AsyncIterator

import pytest_asyncio

from support.sim import Simulator
from support.venue_client import VenueClient


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Simulator]:
    async with Simulator("--scenario", "incident") as simulator:
        yield simulator


@pytest_asyncio.fixture(loop_scope="module")
async def sim(running: Simulator) -> Simulator:
    await running.reset()
    return running


@pytest_asyncio.fixture(loop_scope="module")
async def client(sim: Simulator) -> AsyncIterator[VenueClient]:
    async with VenueClient(sim.base_url) as client:
        yield client
