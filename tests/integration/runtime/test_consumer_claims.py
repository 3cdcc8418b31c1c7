"""A busy stream: what dead consumers left is looked for as often as when it is quiet, neither more nor less."""

import re
from typing import Any

from runtime.clock import SystemClock
from runtime.redis_client import raw
from runtime.streams import Entry
from support.streaming import FAST, GROUP, Workshop


class HeldClock(SystemClock):
    """The time as it is, but its monotonic seconds pass only when they are told to."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def monotonic_s(self) -> float:
        return self.seconds


def keep_busy(workshop: Workshop) -> None:
    """Each entry brings the next: there is always something new to read."""

    async def bring_the_next(_entry: Entry[Any]) -> None:
        await workshop.say(f"more-{len(workshop.order)}")

    workshop.body = bring_the_next


async def test_a_busy_stream_is_asked_for_what_others_left_once_in_a_reads_time(own_workshop: Workshop) -> None:
    async def claims() -> int:
        found = re.search(rb"cmdstat_xautoclaim:calls=(\d+)", await raw(own_workshop.redis, "INFO", "commandstats"))
        return int(found[1]) if found else 0

    left = await own_workshop.say("left-a", "left-b")
    await own_workshop.read_as("dead")
    keep_busy(own_workshop)
    clock = HeldClock()
    async with own_workshop.running("one", clock=clock):
        await own_workshop.say("first")
        await own_workshop.until_called("more-50")
        idle_for_long = ("IDLE", FAST.claim_idle_ms, "JUSTID")
        await raw(own_workshop.redis, "XCLAIM", own_workshop.stream, GROUP, "dead", 0, *left, *idle_for_long)
        await own_workshop.until_called("more-100")
        assert await claims() == 1
        assert "left-a" not in own_workshop.order
        clock.seconds += 1
        await own_workshop.until_called("left-a", "left-b", "more-150")
        assert await claims() == 2
