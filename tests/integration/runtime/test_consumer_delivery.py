"""What the loop promises about entries: none is lost, and each is offered until it is acknowledged."""

import asyncio
from typing import Any

import msgspec
import pytest

from runtime.errors import RetryableError
from runtime.group import Group
from runtime.redis_client import raw
from support.streaming import FAST, GROUP, BeatingClock, Workshop, eventually


async def test_entries_from_before_the_group_existed_are_handled(workshop: Workshop) -> None:
    await workshop.say("a", "b")

    async with workshop.running():
        await workshop.until_done(2)

    assert workshop.order == ["a", "b"]
    assert await workshop.pending() == 0


async def test_own_pending_entries_come_before_new_ones(workshop: Workshop) -> None:
    await workshop.say("a", "b", "c", "d", "e", "f")
    await workshop.read_as("one", count=6)
    await workshop.say("new")

    async with workshop.running("one"):
        await workshop.until_done(7)

    assert workshop.order == ["a", "b", "c", "d", "e", "f", "new"]
    assert workshop.deliveries == [2, 2, 2, 2, 2, 2, 1]


async def test_what_a_dead_consumer_left_is_taken_over(workshop: Workshop) -> None:
    await workshop.say("a", "b", "c", "d", "e", "f")
    await workshop.read_as("dead")

    async with workshop.running("one", msgspec.structs.replace(FAST, claim_idle_ms=30)):
        await workshop.until_done(6)

    assert await workshop.effects() == dict.fromkeys("abcdef", 1)
    assert await workshop.pending() == 0


async def test_what_a_living_consumer_holds_is_not_taken_over(workshop: Workshop) -> None:
    await workshop.say("a")
    await workshop.read_as("other")

    async with workshop.running("one"):
        await workshop.say("b")
        await workshop.until_done(1)

    assert workshop.order == ["b"]


async def test_a_heartbeat_keeps_everything_in_hand_from_being_taken_over_and_counts_as_no_delivery(
    workshop: Workshop,
) -> None:
    released, clock = asyncio.Event(), BeatingClock(FAST.claim_idle_ms / 3000)
    nearly_ms = FAST.claim_idle_ms * 9 // 10

    async def slow(_entry: Any) -> None:
        await released.wait()

    async def pending() -> list[tuple[bytes, int, int]]:
        rows = await raw(workshop.redis, "XPENDING", workshop.stream, GROUP, "-", "+", 10)
        return [(consumer, int(idle_ms), int(deliveries)) for _, consumer, idle_ms, deliveries in rows]

    async def all_fresh() -> bool:
        return all(idle_ms < nearly_ms for _, idle_ms, _ in await pending())

    workshop.body = slow
    ids = await workshop.say("a", "b")
    async with workshop.running("slow", clock=clock):
        await workshop.until_called("a")
        await raw(
            workshop.redis, "XCLAIM", workshop.stream, GROUP, "slow", 0, *ids, "IDLE", FAST.claim_idle_ms, "JUSTID"
        )
        assert not await all_fresh()
        clock.beat()
        await eventually(all_fresh, "the heartbeat renewed both entries")
        held = await pending()
        claimed = await raw(workshop.redis, "XAUTOCLAIM", workshop.stream, GROUP, "eager", nearly_ms, "0-0")
        released.set()
        await workshop.until_done(2)

    assert [(consumer, deliveries) for consumer, _, deliveries in held] == [(b"slow", 1), (b"slow", 1)]
    assert claimed[1] == []
    assert (workshop.order, workshop.deliveries) == (["a", "b"], [1, 1])


async def test_a_heartbeat_never_takes_an_entry_back(workshop: Workshop) -> None:
    (entry_id,) = await workshop.say("a")
    released, clock = asyncio.Event(), BeatingClock(FAST.claim_idle_ms / 3000)

    async def wait(_entry: Any) -> None:
        await released.wait()

    workshop.body = wait
    async with workshop.running("slow", clock=clock) as (_, stop):
        await workshop.until_called("a")
        # The heartbeat stands still for as long as a stopped process would: another one claims the entry.
        await raw(workshop.redis, "XCLAIM", workshop.stream, GROUP, "other", 0, entry_id)
        clock.beat()

        async def noticed() -> bool:
            value = workshop.metrics.registry.get_sample_value(
                "flatguard_entries_taken_over_total", {"stream": "flatten.arm"}
            )
            return value == 1

        await eventually(noticed, "the heartbeat says that the entry was taken over")
        rows = await raw(workshop.redis, "XPENDING", workshop.stream, GROUP, "-", "+", 10)
        released.set()
        stop.set()

    assert [row[1] for row in rows] == [b"other"]


async def test_a_retryable_error_leaves_the_entry_pending_and_the_others_go_on(workshop: Workshop) -> None:
    failures = iter([RetryableError("not yet"), RetryableError("not yet")])

    async def body(entry: Any) -> None:
        if entry.event.arm_id == "a":
            for failure in failures:
                raise failure

    workshop.body = body
    await workshop.say("a", "b", "c")
    async with workshop.running():
        await workshop.until_done(3)

    assert workshop.order == ["a", "b", "c", "a", "a"]
    assert await workshop.effects() == {"a": 1, "b": 1, "c": 1}
    assert await workshop.pending() == 0


async def test_any_other_error_comes_out_with_the_entry_pending(workshop: Workshop) -> None:
    async def body(_entry: Any) -> None:
        raise ZeroDivisionError("a bug")

    workshop.body = body
    await workshop.say("a")
    with pytest.raises(ZeroDivisionError):
        async with workshop.running() as (consumer, _):
            await workshop.until_called("a")

    assert await workshop.pending() == 1
    assert await workshop.dead_letters() == []
    assert not consumer.ready


async def test_a_stop_finishes_the_entry_in_hand_and_leaves_the_rest_pending(workshop: Workshop) -> None:
    release = asyncio.Event()

    async def wait(_entry: Any) -> None:
        await release.wait()

    workshop.body = wait
    await workshop.say("a", "b", "c")
    async with workshop.running() as (_, stop):
        await workshop.until_called("a")
        stop.set()
        release.set()

    assert await workshop.effects() == {"a": 1}
    assert await workshop.pending() == 2
    async with workshop.running():
        await workshop.until_done(3)
    assert workshop.order == ["a", "b", "c"]


async def test_a_cancelled_read_loses_nothing(workshop: Workshop) -> None:
    wanted = [f"arm-{number}" for number in range(150)]
    cancelled = 0
    for start in range(0, 150, 10):
        async with workshop.attached("one") as consumer:
            task = asyncio.create_task(consumer.run(asyncio.Event()))
            saying = asyncio.create_task(workshop.say(*wanted[start : start + 10]))
            await workshop.until_called(wanted[start])
            task.cancel()
            await asyncio.wait((task, saying))
            cancelled += task.cancelled()

    async with workshop.running("one"):
        await workshop.until_done(150)

    assert cancelled == 15
    assert await workshop.effects() == dict.fromkeys(wanted, 1)
    assert await workshop.pending() == 0


async def test_a_consumer_that_gets_nothing_is_seen_all_the_time(workshop: Workshop) -> None:
    idle_ms: list[int] = []

    async def seen_anew() -> bool:
        (row,) = await raw(workshop.redis, "XINFO", "CONSUMERS", workshop.stream, GROUP)
        idle_ms.append(dict(zip(row[::2], row[1::2], strict=True))[b"idle"])
        return len(idle_ms) > 1 and idle_ms[-1] < idle_ms[-2]

    await workshop.say("a")
    async with workshop.running():
        await workshop.until_done(1)
        for _ in range(2):
            await eventually(seen_anew, "its idle time begins anew, although nothing came")


async def test_being_seen_delivers_nothing_again(workshop: Workshop) -> None:
    await workshop.say("a", "b")
    await workshop.read_as("one")
    group = Group(redis=workshop.redis, reader=workshop.redis, stream_key=workshop.stream, group=GROUP, consumer="one")

    assert await group.read_new(10, 1) == ()

    rows = await raw(workshop.redis, "XPENDING", workshop.stream, GROUP, "-", "+", 10)
    assert [deliveries for *_, deliveries in rows] == [1, 1]
