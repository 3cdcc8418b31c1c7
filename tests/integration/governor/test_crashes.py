"""Duplicates, crashes and restarts, with governors as processes on a real Redis."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from contracts.arming import ArmAccepted, ArmRefused, ArmRepeated, FlattenRequested, Gate, request_id_of
from contracts.streams import GOVERNOR_GROUP
from runtime.redis_client import open_reader, open_redis, raw
from support.governing import a_governor
from support.operator import Operator
from support.proxy import FaultyProxy
from support.redis_server import RedisServer

ARMS = 200
KILLS = {25: "g1", 50: "g2", 75: "g1", 100: "g2", 125: "g1", 150: "g2"}
"""After this many arms, at once after the next one was published three times."""


@pytest_asyncio.fixture
async def own_operator(own_redis: RedisServer, namespace: str) -> AsyncIterator[Operator]:
    """An operator at a Redis of the test's own."""
    redis, reader = open_redis(own_redis.url, name="test"), open_reader(own_redis.url, name="test")
    yield Operator(redis, reader, namespace)
    await reader.aclose()
    await redis.aclose()


@pytest.mark.timeout(400)  # six restarts, one after the other
async def test_i1_i16_two_governors_three_deliveries_and_sigkills_give_one_request_per_arm(
    operator: Operator, redis_url: str, namespace: str, latch: Path
) -> None:
    async with AsyncExitStack() as stack:
        governors = {
            name: await stack.enter_async_context(
                a_governor(redis_url, namespace, latch, name, FLATTEN_COOLDOWN_SECONDS="0", LOG_LEVEL="warning")
            )
            for name in ("g1", "g2")
        }
        for number in range(ARMS):
            await operator.arm(f"arm-{number}", times=3)
            if name := KILLS.get(number):
                governors[name].sigkill()
                await governors[name].wait()
                await governors[name].start()
            await operator.wait_grown(FlattenRequested, number + 1)
            await operator.finish()
        await operator.wait_for(ArmRepeated, 2 * ARMS)
        requests = await operator.requests()

    assert [request.request_id for request in requests] == [
        request_id_of(namespace, f"arm-{number}") for number in range(ARMS)
    ]
    assert len({request.request_id for request in requests}) == ARMS
    assert len(await operator.events(ArmAccepted)) == ARMS
    assert len(await operator.events(ArmRepeated)) == 2 * ARMS
    assert await operator.events(ArmRefused) == []
    assert await operator.pending(GOVERNOR_GROUP) == 0


@pytest.mark.parametrize("command", [b"EVALSHA", b"EVAL"])
async def test_i16_a_lost_reply_of_the_deciding_script_changes_nothing(
    operator: Operator, redis_url: str, namespace: str, latch: Path, command: bytes
) -> None:
    async with (
        FaultyProxy(redis_url) as proxy,
        a_governor(proxy.url, namespace, latch, FLATTEN_COOLDOWN_SECONDS="0") as governor,
    ):
        await governor.wait_ready()
        proxy.drop_next_reply(command)
        await operator.arm("arm-1", times=2)
        await operator.wait_for(ArmRepeated)
        await proxy.wait_dropped()
        await governor.wait_ready()

    assert len(await operator.requests()) == 1
    assert await operator.pending(GOVERNOR_GROUP) == 0


async def test_i15_i4_cooldown_and_used_up_arms_survive_a_restart_of_governor_and_redis(
    own_operator: Operator, own_redis: RedisServer, namespace: str, latch: Path
) -> None:
    an_hour = {"FLATTEN_COOLDOWN_SECONDS": "3600"}  # two starts fit into it on any machine
    async with a_governor(own_redis.url, namespace, latch, **an_hour):
        await own_operator.arm("arm-1")
        await own_operator.wait_for(ArmAccepted)
        await own_operator.finish()

    own_redis.kill()
    own_redis.start()

    async with a_governor(own_redis.url, namespace, latch, **an_hour) as governor:
        await governor.wait_ready()
        await own_operator.publish(await own_operator.an_arm("arm-1"))
        await own_operator.wait_for(ArmRepeated)
        await own_operator.arm("arm-2")
        (refused,) = await own_operator.wait_for(ArmRefused)

    assert [verdict.gate for verdict in refused.gates if not verdict.passed] == [Gate.COOLDOWN]
    assert len(await own_operator.requests()) == 1


async def test_redis_down_at_the_start_is_told_and_waited_for(
    own_operator: Operator, own_redis: RedisServer, namespace: str, latch: Path
) -> None:
    own_redis.stop()
    async with a_governor(own_redis.url, namespace, latch) as governor:
        await governor.wait_line(r"redis is not reachable, trying until it is")
        await governor.wait_unready()

        own_redis.start()
        await governor.wait_ready()
        await own_operator.arm("arm-1")
        await own_operator.wait_for(ArmAccepted)


async def test_redis_going_away_is_told_and_survived_without_a_restart(
    own_operator: Operator, own_redis: RedisServer, namespace: str, latch: Path
) -> None:
    async with a_governor(own_redis.url, namespace, latch) as governor:
        await governor.wait_ready()
        own_redis.stop()
        await governor.wait_line(r"stream flatten\.arm: cannot be read, trying until it can")
        await governor.wait_unready()

        own_redis.start()
        await governor.wait_ready()
        await own_operator.arm("arm-1")
        await own_operator.wait_for(ArmAccepted)
        governor.sigterm()
        assert await governor.wait() == 0


async def test_a_flushed_redis_refuses_what_was_armed_before_and_judges_what_comes_after(
    own_operator: Operator, own_redis: RedisServer, namespace: str, latch: Path
) -> None:
    async with a_governor(own_redis.url, namespace, latch) as governor:
        await governor.wait_ready()
        await raw(own_operator.redis, "FLUSHALL")
        await own_operator.publish(await own_operator.an_arm("arm-1"))
        await own_operator.wait_for(ArmRefused)
        await own_operator.arm("arm-2")
        (accepted,) = await own_operator.wait_for(ArmAccepted)

    assert accepted.arm_id == "arm-2"


async def test_one_trace_leads_from_the_arm_to_the_request_and_its_evidence(
    operator: Operator, redis_url: str, namespace: str, latch: Path
) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    async with a_governor(redis_url, namespace, latch):
        await operator.arm("arm-1", traceparent=f"00-{trace_id}-b7ad6b7169203331-01")
        await operator.wait_for(ArmAccepted)

    ((request, _),) = await operator.entries(FlattenRequested)
    ((accepted, _),) = await operator.entries(ArmAccepted)
    assert (request.traceparent or "").split("-")[1] == trace_id
    assert (accepted.traceparent or "").split("-")[1] == trace_id


async def test_an_unusable_latch_setting_is_one_clear_line(redis: Redis, redis_url: str, namespace: str) -> None:
    assert await raw(redis, "PING") == b"PONG"
    async with a_governor(redis_url, namespace, Path("/nowhere"), ESS_LATCH="ftp://latch") as governor:
        assert await governor.wait() == 2
        (line,) = governor.lines
        assert line.startswith("governor: ESS_LATCH='ftp://latch' is neither")
