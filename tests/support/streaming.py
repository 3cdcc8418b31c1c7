"""A consumer at work on a real stream, whose effects can be counted."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Self

from redis.asyncio import Redis
from redis.exceptions import RedisError

from contracts import codec
from contracts.arming import DisarmRequested
from contracts.streams import Keys
from contracts.vocabulary import Environment
from runtime.clock import Clock, SystemClock
from runtime.entries import Entry, publish
from runtime.metrics import Metrics
from runtime.redis_client import open_reader, open_redis, raw
from runtime.scripts import Script
from runtime.streams import Consumer, ConsumerSettings, StreamObserver
from support.patience import HANG_S

GROUP = "governor"
FAST = ConsumerSettings(
    count=4, block_ms=50, claim_idle_ms=60_000, retry_base_s=0.02, retry_cap_s=0.1, reconnect_cap_s=0.1
)

EFFECT = Script(
    "effect",
    # What a handler does: the effect counts itself, and comes with its XACK or not at all.
    "redis.call('HINCRBY', KEYS[2], ARGV[2], 1) return redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])",
)
Body = Callable[[Entry[DisarmRequested]], Awaitable[None]]


def disarm(arm_id: str) -> DisarmRequested:
    """A small event."""
    return DisarmRequested(
        arm_id=arm_id, operator="olga", reason="test", environment=Environment.SIM, account="main", issued_at_ms=1
    )


class Workshop:
    """One stream with one consumer. `body` is what a handler does before its effect."""

    def __init__(self, url: str, namespace: str) -> None:
        self.url = url
        self.keys = Keys(namespace)
        self.stream = self.keys.stream("flatten.arm")
        self.dead = self.keys.stream("dead")
        self.effects_key = f"{namespace}:effects"
        self.metrics = Metrics()
        self.observer = StreamObserver(self.metrics)
        self.order: list[str] = []
        """Arm ids in the order in which handlers were called."""
        self.deliveries: list[int | None] = []
        self.body: Body = _nothing
        self.redis = open_redis(url, name="workshop")
        self._news = asyncio.Condition()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.redis.aclose()

    async def say(self, *arm_ids: str) -> list[str]:
        """Publish one event for each id; gives the entries' ids."""
        return [
            await publish(
                self.redis,
                self.stream,
                disarm(arm_id),
                source="/flatguard/test",
                subject="main",
                event_id=arm_id,
                time_ms=1,
            )
            for arm_id in arm_ids
        ]

    async def say_traced(self, arm_id: str, traceparent: str) -> str:
        """Publish as a client does that is inside of a trace."""
        fields = codec.encode(
            disarm(arm_id), source="/t", subject="main", event_id=arm_id, time_ms=1, traceparent=traceparent
        )
        return await self.say_raw(*(text for pair in fields.items() for text in pair))

    async def say_raw(self, *fields: bytes | str) -> str:
        """Publish an entry that is none of ours."""
        return str((await raw(self.redis, "XADD", self.stream, "*", *fields)).decode())

    async def read_as(self, consumer: str, count: int = 10) -> None:
        """Read new entries as a consumer that then does nothing: it died."""
        with contextlib.suppress(RedisError):
            await raw(self.redis, "XGROUP", "CREATE", self.stream, GROUP, "0", "MKSTREAM")
        await raw(self.redis, "XREADGROUP", "GROUP", GROUP, consumer, "COUNT", count, "STREAMS", self.stream, ">")

    async def effects(self) -> dict[str, int]:
        """How often each arm id's effect happened."""
        flat = await raw(self.redis, "HGETALL", self.effects_key)
        return {flat[at].decode(): int(flat[at + 1]) for at in range(0, len(flat), 2)}

    async def release(self) -> None:
        """Let the echo service end with the arm "slow", which it has in hand until then."""
        await raw(self.redis, "SET", f"{self.keys.namespace}:released", "1")

    async def pending(self) -> int:
        return int((await raw(self.redis, "XPENDING", self.stream, GROUP))[0])

    async def dead_letters(self) -> list[dict[bytes, bytes]]:
        rows = await raw(self.redis, "XRANGE", self.dead, "-", "+")
        return [dict(zip(row[1][::2], row[1][1::2], strict=True)) for row in rows]

    @asynccontextmanager
    async def attached(
        self, name: str = "one", settings: ConsumerSettings = FAST, url: str = "", clock: Clock | None = None
    ) -> AsyncIterator[Consumer]:
        """A consumer with clients of its own, not yet running; `url` when it goes through a proxy."""
        redis = open_redis(url or self.url, name=name)
        reader = open_reader(url or self.url, name=name, block_ms=settings.block_ms)
        try:
            yield Consumer(
                redis=redis,
                reader=reader,
                stream_key=self.stream,
                dead_key=self.dead,
                group=GROUP,
                consumer_name=name,
                handlers={DisarmRequested: lambda entry: self._on_disarm(redis, entry)},
                observer=self.observer,
                settings=settings,
                clock=clock or SystemClock(),
            )
        finally:
            await redis.aclose()
            await reader.aclose()

    @asynccontextmanager
    async def running(
        self, name: str = "one", settings: ConsumerSettings = FAST, url: str = "", clock: Clock | None = None
    ) -> AsyncIterator[tuple[Consumer, asyncio.Event]]:
        """A consumer that runs while the block does, then stops as on SIGTERM; what crashed it comes out."""
        stop = asyncio.Event()
        async with self.attached(name, settings, url, clock) as consumer:
            task = asyncio.create_task(consumer.run(stop))
            try:
                yield consumer, stop
                stop.set()
                async with asyncio.timeout(HANG_S):
                    await task
            finally:
                task.cancel()
                await asyncio.wait((task,))

    async def run_to_its_end(self, name: str = "one", settings: ConsumerSettings = FAST) -> None:
        """Run a consumer that nobody stops; what crashed it comes out."""
        async with self.attached(name, settings) as consumer, asyncio.timeout(HANG_S):
            await consumer.run(asyncio.Event())

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return once the condition holds; it is looked at whenever a handler was called or ended."""
        async with asyncio.timeout(HANG_S), self._news:
            await self._news.wait_for(holds)

    async def until_called(self, *arm_ids: str) -> None:
        await self.until(lambda: set(arm_ids) <= set(self.order))

    async def until_done(self, count: int) -> None:
        """Return once the effects of `count` arm ids are there. Asks: where an answer was lost, no handler tells."""

        async def done() -> bool:
            return len(await self.effects()) >= count

        await eventually(done, f"the effects of {count} arms")

    async def _on_disarm(self, redis: Redis, entry: Entry[DisarmRequested]) -> None:
        arm_id = entry.event.arm_id
        self.order.append(arm_id)
        self.deliveries.append(entry.deliveries)
        await self._tell()
        await self.body(entry)
        await EFFECT.run(redis, [self.stream, self.effects_key], [GROUP, arm_id, entry.id])
        await self._tell()

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()


class BeatingClock(SystemClock):
    """The time as it is, but heartbeats come when they are asked for: who sleeps `beat_s` is woken by `beat`."""

    def __init__(self, beat_s: float) -> None:
        self._beat_s = beat_s
        self._due = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        if seconds != self._beat_s:
            return await super().sleep(seconds)
        await self._due.wait()
        return self._due.clear()

    def beat(self) -> None:
        self._due.set()


async def _nothing(_entry: Entry[DisarmRequested]) -> None:
    return


async def eventually(holds: Callable[[], Awaitable[bool]], what: str) -> None:
    """Return once a state outside of this process holds; there is nothing to wait on but asking."""
    try:
        async with asyncio.timeout(HANG_S):
            while not await holds():  # noqa: ASYNC110 - no event of this process tells
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"never came true: {what}") from None
