"""How many entries a second the consumer loop takes through one group, and what a bare redis-py loop does."""

import asyncio
import time
from typing import Any

from redis.asyncio import Redis

from bench.figures import Figure, at_least, ratios
from bench.report import Section
from bench.sizes import Sizes
from bench.stack import Clients, Server, clients
from bench.watching import NotMeasured
from contracts.arming import ArmRequested, DisarmRequested
from contracts.vocabulary import Environment
from runtime.metrics import Metrics
from runtime.redis_client import open_reader, open_redis, raw
from runtime.scripts import Script
from runtime.streams import Consumer, ConsumerSettings, Entry, StreamObserver, entry_fields

_RATIO = 0.8
_ACKNOWLEDGE = Script("acknowledge", "return redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])")
_COUNT = ConsumerSettings().count
_PAGE = 200


async def measure(server: Server, sizes: Sizes) -> list[Section]:
    """Both loops on the same entries, turn about, each time through a new group."""
    loop_s: list[float] = []
    bare_s: list[float] = []
    async with clients(server, "bench:consumer") as ours:
        await _fill(ours, sizes.consumer_events)
        for number in range(sizes.consumer_runs):
            loop_s.append(await _consumer_loop(server, ours, f"loop-{number}", sizes.consumer_events))
            bare_s.append(await _bare_loop(server, ours, f"bare-{number}", sizes.consumer_events))
    a_second = [sizes.consumer_events / seconds for seconds in loop_s]
    bare_a_second = [sizes.consumer_events / seconds for seconds in bare_s]
    to_bare = ratios(a_second, bare_a_second)
    figures = (
        Figure(name="consumer loop", unit="entries/s", samples=tuple(a_second)),
        Figure(name="bare redis-py loop of XREADGROUP and XACK", unit="entries/s", samples=tuple(bare_a_second)),
        Figure(name="consumer loop / bare loop", unit="", samples=to_bare, goal=at_least(_RATIO)),
    )
    return [Section(title="Entries through one group", figures=figures)]


async def _consumer_loop(server: Server, ours: Clients, group: str, count: int) -> float:
    """Seconds for all entries. The handler only acknowledges, in a script, as handlers do."""
    stop = asyncio.Event()
    redis, reader = open_redis(server.url, name="bench"), open_reader(server.url, name="bench")
    stream_key = ours.keys.of(ArmRequested)
    handled = 0

    async def acknowledge(entry: Entry[DisarmRequested]) -> None:
        nonlocal handled
        await _ACKNOWLEDGE.run(redis, [stream_key], [group, entry.id])
        handled += 1
        if handled == count:
            stop.set()

    consumer = Consumer(
        redis=redis,
        reader=reader,
        stream_key=stream_key,
        dead_key=ours.keys.stream("dead"),
        group=group,
        consumer_name="bench",
        handlers={DisarmRequested: acknowledge},
        observer=StreamObserver(Metrics()),
    )
    try:
        began_s = time.perf_counter()
        await consumer.run(stop)
        took_s = time.perf_counter() - began_s
    finally:
        await redis.aclose()
        await reader.aclose()
    await _require_all_acknowledged(ours, group, handled, count)
    return took_s


async def _bare_loop(server: Server, ours: Clients, group: str, count: int) -> float:
    """Seconds for all entries: the least that redis-py can do, one client as it comes, nothing decoded."""
    redis = Redis.from_url(server.url)
    stream_key = ours.keys.of(ArmRequested)
    handled = 0
    try:
        began_s = time.perf_counter()
        await redis.xgroup_create(stream_key, group, "0")
        while handled < count:
            reply: Any = await redis.xreadgroup(group, "bench", {stream_key: ">"}, count=_COUNT, block=1_000)
            for _, entries in reply:
                for entry_id, _ in entries:
                    await redis.xack(stream_key, group, entry_id)
                    handled += 1
        took_s = time.perf_counter() - began_s
    finally:
        await redis.aclose()
    await _require_all_acknowledged(ours, group, handled, count)
    return took_s


async def _require_all_acknowledged(ours: Clients, group: str, handled: int, count: int) -> None:
    pending, *_ = await raw(ours.redis, "XPENDING", ours.keys.of(ArmRequested), group)
    if handled != count or int(pending):
        raise NotMeasured(f"{group}: {handled} of {count} entries handled, {int(pending)} not acknowledged")


async def _fill(ours: Clients, count: int) -> None:
    for begin in range(0, count, _PAGE):
        async with ours.redis.pipeline(transaction=False) as pipeline:
            for number in range(begin, min(begin + _PAGE, count)):
                event = DisarmRequested(
                    arm_id=f"bench-{number}",
                    operator="bench",
                    reason="measurement",
                    environment=Environment.SIM,
                    account="main",
                    issued_at_ms=1,
                )
                fields = entry_fields(event, source="/bench", subject="main", event_id=event.arm_id, time_ms=1)
                pipeline.execute_command("XADD", ours.keys.of(ArmRequested), "*", *fields)
            await pipeline.execute()
