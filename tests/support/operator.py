"""What an operator's client does to Redis, and what it reads there."""

import asyncio
from collections.abc import Sequence
from typing import Any, TypeVar

from redis.asyncio import Redis

from authority.keys import Signer
from contracts import codec
from contracts.arming import ArmRequested, DisarmRequested, FlattenRequested
from contracts.base import Event
from contracts.codec import Envelope
from contracts.streams import Keys
from runtime.entries import entry_fields
from runtime.redis_client import raw
from support.arms import a_disarm, an_arm
from support.patience import HANG_S

E = TypeVar("E", bound=Event)


class Operator:
    """Arms and disarms in one namespace, and looks at the outcome."""

    def __init__(self, redis: Redis, reader: Redis, namespace: str) -> None:
        self.redis = redis
        self.reader = reader
        self.keys = Keys(namespace)

    async def now_ms(self) -> int:
        """Redis's clock."""
        seconds, micros = await raw(self.redis, "TIME")
        return int(seconds) * 1000 + int(micros) // 1000

    async def arm(
        self, arm_id: str, *, times: int = 1, ttl_s: int = 60, traceparent: str = "", **fields: Any
    ) -> list[str]:
        """Arm as a client does, in one transaction; `times` publishes the same arm again. Returns the entries' ids."""
        return await self.arm_with(
            await self.an_arm(arm_id, **fields), times=times, ttl_s=ttl_s, traceparent=traceparent
        )

    async def arm_with(self, arm: ArmRequested, *, times: int = 1, ttl_s: int = 60, traceparent: str = "") -> list[str]:
        """The same with an arm as it is."""
        entry = self._fields(arm, arm.arm_id)
        entry += ["traceparent", traceparent] if traceparent else []
        async with self.redis.pipeline(transaction=True) as pipeline:
            pipeline.set(self.keys.arm, arm.arm_id, nx=True, ex=ttl_s)
            for _ in range(times):
                pipeline.execute_command("XADD", self.keys.of(ArmRequested), "*", *entry)
            _, *ids = await pipeline.execute()
        return [entry_id.decode() for entry_id in ids]

    async def an_arm(self, arm_id: str, *, signers: Sequence[Signer] = (), **fields: Any) -> ArmRequested:
        """An arm of alice that is valid now, signed by whoever is named."""
        now_ms = await self.now_ms()
        times = {"issued_at_ms": now_ms, "expires_at_ms": now_ms + 60_000}
        made = an_arm(arm_id, **{**times, **fields})
        for signer in signers:
            made = signer.sign(made)
        return made

    async def publish(self, event: ArmRequested | DisarmRequested) -> str:
        """Only the entry, without the arm key."""
        reply: bytes = await raw(self.redis, "XADD", self.keys.of(type(event)), "*", *self._fields(event, event.arm_id))
        return reply.decode()

    async def disarm(self, arm_id: str) -> str:
        """Only the entry: the governor deletes the key."""
        return await self.publish(a_disarm(arm_id, issued_at_ms=await self.now_ms()))

    async def finish(self) -> None:
        """What the executor's finish script would do to let the next arm through."""
        await raw(self.redis, "DEL", self.keys.active)

    async def requests(self) -> list[FlattenRequested]:
        """Every request that was published."""
        return await self.events(FlattenRequested)

    async def events(self, event_type: type[E]) -> list[E]:
        """Every event of one type on its stream, in order."""
        return [event for _, event in await self.entries(event_type)]

    async def entries(self, event_type: type[E]) -> list[tuple[Envelope, E]]:
        """The same, each with its envelope."""
        rows = await raw(self.redis, "XRANGE", self.keys.of(event_type), "-", "+")
        return _decoded(rows, event_type)

    async def wait_for(self, event_type: type[E], count: int = 1, timeout_s: float = HANG_S) -> list[E]:
        """The same, once there are at least `count`; wakes up when the stream grows."""
        stream_key, after = self.keys.of(event_type), b"0-0"
        found: list[E] = []
        try:
            async with asyncio.timeout(timeout_s):
                while len(found) < count:
                    reply = await raw(self.reader, "XREAD", "BLOCK", 1_000, "STREAMS", stream_key, after)
                    rows = reply[0][1] if reply else []
                    after = rows[-1][0] if rows else after
                    found += [event for _, event in _decoded(rows, event_type)]
        except TimeoutError:
            audit = await raw(self.redis, "XREVRANGE", self.keys.stream("flatten.audit"), "+", "-", "COUNT", 20)
            newest = [dict(zip(fields[::2], fields[1::2], strict=True)).get(b"data") for _, fields in audit]
            raise AssertionError(
                f"{len(found)} of {count} {event_type.event_type()} came: {found[-5:]}\nnewest in the audit: {newest}"
            ) from None
        return found

    async def wait_grown(self, event_type: type[Event], count: int, timeout_s: float = HANG_S) -> None:
        """Return once the event's stream holds so many entries. Reads none of them, however many there are."""
        stream_key, length = self.keys.of(event_type), 0
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    newest = await raw(self.redis, "XREVRANGE", stream_key, "+", "-", "COUNT", 1)
                    length = await raw(self.redis, "XLEN", stream_key)
                    if length >= count:
                        return
                    after = newest[0][0] if newest else b"0-0"
                    await raw(self.reader, "XREAD", "BLOCK", 1_000, "COUNT", 1, "STREAMS", stream_key, after)
        except TimeoutError:
            raise AssertionError(f"{stream_key} holds {length} of {count} entries") from None

    async def pending(self, group: str) -> int:
        """How many arm entries are delivered and not acknowledged."""
        reply = await raw(self.redis, "XPENDING", self.keys.of(ArmRequested), group)
        return int(reply[0])

    def _fields(self, event: Event, event_id: str) -> list[str]:
        return entry_fields(event, source="/test/operator", subject="main", event_id=event_id, time_ms=0)


def _decoded(rows: Sequence[tuple[bytes, Sequence[bytes]]], event_type: type[E]) -> list[tuple[Envelope, E]]:
    decoded = [codec.decode(dict(zip(fields[::2], fields[1::2], strict=True))) for _, fields in rows]
    return [(each.envelope, each.event) for each in decoded if isinstance(each.event, event_type)]
