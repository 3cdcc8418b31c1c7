"""What is said of work that is not finished: how much, how old, and nothing at all where nobody can know."""

import asyncio
from typing import Any

import pytest

from runtime.backlog import UNDELIVERED_MAX, Backlog
from runtime.clock import SystemClock
from runtime.redis_client import open_redis, raw
from support.redis_server import RedisServer
from support.streaming import GROUP, Workshop, eventually

STREAM = "flatten.arm"


class MovedClock(SystemClock):
    """Runs as it does, and is set forward by hand."""

    forward_s = 0.0

    def monotonic_s(self) -> float:
        return super().monotonic_s() + self.forward_s


def backlog_of(workshop: Workshop, clock: SystemClock | None = None) -> Backlog:
    return Backlog(
        redis=workshop.redis,
        stream_key=workshop.stream,
        group=GROUP,
        dead_key=workshop.dead,
        observer=workshop.observer,
        clock=clock,
    )


def told(workshop: Workshop, name: str, stream: str = STREAM) -> float | None:
    return workshop.metrics.registry.get_sample_value(f"flatguard_{name}", {"stream": stream})


async def say_long_ago(workshop: Workshop, seconds: int) -> str:
    now_s, _ = await raw(workshop.redis, "TIME")
    entry_id = f"{(int(now_s) - seconds) * 1000}-0"
    await raw(workshop.redis, "XADD", workshop.stream, entry_id, "no", "event")
    return entry_id


@pytest.mark.parametrize("group_is_there", [False, True])
async def test_nothing_to_do_is_nothing_old(workshop: Workshop, *, group_is_there: bool) -> None:
    if group_is_there:
        await workshop.read_as("one")

    await backlog_of(workshop).look()

    assert (told(workshop, "pending_entries"), told(workshop, "oldest_pending_seconds")) == (0, 0)
    assert told(workshop, "backlog_readable") == 1


@pytest.mark.parametrize("group_is_there", [False, True])
async def test_what_nobody_has_read_counts_and_ages(workshop: Workshop, *, group_is_there: bool) -> None:
    if group_is_there:
        await workshop.read_as("one")
    await say_long_ago(workshop, 100)
    await workshop.say("b")

    await backlog_of(workshop).look()

    assert told(workshop, "pending_entries") == 2
    assert told(workshop, "oldest_pending_seconds") == pytest.approx(100, abs=30)


async def test_what_is_pending_with_a_dead_consumer_counts_beside_what_waits(workshop: Workshop) -> None:
    await say_long_ago(workshop, 100)
    await workshop.read_as("dead")
    await workshop.say("b", "c")

    await backlog_of(workshop).look()

    assert told(workshop, "pending_entries") == 3
    assert told(workshop, "oldest_pending_seconds") == pytest.approx(100, abs=30)


async def test_what_is_acknowledged_counts_no_more(workshop: Workshop) -> None:
    backlog, entry_id = backlog_of(workshop), await say_long_ago(workshop, 100)
    await workshop.read_as("one")
    await backlog.look()
    assert told(workshop, "pending_entries") == 1

    await raw(workshop.redis, "XACK", workshop.stream, GROUP, entry_id)
    await backlog.look()

    assert (told(workshop, "pending_entries"), told(workshop, "oldest_pending_seconds")) == (0, 0)


async def test_another_group_of_the_stream_is_no_matter(workshop: Workshop) -> None:
    await workshop.say("a")
    await raw(workshop.redis, "XGROUP", "CREATE", workshop.stream, "another", "$")

    await backlog_of(workshop).look()

    assert told(workshop, "pending_entries") == 1


async def test_counting_what_waits_has_a_bound(workshop: Workshop) -> None:
    await workshop.say(*map(str, range(UNDELIVERED_MAX + 5)))

    await backlog_of(workshop).look()

    assert told(workshop, "pending_entries") == UNDELIVERED_MAX


async def test_a_handler_that_hangs_is_seen_to_age_between_two_looks_too(workshop: Workshop) -> None:
    released, clock = asyncio.Event(), MovedClock()

    async def hang(_entry: Any) -> None:
        await released.wait()

    workshop.body = hang
    await workshop.say("a")
    async with workshop.running():
        await workshop.until_called("a")
        await backlog_of(workshop, clock).look()
        before = told(workshop, "oldest_pending_seconds")
        clock.forward_s = 1_000
        after = told(workshop, "oldest_pending_seconds")
        released.set()

    assert told(workshop, "pending_entries") == 1
    assert before is not None
    assert after == pytest.approx(before + 1_000, abs=30)


async def test_dead_letters_are_counted_whoever_buried_them(workshop: Workshop) -> None:
    backlog = backlog_of(workshop)
    await backlog.look()
    assert told(workshop, "dead_letters", "dead") == 0

    await raw(workshop.redis, "XADD", workshop.dead, "*", "dead_error", "of another process")
    await backlog.look()

    assert told(workshop, "dead_letters", "dead") == 1


async def test_what_cannot_be_read_has_no_number_and_leaves_the_rest_its_own(workshop: Workshop) -> None:
    backlog = backlog_of(workshop)
    await workshop.say("a")
    await backlog.look()
    await raw(workshop.redis, "DEL", workshop.stream)
    await raw(workshop.redis, "SET", workshop.stream, "no stream")

    await backlog.look()

    assert (told(workshop, "pending_entries"), told(workshop, "oldest_pending_seconds")) == (None, None)
    assert told(workshop, "backlog_readable") == 0
    assert (told(workshop, "dead_letters", "dead"), told(workshop, "backlog_readable", "dead")) == (0, 1)

    await raw(workshop.redis, "DEL", workshop.stream)
    await backlog.look()
    assert (told(workshop, "pending_entries"), told(workshop, "backlog_readable")) == (0, 1)


async def test_dead_letters_that_cannot_be_read_have_no_number_either(workshop: Workshop) -> None:
    await raw(workshop.redis, "SET", workshop.dead, "no stream")

    await backlog_of(workshop).look()

    assert (told(workshop, "dead_letters", "dead"), told(workshop, "backlog_readable", "dead")) == (None, 0)
    assert told(workshop, "pending_entries") == 0


async def test_it_goes_on_by_itself_while_redis_is_away_and_when_it_is_back(
    own_workshop: Workshop, own_redis: RedisServer
) -> None:
    class Hurried(SystemClock):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(min(seconds, 0.02))

    async def readable(value: int) -> bool:
        return told(own_workshop, "backlog_readable") == value

    stop = asyncio.Event()
    own_workshop.redis = open_redis(own_redis.url, name="backlog")
    looking = asyncio.create_task(backlog_of(own_workshop, Hurried()).run(stop))
    await eventually(lambda: readable(1), "the first look")
    own_redis.stop()
    await eventually(lambda: readable(0), "Redis is missed")
    own_redis.start()
    await eventually(lambda: readable(1), "Redis is back")
    stop.set()
    await looking
