"""`demo-targets` writes for a simulator what others write in production, and never in their place."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, STDOUT

import pytest
from redis.asyncio import Redis

from runtime.redis_client import raw
from support.demo_process import TIMEOUT_S
from support.sim import Simulator

OURS = ("EXCHANGE_ENV", "EXCHANGE_BASE_URL", "REDIS_URL", "FLATTEN_ALLOCATION_PREFIX")


async def demo_targets(**settings: str) -> tuple[int, str]:
    environ = {name: value for name, value in os.environ.items() if name not in OURS}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "demo.seeding"), env=environ | settings, stdout=PIPE, stderr=STDOUT
    )
    async with asyncio.timeout(TIMEOUT_S):
        out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()


@pytest.fixture
def settings(redis_url: str, namespace: str) -> dict[str, str]:
    return {"EXCHANGE_ENV": "sim", "REDIS_URL": redis_url, "FLATTEN_ALLOCATION_PREFIX": f"{namespace}:target:"}


async def keys_of(redis: Redis, settings: dict[str, str]) -> list[bytes]:
    return list(await raw(redis, "KEYS", f"{settings['FLATTEN_ALLOCATION_PREFIX']}*"))


async def test_each_open_position_has_a_target_and_a_second_call_makes_them_fresh(
    redis: Redis, settings: dict[str, str]
) -> None:
    key = f"{settings['FLATTEN_ALLOCATION_PREFIX']}ETHUSDT"
    async with Simulator("--scenario", "incident") as sim:
        first = await demo_targets(**settings, EXCHANGE_BASE_URL=sim.base_url)
        await raw(redis, "HSET", key, "timestamp", "1")
        second = await demo_targets(**settings, EXCHANGE_BASE_URL=f"{sim.base_url}/")

    assert first == second
    assert first[0] == 0, first
    assert first[1].startswith(f"44 targets written to {settings['FLATTEN_ALLOCATION_PREFIX']}*; ")
    assert len(await keys_of(redis, settings)) == 44
    usd, mode, timestamp = await raw(redis, "HMGET", key, "target_usd", "mode", "timestamp")
    now_s, _ = await raw(redis, "TIME")
    assert (usd, mode) == (b"1820", b"enforce")
    assert 0 <= int(now_s) - int(timestamp) < TIMEOUT_S


@pytest.mark.parametrize(("given", "told"), [("", "not set"), ("testnet", "testnet"), ("live", "live")])
async def test_it_works_for_the_simulator_alone(redis: Redis, settings: dict[str, str], given: str, told: str) -> None:
    async with Simulator("--scenario", "incident") as sim:
        said = await demo_targets(**settings | {"EXCHANGE_ENV": given}, EXCHANGE_BASE_URL=sim.base_url)

    why = "targets are made up for sim alone; elsewhere others write them"
    assert said == (2, f"demo-targets: EXCHANGE_ENV is {told}: {why}\n")
    assert await keys_of(redis, settings) == []


async def test_a_target_that_others_wrote_is_left_alone(redis: Redis, settings: dict[str, str]) -> None:
    key = f"{settings['FLATTEN_ALLOCATION_PREFIX']}ETHUSDT"
    await raw(redis, "HSET", key, "target_usd", "5")
    async with Simulator("--scenario", "incident") as sim:
        said = await demo_targets(**settings, EXCHANGE_BASE_URL=sim.base_url)

    assert said == (1, f"demo-targets: {key} is there, and others wrote it: nothing was written\n")
    assert await keys_of(redis, settings) == [key.encode()]
    assert await raw(redis, "HGETALL", key) == [b"target_usd", b"5"]


async def test_where_nothing_is_open_it_says_so(settings: dict[str, str]) -> None:
    async with Simulator() as sim:
        said = await demo_targets(**settings, EXCHANGE_BASE_URL=sim.base_url)

        assert said == (1, f"demo-targets: nothing is open at {sim.base_url}: no target was written\n")


async def test_where_no_simulator_or_no_redis_answers_one_line_says_so(settings: dict[str, str]) -> None:
    nowhere = "http://127.0.0.1:1"
    code, said = await demo_targets(**settings, EXCHANGE_BASE_URL=nowhere)
    assert (code, said.count("\n")) == (1, 1), said
    assert said.startswith(f"demo-targets: no simulator answers at {nowhere}: ")

    async with Simulator("--scenario", "incident") as sim:
        elsewhere = settings | {"REDIS_URL": "redis://127.0.0.1:1/0"}
        code, said = await demo_targets(**elsewhere, EXCHANGE_BASE_URL=sim.base_url)
    assert (code, said.count("\n")) == (1, 1), said
    assert said.startswith("demo-targets: Error ")
