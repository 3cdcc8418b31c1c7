"""Aborting a run: nothing more is sent, what is on its way is accounted for, and what is still open is said."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from contracts.arming import AbortRequested
from runtime.redis_client import raw
from support.flatctl_process import Flatctl
from support.processes import ServiceProcess
from support.requester import Requester
from support.run_events import accepted, completed, started
from support.scenes import positions_in
from support.scribe import Scribe
from support.sim import Simulator


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator("--symbols", "60") as simulator:
        yield simulator


async def test_the_run_in_flight_is_aborted_and_followed_to_what_is_still_open(
    flatctl: Flatctl, scribe: Scribe, sim: Simulator, redis: Redis, reader: Redis, namespace: str, tmp_path: Path
) -> None:
    latch = tmp_path / "ESS_ON"
    latch.touch()
    env = {
        "REDIS_URL": flatctl.environ["REDIS_URL"],
        "FLATTEN_NAMESPACE": namespace,
        "EXCHANGE_BASE_URL": sim.base_url,
        "EXCHANGE_API_KEY": sim.api_key,
        "EXCHANGE_API_SECRET": sim.api_secret,
        "ESS_LATCH": f"file:{latch}",
    }
    await sim.scenario(positions=await positions_in(sim, 30))
    await sim.limits(orders_10s=20)
    async with ServiceProcess("flatten_executor.main", env) as executor:
        await executor.wait_ready()
        await Requester(redis, reader, namespace).request()
        await sim.wait(filled=20)
        said = await flatctl("abort", "--yes", "--operator", "bob", "--reason", "the venue is halted")

    assert said.code == 4, said
    assert "what is open STAYS OPEN" in said.out
    assert "ABORTED: bob asked to abort: the venue is halted" in said.out
    assert "STILL OPEN: 10 positions" in said.out
    assert len(await sim.orders()) == 20


async def test_with_nothing_in_flight_nothing_is_aborted(flatctl: Flatctl, scribe: Scribe) -> None:
    said = await flatctl("abort", "--yes")

    assert (said.code, said.err) == (3, "flatctl: nothing to abort: no run is in flight\n")
    assert await scribe.events(AbortRequested) == []


async def test_a_run_that_has_ended_is_not_aborted_any_more(flatctl: Flatctl, scribe: Scribe) -> None:
    await scribe.tell(accepted(), started(), completed())
    said = await flatctl("abort", "req-1", "--yes")

    assert said.code == 3
    assert "req-1 has ended with verdict flat" in said.err
    assert await scribe.events(AbortRequested) == []


@pytest.mark.parametrize(("typed", "asked"), [("main\n", 1), ("other\n", 0), ("", 0)])
async def test_an_abort_is_confirmed_by_the_accounts_name(
    flatctl: Flatctl, scribe: Scribe, typed: str, asked: int
) -> None:
    await scribe.tell(accepted(), started())
    await raw(scribe.redis, "SET", scribe.keys.active, "req-1")
    said = await flatctl("abort", "--no-wait", "--reason", "drill", typed=typed)

    assert said.code == (0 if asked else 3), said
    events = await scribe.events(AbortRequested)
    assert [(event.request_id, event.reason) for event in events] == [("req-1", "drill")] * asked
