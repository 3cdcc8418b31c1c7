"""Arming and disarming: what the operator's client writes, each as one transaction.

`WATCH` makes the look and the write one step: whoever changes the arm or starts a run in between makes EXEC do nothing.
"""

from collections.abc import Awaitable
from typing import Any

from msgspec import Struct
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError, WatchError
from redis.exceptions import TimeoutError as RedisTimeoutError

from authority.keys import Signer
from contracts.arming import ArmRequested, DisarmRequested, Scope
from contracts.streams import ARM_TTL_S, Keys
from contracts.vocabulary import Environment
from flatctl.exits import REFUSED, UNKNOWN, CommandFailed
from flatctl.history import last_id
from runtime import tracing
from runtime.redis_client import raw, unix_ms
from runtime.streams import entry_fields

SOURCE = "/flatguard/flatctl"
ATTEMPTS = 5


class Intent(Struct, frozen=True, kw_only=True):
    """What the operator wants; times are added by Redis's clock."""

    arm_id: str
    operator: str
    reason: str
    environment: Environment
    account: str
    scope: Scope = Scope()
    plan_hash: str = ""
    """Of the plan in the file that the operator named."""
    lifetime_s: int = ARM_TTL_S
    signer: Signer | None = None
    """Signs the arm; nothing where arms are not signed."""


class Armed(Struct, frozen=True, kw_only=True):
    """The arm is in Redis."""

    arm_id: str
    entry_id: str
    """The stream entry; empty when an earlier call had armed it."""
    audit_after: str
    """The decision comes after this entry of the audit stream; empty when it may have been made long ago."""
    expires_at_ms: int
    again: bool
    """Whether this very arm was armed, or even judged, before: a repeat is the same arm."""


class _Look(Struct, frozen=True, kw_only=True):
    now_ms: int
    armed: str | None
    active: str | None
    known: bool
    ttl_ms: int


async def arm(redis: Redis, keys: Keys, intent: Intent) -> Armed:
    """Arm once. Raises CommandFailed: refused while another arm or a run stands, unknown when the answer was lost."""
    asked = False
    for _ in range(ATTEMPTS):
        try:
            audit_after = await last_id(redis, keys.stream("flatten.audit"))
            async with redis.pipeline(transaction=True) as pipe:
                await _call(pipe.watch(keys.arm, keys.active, keys.fired))
                look = await _look(pipe, keys, intent.arm_id)
                if look.known or look.armed == intent.arm_id:
                    return _stands_already(intent.arm_id, look, again=not asked)
                _refuse(look, keys)
                asked = True
                return await _write(pipe, keys, intent, look.now_ms, audit_after)
        except WatchError:
            # Something changed, or (redis-py says it with the same word) the answer to EXEC was lost: look again.
            continue
        except (RedisConnectionError, RedisTimeoutError) as error:
            if not asked:
                raise
            raise CommandFailed(
                f"Redis did not answer the arming ({type(error).__name__}): it may be armed. Run the same command "
                f"with --arm-id {intent.arm_id} (it stays one arm), or take it back: flatctl disarm {intent.arm_id}",
                UNKNOWN,
            ) from error
    raise CommandFailed(f"not armed: {keys.arm} kept changing while it was looked at; see flatctl status", REFUSED)


async def approve(redis: Redis, keys: Keys, arm: ArmRequested) -> Armed:
    """Publish an arm again, with a signature more, while it is armed and undecided. Raises CommandFailed."""
    asked = False
    for _ in range(ATTEMPTS):
        try:
            audit_after = await last_id(redis, keys.stream("flatten.audit"))
            async with redis.pipeline(transaction=True) as pipe:
                await _call(pipe.watch(keys.arm, keys.fired))
                look = await _look(pipe, keys, arm.arm_id)
                if look.known or look.armed != arm.arm_id or look.now_ms >= arm.expires_at_ms:
                    raise CommandFailed(
                        f"not approved: {arm.arm_id} is not armed any more; see flatctl status", REFUSED
                    )
                asked = True
                with tracing.producer_span(arm.stream, message_id=arm.arm_id):
                    fields = _fields(arm, f"{arm.arm_id}:approve:{arm.signatures[-1].key_id}", look.now_ms)
                    _begin(pipe)
                    _queue(pipe, b"XADD", keys.of(ArmRequested), "*", *fields)
                    (entry_id,) = await _call(pipe.execute())
        except WatchError:
            continue  # as above: look again
        except (RedisConnectionError, RedisTimeoutError) as error:
            if not asked:
                raise
            raise CommandFailed(
                f"Redis did not answer the approval ({type(error).__name__}): it may be approved; see flatctl status",
                UNKNOWN,
            ) from error
        return Armed(
            arm_id=arm.arm_id,
            entry_id=entry_id.decode(),
            audit_after=audit_after,
            expires_at_ms=arm.expires_at_ms,
            again=False,
        )
    raise CommandFailed(f"not approved: {keys.arm} kept changing while it was looked at; see flatctl status", REFUSED)


async def disarm(redis: Redis, keys: Keys, intent: Intent) -> bool:
    """Take an arm back; returns whether it was armed. The event goes out in any case, so that the record shows it."""
    for _ in range(ATTEMPTS):
        async with redis.pipeline(transaction=True) as pipe:
            await _call(pipe.watch(keys.arm))
            look = await _look(pipe, keys, intent.arm_id)
            event = DisarmRequested(
                arm_id=intent.arm_id,
                operator=intent.operator,
                reason=intent.reason,
                environment=intent.environment,
                account=intent.account,
                issued_at_ms=look.now_ms,
            )
            holds = look.armed == intent.arm_id
            with tracing.producer_span(event.stream, message_id=intent.arm_id):
                fields = _fields(event, f"{intent.arm_id}:disarm:{look.now_ms}", look.now_ms)
                _begin(pipe)
                if holds:
                    pipe.delete(keys.arm)
                _queue(pipe, b"XADD", keys.of(DisarmRequested), "*", *fields)
                try:
                    await _call(pipe.execute())
                except WatchError:
                    continue
            return holds
    raise CommandFailed(f"not disarmed: {keys.arm} kept changing; by hand: redis-cli DEL {keys.arm}")


async def armed_now(redis: Redis, keys: Keys) -> str | None:
    """The arm id in the arm key."""
    return _text(await raw(redis, "GET", keys.arm))


def _refuse(look: _Look, keys: Keys) -> None:
    if look.active is not None:
        raise CommandFailed(
            f"not armed: run {look.active} is in flight; follow it with flatctl watch {look.active}", REFUSED
        )
    if look.armed is not None:
        raise CommandFailed(
            f"not armed: {look.armed} is armed already, for {max(0, look.ttl_ms) / 1000:.0f} s more ({keys.arm}); "
            f"wait, or take it back: flatctl disarm {look.armed}",
            REFUSED,
        )


def _stands_already(arm_id: str, look: _Look, *, again: bool) -> Armed:
    expires_at_ms = look.now_ms + max(0, look.ttl_ms) if look.armed == arm_id else look.now_ms
    return Armed(arm_id=arm_id, entry_id="", audit_after="", expires_at_ms=expires_at_ms, again=again)


async def _write(pipe: Pipeline, keys: Keys, intent: Intent, now_ms: int, audit_after: str) -> Armed:
    event = ArmRequested(
        arm_id=intent.arm_id,
        operator=intent.operator,
        reason=intent.reason,
        environment=intent.environment,
        account=intent.account,
        scope=intent.scope,
        issued_at_ms=now_ms,
        expires_at_ms=now_ms + intent.lifetime_s * 1000,
        plan_hash=intent.plan_hash,
    )
    if intent.signer is not None:
        event = intent.signer.sign(event)
    with tracing.producer_span(event.stream, message_id=intent.arm_id):
        fields = _fields(event, f"{intent.arm_id}:arm:{now_ms}", now_ms)
        _begin(pipe)
        _queue(pipe, b"SET", keys.arm, intent.arm_id, "NX", "EX", intent.lifetime_s)
        _queue(pipe, b"XADD", keys.of(ArmRequested), "*", *fields)
        try:
            was_set, entry_id = await _call(pipe.execute())
        except ResponseError as error:
            raise CommandFailed(
                f"not armed: Redis refused to write it: {_short(error)}; if {keys.arm} was set, it expires by itself"
            ) from error
    if was_set is None:
        raise CommandFailed(f"not armed: {keys.arm} was taken in the same instant; see flatctl status", REFUSED)
    return Armed(
        arm_id=intent.arm_id,
        entry_id=entry_id.decode(),
        audit_after=audit_after,
        expires_at_ms=event.expires_at_ms,
        again=False,
    )


async def _look(pipe: Pipeline, keys: Keys, arm_id: str) -> _Look:
    """The state, read inside WATCH: commands answer at once until MULTI."""
    now_ms = unix_ms(await _now(pipe, b"TIME"))
    armed = await _now(pipe, b"GET", keys.arm)
    active = await _now(pipe, b"GET", keys.active)
    known = await _now(pipe, b"HEXISTS", keys.fired, arm_id)
    ttl_ms = await _now(pipe, b"PTTL", keys.arm)
    return _Look(
        now_ms=now_ms,
        armed=_text(armed),
        active=_text(active),
        known=bool(known),
        ttl_ms=ttl_ms,
    )


async def _now(pipe: Pipeline, *command: bytes | str) -> Any:  # noqa: ANN401 - a reply has its command's shape
    return await pipe.immediate_execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py's


def _begin(pipe: Pipeline) -> None:
    pipe.multi()  # type: ignore[no-untyped-call]  # redis-py's


def _queue(pipe: Pipeline, *command: bytes | str | int) -> None:
    pipe.pipeline_execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py's


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="backslashreplace")


def _short(error: ResponseError) -> str:
    """What Redis said, without the command that redis-py puts before it."""
    return str(error).rpartition("caused error: ")[2][:200]


async def _call(awaitable: Awaitable[Any]) -> Any:  # noqa: ANN401 - as above
    return await awaitable


def _fields(event: ArmRequested | DisarmRequested, event_id: str, now_ms: int) -> list[str]:
    return entry_fields(event, source=SOURCE, subject=event.account, event_id=event_id, time_ms=now_ms)
