"""What the loop does when Redis, or the way to it, fails: it tells, and goes on without a restart."""

import asyncio
import random

import msgspec
import pytest

from runtime.redis_client import raw
from runtime.streams import Consumer
from support.proxy import FaultyProxy
from support.redis_server import RedisServer
from support.streaming import FAST, Workshop, eventually

NEW_ENTRIES = b"\r\n>\r\n"
"""In a read of new entries, and in no other command."""


async def test_a_lost_answer_to_a_read_loses_no_entry(workshop: Workshop) -> None:
    wanted = [f"arm-{number}" for number in range(40)]
    async with FaultyProxy(workshop.url) as proxy, workshop.running(url=proxy.url):
        for start in range(0, 40, 4):
            proxy.drop_next_reply(NEW_ENTRIES)
            await workshop.say(*wanted[start : start + 4])
            await proxy.dropped.wait()
        await workshop.until_done(40)

    assert await workshop.effects() == dict.fromkeys(wanted, 1)
    assert await workshop.pending() == 0


async def test_entries_whose_delivery_was_lost_come_before_newer_ones(workshop: Workshop) -> None:
    async with FaultyProxy(workshop.url) as proxy, workshop.running(url=proxy.url):
        await workshop.say("first")
        await workshop.until_done(1)
        proxy.drop_next_reply(NEW_ENTRIES)
        await workshop.say("lost")
        await proxy.dropped.wait()
        await workshop.say("newer")
        await workshop.until_done(3)

    assert workshop.order == ["first", "lost", "newer"]


async def test_a_lost_answer_to_the_handlers_script_happens_once(workshop: Workshop) -> None:
    wanted = [f"arm-{number}" for number in range(10)]
    async with FaultyProxy(workshop.url) as proxy, workshop.running(url=proxy.url):
        await workshop.say("warm-up")
        await workshop.until_done(1)
        for arm_id in wanted:
            proxy.drop_next_reply(b"EVALSHA")
            await workshop.say(arm_id)
            await proxy.dropped.wait()
        await workshop.until_done(11)

        async def none_pending() -> bool:
            return await workshop.pending() == 0

        await eventually(none_pending, "nothing is pending")

    assert await workshop.effects() == dict.fromkeys(["warm-up", *wanted], 1)


async def test_connections_cut_at_any_moment_lose_and_repeat_nothing(workshop: Workshop) -> None:
    chance = random.Random(3)
    wanted = [f"arm-{number}" for number in range(60)]
    async with FaultyProxy(workshop.url) as proxy, workshop.running(url=proxy.url):
        for arm_id in wanted:
            await workshop.say(arm_id)
            if chance.random() < 0.4:
                for _ in range(chance.randrange(12)):
                    await asyncio.sleep(0)
                proxy.cut()
        await workshop.until_done(60)

    assert await workshop.effects() == dict.fromkeys(wanted, 1)


async def test_a_stalled_connection_is_given_up_and_read_again(workshop: Workshop) -> None:
    async with FaultyProxy(workshop.url) as proxy, workshop.running(url=proxy.url) as (consumer, _):
        await workshop.say("a")
        await workshop.until_done(1)
        proxy.stall()
        await workshop.say("b")
        await _until_unready(consumer)
        proxy.cut()
        proxy.flow()
        await workshop.until_done(2)

    assert await workshop.effects() == {"a": 1, "b": 1}


async def test_a_server_killed_under_a_blocked_read_is_found_again_without_a_restart(
    own_redis: RedisServer, own_workshop: Workshop
) -> None:
    slow = msgspec.structs.replace(FAST, block_ms=2_000)
    async with own_workshop.running(settings=slow) as (consumer, _):
        await own_workshop.say("before")
        await own_workshop.until_done(1)
        await asyncio.to_thread(own_redis.kill)
        await _until_unready(consumer)
        assert "cannot be read" in consumer.check().why
        await asyncio.to_thread(own_redis.start)
        await own_workshop.say("after")
        await own_workshop.until_done(2)
        assert consumer.ready

    assert await own_workshop.effects() == {"before": 1, "after": 1}


async def test_a_server_that_is_down_at_the_start_is_waited_for(own_redis: RedisServer, own_workshop: Workshop) -> None:
    await own_workshop.say("a")
    await asyncio.to_thread(own_redis.stop)
    async with own_workshop.running() as (consumer, _):
        await _until_interrupted(own_workshop)
        assert not consumer.ready
        await asyncio.to_thread(own_redis.start)
        await own_workshop.until_done(1)
        assert consumer.ready


async def test_a_flushed_server_is_told_and_the_group_made_again_at_0(own_workshop: Workshop) -> None:
    async with own_workshop.running() as (consumer, _):
        await _flush_and_recover(own_workshop, consumer)


@pytest.mark.containers
async def test_a_flushed_server_of_each_kind_is_told_and_the_group_made_again_at_0(
    redis_of_each_kind: RedisServer, namespace: str
) -> None:
    slow = msgspec.structs.replace(FAST, block_ms=2_000)
    async with (
        Workshop(redis_of_each_kind.url, namespace) as workshop,
        workshop.running(settings=slow) as (consumer, _),
    ):
        await _flush_and_recover(workshop, consumer)


async def test_a_deleted_stream_is_made_again(workshop: Workshop) -> None:
    async with workshop.running() as (consumer, _):
        await workshop.say("before")
        await workshop.until_done(1)
        await raw(workshop.redis, "DEL", workshop.stream)
        await workshop.say("queued")
        await workshop.until_done(2)
        assert consumer.ready


async def test_a_wrong_type_under_the_streams_key_crashes(workshop: Workshop) -> None:
    await raw(workshop.redis, "SET", workshop.stream, "not a stream")

    with pytest.raises(Exception, match="WRONGTYPE"):
        await workshop.run_to_its_end()


async def test_a_command_that_was_deleted_while_pending_with_us_is_called_lost(
    workshop: Workshop,
) -> None:
    (entry_id,) = await workshop.say("a")
    await workshop.read_as("one")
    await raw(workshop.redis, "XDEL", workshop.stream, entry_id)

    async with workshop.running("one"):
        await eventually(lambda: _has_lost(workshop, 1), "the lost command is counted")

    assert await workshop.pending() == 0
    assert workshop.order == []


async def test_a_command_that_was_deleted_while_pending_elsewhere_is_called_lost_on_6_2(own_workshop: Workshop) -> None:
    await _deleted_elsewhere(own_workshop)


@pytest.mark.containers
async def test_a_command_that_was_deleted_while_pending_elsewhere_is_called_lost(
    redis_of_each_kind: RedisServer, namespace: str
) -> None:
    async with Workshop(redis_of_each_kind.url, namespace) as workshop:
        await _deleted_elsewhere(workshop)


async def _deleted_elsewhere(workshop: Workshop) -> None:
    (gone, _) = await workshop.say("gone", "there")
    await workshop.read_as("dead")
    await raw(workshop.redis, "XDEL", workshop.stream, gone)

    async with workshop.running("one", msgspec.structs.replace(FAST, claim_idle_ms=30)):
        await workshop.until_done(1)
        await eventually(lambda: _has_lost(workshop, 1), "the lost command is counted")

    assert workshop.order == ["there"]
    assert await workshop.pending() == 0


async def _flush_and_recover(workshop: Workshop, consumer: Consumer) -> None:
    await workshop.say("before")
    await workshop.until_done(1)
    await raw(workshop.redis, "FLUSHALL")
    await workshop.say("queued meanwhile")
    await workshop.until_done(1)
    assert workshop.order == ["before", "queued meanwhile"]
    assert _value(workshop, "flatguard_reads_interrupted_total") >= 1
    assert consumer.ready


async def _until_unready(consumer: Consumer) -> None:
    async def unready() -> bool:
        return not consumer.ready

    await eventually(unready, "the consumer is unready")


async def _until_interrupted(workshop: Workshop) -> None:
    async def interrupted() -> bool:
        return _value(workshop, "flatguard_reads_interrupted_total") >= 1

    await eventually(interrupted, "a read was interrupted")


async def _has_lost(workshop: Workshop, count: int) -> bool:
    return _value(workshop, "flatguard_lost_commands_total") == count


def _value(workshop: Workshop, name: str) -> float:
    return workshop.metrics.registry.get_sample_value(name, {"stream": "flatten.arm"}) or 0.0
