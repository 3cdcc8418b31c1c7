"""State: the newest counts, and the reader finds it again by itself."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from contracts.arming import DisarmRequested
from runtime.redis_client import open_reader, raw
from runtime.streams import Tail
from support.patience import HANG_S
from support.redis_server import RedisServer
from support.streaming import Workshop, eventually


class Reading:
    """What a tail yielded so far."""

    def __init__(self, tail: Tail[DisarmRequested]) -> None:
        self.tail = tail
        self.stop = asyncio.Event()
        self.seen: list[str] = []
        self._news = asyncio.Condition()

    async def run(self) -> None:
        async for entry in self.tail.entries(self.stop):
            async with self._news:
                self.seen.append(entry.event.arm_id)
                self._news.notify_all()

    async def is_ready(self) -> bool:
        return self.tail.ready

    async def is_unready(self) -> bool:
        return not self.tail.ready

    async def has_seen_two(self) -> bool:
        return len(self.seen) == 2

    async def until(self, arm_id: str) -> None:
        async with asyncio.timeout(HANG_S), self._news:
            await self._news.wait_for(lambda: arm_id in self.seen)


@asynccontextmanager
async def tailing(workshop: Workshop) -> AsyncIterator[Reading]:
    reader = open_reader(workshop.url, name="tail")
    reading = Reading(
        Tail(
            reader=reader,
            stream_key=workshop.stream,
            event_type=DisarmRequested,
            observer=workshop.observer,
            block_ms=50,
        )
    )
    task = asyncio.create_task(reading.run())
    try:
        yield reading
        reading.stop.set()
        await asyncio.wait_for(task, HANG_S)
    finally:
        task.cancel()
        await asyncio.wait((task,))
        await reader.aclose()


async def test_a_tail_begins_with_the_newest_entry(workshop: Workshop) -> None:
    await workshop.say("old", "older", "newest")

    async with tailing(workshop) as reading:
        await reading.until("newest")

    assert reading.seen == ["newest"]


async def test_a_tail_of_an_empty_stream_is_ready_and_sees_the_first_entry(workshop: Workshop) -> None:
    async with tailing(workshop) as reading:
        await eventually(reading.is_ready, "the tail is ready")
        await workshop.say("first")
        await reading.until("first")

    assert reading.seen == ["first"]


async def test_a_tail_of_an_empty_stream_waits_in_the_server(own_workshop: Workshop) -> None:
    async def blocking() -> bool:
        return b"cmdstat_xread:" in await raw(own_workshop.redis, "INFO", "commandstats")

    async with tailing(own_workshop):
        await eventually(blocking, "the tail blocks in XREAD")


async def test_what_came_while_the_last_one_was_looked_at_is_passed_over(workshop: Workshop) -> None:
    reader, stop = open_reader(workshop.url, name="tail"), asyncio.Event()
    tail = Tail(reader=reader, stream_key=workshop.stream, event_type=DisarmRequested, observer=workshop.observer)
    await workshop.say("a")
    seen = []

    async for entry in tail.entries(stop):
        seen.append(entry.event.arm_id)
        if len(seen) == 1:
            await workshop.say("b", "c", "d")
        else:
            stop.set()

    await reader.aclose()
    assert seen == ["a", "d"]


async def test_an_entry_that_cannot_be_read_is_passed_over_and_counted(workshop: Workshop) -> None:
    async with tailing(workshop) as reading:
        await workshop.say("a")
        await reading.until("a")
        await workshop.say_raw("garbage", b"\xff")
        await workshop.say("b")
        await reading.until("b")

    assert reading.seen == ["a", "b"]
    counted = {"stream": "flatten.arm", "outcome": "undecodable"}
    assert workshop.metrics.registry.get_sample_value("flatguard_entries_total", counted) in (0, 1)


async def test_a_newest_entry_that_cannot_be_read_is_told(workshop: Workshop) -> None:
    await workshop.say_raw("garbage", b"\xff")

    async with tailing(workshop) as reading:
        await eventually(reading.is_ready, "the tail is ready")
        await workshop.say("good")
        await reading.until("good")

    counted = {"stream": "flatten.arm", "outcome": "undecodable"}
    assert workshop.metrics.registry.get_sample_value("flatguard_entries_total", counted) == 1


async def test_a_tail_survives_a_restart_of_the_server(own_redis: RedisServer, own_workshop: Workshop) -> None:
    async with tailing(own_workshop) as reading:
        await own_workshop.say("before")
        await reading.until("before")
        await asyncio.to_thread(own_redis.kill)
        await eventually(reading.is_unready, "the tail is unready")
        await asyncio.to_thread(own_redis.start)
        await own_workshop.say("after")
        await reading.until("after")

    assert reading.seen == ["before", "after"]


async def test_a_stream_that_is_none_is_told_once_and_tried_again(own_workshop: Workshop) -> None:
    await raw(own_workshop.redis, "SET", own_workshop.stream, "not a stream")

    async def tried_three_times() -> bool:
        stats = await raw(own_workshop.redis, "INFO", "commandstats")
        found = re.search(rb"cmdstat_xrevrange:calls=(\d+)", stats)
        return found is not None and int(found[1]) >= 3

    async with tailing(own_workshop) as reading:
        await eventually(tried_three_times, "the stream was tried three times")
        assert "ResponseError" in reading.tail.check().why
        interrupted = own_workshop.metrics.registry.get_sample_value(
            "flatguard_reads_interrupted_total", {"stream": "flatten.arm"}
        )
        await raw(own_workshop.redis, "DEL", own_workshop.stream)
        await own_workshop.say("a")
        await reading.until("a")
        assert reading.tail.ready

    assert interrupted == 1


async def test_a_stream_begun_anew_with_lower_ids_is_followed(workshop: Workshop) -> None:
    async with tailing(workshop) as reading:
        await workshop.say("before")
        await reading.until("before")
        fields = (await raw(workshop.redis, "XRANGE", workshop.stream, "-", "+"))[0][1]
        await raw(workshop.redis, "DEL", workshop.stream)
        await raw(workshop.redis, "XADD", workshop.stream, "1-1", *[b"again" if f == b"before" else f for f in fields])
        await eventually(reading.has_seen_two, "the stream begun anew is read")

    assert reading.seen == ["before", "before"]
