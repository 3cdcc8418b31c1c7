"""Arming as an operator's client does, and seeing the answer the moment it is there."""

import asyncio
import time
from collections.abc import Sequence
from typing import Generic, TypeVar

from msgspec import Struct

from bench.stack import Clients
from contracts import codec
from contracts.arming import ArmRequested, Scope
from contracts.base import Event
from contracts.streams import ARM_TTL_S
from contracts.vocabulary import Environment
from runtime.entries import entry_fields
from runtime.redis_client import raw

E = TypeVar("E", bound=Event)
TIMEOUT_S = 60.0


class NotMeasured(Exception):
    """What should have happened did not; the text is one clear line."""


class Sent(Struct, frozen=True):
    """Unix nanoseconds around a write: before it was sent, and when Redis had answered."""

    before_ns: int
    after_ns: int


class Arming:
    """Arms that every gate lets through, one after the other."""

    def __init__(self, clients: Clients) -> None:
        self._redis, self._keys = clients.redis, clients.keys
        self._count = 0

    async def arm(self) -> Sent:
        """One arm, in one transaction. Whatever can be made beforehand is."""
        self._count += 1
        arm_id = f"bench-{self._count}"
        now_ms = time.time_ns() // 1_000_000
        arm = ArmRequested(
            arm_id=arm_id,
            operator="bench",
            reason="measurement",
            environment=Environment.SIM,
            account="main",
            scope=Scope(),
            issued_at_ms=now_ms,
            expires_at_ms=now_ms + ARM_TTL_S * 1_000,
        )
        fields = entry_fields(arm, source="/flatguard/bench", subject="main", event_id=arm_id, time_ms=now_ms)
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.set(self._keys.arm, arm_id, nx=True, ex=ARM_TTL_S)
            pipeline.execute_command("XADD", self._keys.of(ArmRequested), "*", *fields)
            before_ns = time.time_ns()
            await pipeline.execute()
            return Sent(before_ns, time.time_ns())


class Following(Generic[E]):
    """The events of one type from now on, each with the nanosecond at which it arrived."""

    def __init__(self, clients: Clients, event_type: type[E]) -> None:
        self._redis = clients.reader
        self._stream_key = clients.keys.of(event_type)
        self._type = event_type
        self._last_id = b""
        self._waiting: list[tuple[int, E]] = []

    async def begin(self) -> None:
        """What is on the stream already is passed over."""
        rows = await raw(self._redis, "XREVRANGE", self._stream_key, "+", "-", "COUNT", 1)
        self._last_id = rows[0][0] if rows else b"0-0"

    async def next(self) -> tuple[int, E]:
        """The next event. Raises NotMeasured when it does not come."""
        assert self._last_id, "begin() first"
        try:
            async with asyncio.timeout(TIMEOUT_S):
                while not self._waiting:
                    reply = await raw(self._redis, "XREAD", "BLOCK", 2_000, "STREAMS", self._stream_key, self._last_id)
                    arrived_ns = time.time_ns()
                    self._take(reply[0][1] if reply else (), arrived_ns)
        except TimeoutError:
            raise NotMeasured(f"waited {TIMEOUT_S:g} s for {self._type.event_type()}, and it did not come") from None
        return self._waiting.pop(0)

    def _take(self, rows: Sequence[tuple[bytes, Sequence[bytes]]], arrived_ns: int) -> None:
        for entry_id, fields in rows:
            self._last_id = entry_id
            event = codec.decode(dict(zip(fields[::2], fields[1::2], strict=True))).event
            if isinstance(event, self._type):
                self._waiting.append((arrived_ns, event))
