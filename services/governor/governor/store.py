"""What the governor reads from Redis and writes to it. Every effect is one script: it happens whole, or not at all."""

from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

from msgspec import Struct
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from contracts.arming import (
    ISSUED_AHEAD_MAX_MS,
    ArmAccepted,
    ArmAwaitingApproval,
    ArmDisarmed,
    ArmRefused,
    ArmRepeated,
    ArmRequested,
    DisarmRequested,
    FlattenRequested,
    request_id_of,
)
from contracts.base import Event
from contracts.chain import chained
from contracts.streams import ACTIVE_TTL_S, GOVERNOR_GROUP, Keys
from governor.core.case import Seen, StoreSeen
from governor.core.record import ArmOutcome, ArmRecord, write_record
from runtime.entries import entry_fields
from runtime.errors import RetryableError
from runtime.redis_client import raw
from runtime.scripts import Script

T = TypeVar("T")

SOURCE = "/flatguard/governor"

_GATHER = Script.from_package("governor.scripts", "gather.lua")
_FIRE = Script.audited("governor.scripts", "fire.lua")
_REFUSE = Script.audited("governor.scripts", "refuse.lua")
_AWAIT = Script.audited("governor.scripts", "await.lua")
_REPEAT = Script.audited("governor.scripts", "repeat.lua")
_DISARM = Script.audited("governor.scripts", "disarm.lua")


class Written(Struct, frozen=True):
    """The decision is on record, with its events and the acknowledgement."""

    entry_id: str
    """The entry that tells of it: the request's for a fired arm, the audit's otherwise."""


class Changed(Struct, frozen=True):
    """Nothing was written: what the decision rested on no longer holds. Look again."""

    what: str


class AlreadyHandled(Struct, frozen=True):
    """Nothing was written: another governor has handled this very entry."""


class ArmStore:
    """One namespace's arms. Every method raises RetryableError when Redis cannot do it now; the entry stays pending."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys
        self._arms = keys.of(ArmRequested)
        self._requests = keys.of(FlattenRequested)
        self._audit = (keys.of(ArmAccepted), keys.audit_head)

    def request_id(self, arm_id: str) -> str:
        """The request that this arm becomes if it is fired."""
        return request_id_of(self._keys.namespace, arm_id)

    async def look(self, arm_id: str) -> StoreSeen:
        """Everything that Redis knows about an arm, at one instant of its clock."""
        keys = (self._keys.arm, self._keys.fired, self._keys.last_ts, self._keys.active)
        now_ms, armed, fired, last_ts, active = await self._run(_GATHER, keys, (arm_id,))
        return StoreSeen(
            now_ms=now_ms, armed=_seen(armed), fired=_seen(fired), last_ts=_seen(last_ts), active=_seen(active)
        )

    async def fire(
        self, entry_id: str, request: FlattenRequested, accepted: ArmAccepted, *, cooldown_ms: int
    ) -> Written | Changed:
        """Turn the arm into its request, if Redis still holds what the gates saw (I1, I4)."""
        arm = request.arm
        record = ArmRecord(
            outcome=ArmOutcome.FIRED,
            request_id=request.request_id,
            entry_id=entry_id,
            at_ms=request.requested_at_ms,
        )
        request_fields = self._fields(request, arm.account, request.request_id, request.requested_at_ms)
        audit_entry = self._audited(accepted, arm.account, f"{request.request_id}:accepted", accepted.decided_at_ms)
        keys = self._keys
        args: list[str | int] = [arm.arm_id, entry_id, GOVERNOR_GROUP]
        args += [arm.issued_at_ms, arm.expires_at_ms, ISSUED_AHEAD_MAX_MS, cooldown_ms, ACTIVE_TTL_S]
        args += [request.request_id, write_record(record), len(request_fields), *request_fields, *audit_entry]
        reply = await self._run(
            _FIRE, (keys.arm, keys.fired, keys.last_ts, keys.active, self._arms, self._requests, *self._audit), args
        )
        return _written_or_changed(reply)

    async def refuse(self, entry_id: str, account: str, refused: ArmRefused, seen: Seen) -> Written | Changed:
        """Use the arm up, with every reason. `seen` is its record when it was judged: a disarmed arm stays disarmed."""
        outcome = ArmOutcome.REFUSED if seen.value is None else ArmOutcome.DISARMED
        record = ArmRecord(outcome=outcome, entry_id=entry_id, at_ms=refused.decided_at_ms)
        event_id = f"{self.request_id(refused.arm_id)}:refused"
        entry = self._audited(refused, account, event_id, refused.decided_at_ms)
        reply = await self._run(
            _REFUSE,
            (self._keys.arm, self._keys.fired, self._arms, *self._audit),
            (refused.arm_id, entry_id, GOVERNOR_GROUP, seen.value or "", write_record(record), *entry),
        )
        return _written_or_changed(reply)

    async def wait(
        self, entry_id: str, account: str, awaiting: ArmAwaitingApproval, seen: Seen
    ) -> Written | Changed | AlreadyHandled:
        """Say that the arm needs signatures of more people. The arm stays as it is: it is not used up."""
        event_id = f"{self.request_id(awaiting.arm_id)}:awaiting:{entry_id}"
        entry = self._audited(awaiting, account, event_id, awaiting.seen_at_ms)
        reply = await self._run(
            _AWAIT,
            (self._keys.fired, self._arms, *self._audit),
            (awaiting.arm_id, entry_id, GOVERNOR_GROUP, seen.value or "", *entry),
        )
        return AlreadyHandled() if reply[0] == b"handled" else _written_or_changed(reply)

    async def repeat(self, entry_id: str, account: str, repeated: ArmRepeated) -> Written | AlreadyHandled:
        """Say once that a decided arm came again in another entry."""
        event_id = f"{self.request_id(repeated.arm_id)}:repeated:{entry_id}"
        entry = self._audited(repeated, account, event_id, repeated.seen_at_ms)
        reply = await self._run(_REPEAT, (self._arms, *self._audit), (entry_id, GOVERNOR_GROUP, *entry))
        return AlreadyHandled() if reply[0] == b"handled" else Written(reply[1].decode())

    async def acknowledge(self, entry_id: str) -> None:
        """The entry is the one that was decided before: nothing is left to do."""
        await self._guard(raw(self._redis, "XACK", self._arms, GOVERNOR_GROUP, entry_id))

    async def disarm(
        self, entry_id: str, disarm: DisarmRequested, disarmed: ArmDisarmed, seen: Seen
    ) -> Written | Changed | AlreadyHandled:
        """Take the arm back, unless it was decided before: then only tell."""
        record = ArmRecord(outcome=ArmOutcome.DISARMED, at_ms=disarmed.disarmed_at_ms)
        event_id = f"{self.request_id(disarm.arm_id)}:disarmed:{entry_id}"
        entry = self._audited(disarmed, disarm.account, event_id, disarmed.disarmed_at_ms)
        reply = await self._run(
            _DISARM,
            (self._keys.arm, self._keys.fired, self._arms, *self._audit),
            (disarm.arm_id, entry_id, GOVERNOR_GROUP, seen.value or "", write_record(record), *entry),
        )
        return AlreadyHandled() if reply[0] == b"handled" else _written_or_changed(reply)

    def _fields(self, event: Event, account: str, event_id: str, time_ms: int) -> list[str]:
        return entry_fields(event, source=SOURCE, subject=account, event_id=event_id, time_ms=time_ms)

    def _audited(self, event: Event, account: str, event_id: str, time_ms: int) -> list[str | int]:
        return chained(self._fields(event, account, event_id, time_ms))

    async def _run(self, script: Script, keys: Sequence[str], args: Sequence[str | int]) -> list[Any]:
        reply: list[Any] = await self._guard(script.run(self._redis, keys, args))
        return reply

    async def _guard(self, call: Awaitable[T]) -> T:
        """Nothing that Redis says now is final: the entry stays pending, and the next delivery decides again."""
        try:
            return await call
        except ResponseError as error:
            raise RetryableError(f"Redis refuses to decide an arm of {self._keys.namespace}: {error}") from error
        except (RedisError, OSError) as error:
            raise RetryableError(f"Redis did not answer while an arm was decided: {error}") from error


def _seen(reply: Sequence[Any]) -> Seen:
    kind, *rest = reply
    if not rest:
        return Seen()
    text = rest[0].decode(errors="backslashreplace")
    return Seen(value=text) if kind == 1 else Seen(problem=text)


def _written_or_changed(reply: Sequence[bytes]) -> Written | Changed:
    word, text = reply
    return Changed(text.decode()) if word == b"changed" else Written(text.decode())
