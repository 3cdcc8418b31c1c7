"""What the governor's fire script leaves in Redis for the executor, and what the executor leaves there in turn."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace
from redis.asyncio import Redis

from contracts.arming import AbortRequested, FlattenRequested, Gate, GateVerdict, Scope, request_id_of
from contracts.flattening import FlattenCompleted
from contracts.streams import ACTIVE_TTL_S, EXECUTOR_GROUP
from contracts.vocabulary import Environment
from runtime.redis_client import raw
from support.operator import Operator
from support.patience import HANG_S


class Requester(Operator):
    """Requests flattens as the governor does, and looks at what becomes of them."""

    async def request(self, arm_id: str = "arm-1", *, symbols: Sequence[str] = (), **fields: Any) -> FlattenRequested:
        """One request with everything that fire.lua writes beside it."""
        request = await self.a_request(arm_id, symbols=symbols, **fields)
        await raw(self.redis, "SET", self.keys.active, request.request_id, "EX", ACTIVE_TTL_S)
        await self.mark_fired(request)
        await self.publish_request(request)
        return request

    async def a_request(self, arm_id: str, *, symbols: Sequence[str] = (), **fields: Any) -> FlattenRequested:
        """A request that the executor takes, unless `fields` says otherwise."""
        now_ms = await self.now_ms()
        arm = replace(await self.an_arm(arm_id), scope=Scope(symbols=tuple(symbols)))
        gates = tuple(GateVerdict(gate=gate, passed=True, observed="ok", required="ok") for gate in Gate)
        values = {
            "request_id": request_id_of(self.keys.namespace, arm_id),
            "arm": arm,
            "gates": gates,
            "breaches": (),
            "snapshot_id": None,
            "snapshot_age_ms": None,
            "requested_at_ms": now_ms,
        }
        return msgspec.convert({**values, **fields}, FlattenRequested, from_attributes=True)

    async def mark_fired(self, request: FlattenRequested) -> None:
        record = {"outcome": "fired", "request_id": request.request_id, "entry_id": "1-1", "at_ms": 1}
        await raw(self.redis, "HSET", self.keys.fired, request.arm.arm_id, msgspec.json.encode(record))

    async def publish_request(self, request: FlattenRequested) -> None:
        fields = self._fields(request, request.request_id)
        await raw(self.redis, "XADD", self.keys.of(FlattenRequested), "*", *fields)

    async def abort(self, request_id: str, *, operator: str = "bob", reason: str = "enough") -> None:
        """Ask for the end of a run, as an operator's client does."""
        event = AbortRequested(
            request_id=request_id,
            operator=operator,
            reason=reason,
            environment=Environment.SIM,
            account="main",
            issued_at_ms=await self.now_ms(),
        )
        fields = self._fields(event, f"{request_id}:abort")
        await raw(self.redis, "XADD", self.keys.of(AbortRequested), "*", *fields)

    async def verdict(self, count: int = 1, timeout_s: float = HANG_S) -> FlattenCompleted:
        """The newest FlattenCompleted, once there are `count`."""
        return (await self.wait_for(FlattenCompleted, count, timeout_s))[-1]

    async def until_acknowledged(self, timeout_s: float = HANG_S) -> None:
        """Return once every request that was delivered is acknowledged."""
        left = -1
        try:
            async with asyncio.timeout(timeout_s):
                while left := await self.unacknowledged():  # noqa: ASYNC110 - another process: asking is all there is
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{left} requests are still not acknowledged") from None

    async def until_on_record(self, request_id: str, field: str, timeout_s: float = HANG_S) -> None:
        """Return once the run's journal holds the field."""
        async with asyncio.timeout(timeout_s):
            while not await raw(self.redis, "HEXISTS", self.keys.run(request_id), field):  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.02)

    async def unacknowledged(self) -> int:
        """How many requests are delivered and not acknowledged."""
        reply = await raw(self.redis, "XPENDING", self.keys.of(FlattenRequested), EXECUTOR_GROUP)
        return int(reply[0])


def requester(redis: Redis, reader: Redis, namespace: str) -> Requester:
    return Requester(redis, reader, namespace)
