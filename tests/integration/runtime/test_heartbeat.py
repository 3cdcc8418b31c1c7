"""One heartbeat for a batch: it runs on from entry to entry, and knows what is still in hand."""

import asyncio
from typing import Any

import pytest
from redis.exceptions import ResponseError

from runtime.clock import SystemClock
from runtime.redis_client import raw
from runtime.streams import Consumer
from support.redis_server import RedisServer
from support.streaming import FAST, GROUP, BeatingClock, Workshop, eventually

BEAT_S = FAST.claim_idle_ms / 3000


class Gates:
    """Handlers wait until they are let through, one by one."""

    def __init__(self, *arm_ids: str) -> None:
        self._open = {arm_id: asyncio.Event() for arm_id in arm_ids}

    async def wait(self, entry: Any) -> None:
        await self._open[entry.event.arm_id].wait()

    def open(self, *arm_ids: str) -> None:
        for arm_id in arm_ids:
            self._open[arm_id].set()


class CountingClock(SystemClock):
    """Counts the beats that are waited for."""

    def __init__(self) -> None:
        self.beats = 0

    async def sleep(self, seconds: float) -> None:
        self.beats += seconds == BEAT_S
        await super().sleep(seconds)


async def test_a_beat_is_due_by_the_batch_s_time_however_short_each_handler_is(workshop: Workshop) -> None:
    clock = CountingClock()
    await workshop.say("a", "b", "c", "d")

    async with workshop.running(clock=clock):
        await workshop.until_done(4)

    assert clock.beats == 1


async def test_a_beat_in_the_middle_of_a_batch_covers_what_waits_and_tells_what_was_taken_over(
    workshop: Workshop,
) -> None:
    clock, gates = BeatingClock(BEAT_S), Gates("a", "b", "c", "d")
    workshop.body = gates.wait
    _, second, third, fourth = await workshop.say("a", "b", "c", "d")

    async def idle_ms() -> dict[str, int]:
        rows = await raw(workshop.redis, "XPENDING", workshop.stream, GROUP, "-", "+", 10, "one")
        return {entry_id.decode(): int(idle) for entry_id, _, idle, _ in rows}

    async def renewed() -> bool:
        return all(idle < FAST.claim_idle_ms for idle in (await idle_ms()).values())

    async def told() -> bool:
        return taken_over(workshop) == 1

    async with workshop.running(clock=clock) as (_, stop):
        await workshop.until_called("a")
        gates.open("a")
        await workshop.until_called("b")
        aged = ("IDLE", FAST.claim_idle_ms, "JUSTID")
        await raw(workshop.redis, "XCLAIM", workshop.stream, GROUP, "one", 0, second, third, fourth, *aged)
        await raw(workshop.redis, "XCLAIM", workshop.stream, GROUP, "other", 0, third)
        clock.beat()
        await eventually(renewed, "what waits is held")
        await eventually(told, "the one that was taken over is told")
        assert set(await idle_ms()) == {second, fourth}
        gates.open("b", "c", "d")
        await workshop.until_called("d")
        stop.set()

    assert workshop.order == ["a", "b", "d"]
    assert taken_over(workshop) == 1


async def test_what_ends_the_heartbeat_comes_out(own_redis: RedisServer, own_workshop: Workshop) -> None:
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await consume_while_the_heartbeat_finds_no_stream(own_workshop)


async def consume_while_the_heartbeat_finds_no_stream(workshop: Workshop) -> None:
    clock, gates = BeatingClock(BEAT_S), Gates("a", "b")
    workshop.body = gates.wait
    await workshop.say("a", "b")

    async def beaten() -> bool:  # the script itself, not the EVALSHA before it that finds none
        return b"cmdstat_eval:" in await raw(workshop.redis, "INFO", "commandstats")

    async with workshop.running(clock=clock) as (consumer, _):
        await workshop.until_called("a")
        await raw(workshop.redis, "SET", workshop.stream, "not a stream")
        clock.beat()
        await eventually(beaten, "the heartbeat found no stream")
        await raw(workshop.redis, "DEL", workshop.stream)
        gates.open("a", "b")
        await eventually(lambda: has_stopped(consumer), "the consumer stops")


async def has_stopped(consumer: Consumer) -> bool:
    return not consumer.ready


def taken_over(workshop: Workshop) -> float:
    labels = {"stream": "flatten.arm"}
    return workshop.metrics.registry.get_sample_value("flatguard_entries_taken_over_total", labels) or 0
