"""The scripts over keys of a wrong type: each writes everything or nothing, whichever key it is."""

from collections.abc import Awaitable, Callable, Mapping

import pytest
from redis.asyncio import Redis

from contracts.arming import ArmAccepted, ArmDisarmed, ArmRefused, ArmRepeated, ArmRequested, FlattenRequested
from contracts.streams import GOVERNOR_GROUP, Keys
from governor.core import decided
from governor.core.case import ArmCase, Seen
from governor.core.decided import Exposure
from governor.core.policy import judge
from governor.store import ArmStore, Changed, Written
from runtime.errors import RetryableError
from runtime.redis_client import raw
from support.arms import LATCH_SET, UNSIGNED, a_disarm, a_standing, a_wait
from support.operator import Operator

Act = Callable[[ArmStore, ArmCase, str], Awaitable[object]]

KEYS: Mapping[str, tuple[str, Callable[[Keys], str]]] = {
    "arm": ("string", lambda keys: keys.arm),
    "fired": ("hash", lambda keys: keys.fired),
    "last_ts": ("string", lambda keys: keys.last_ts),
    "active": ("string", lambda keys: keys.active),
    "arm stream": ("stream", lambda keys: keys.of(ArmRequested)),
    "request stream": ("stream", lambda keys: keys.of(FlattenRequested)),
    "audit stream": ("stream", lambda keys: keys.of(ArmAccepted)),
}
"""Every key that a script takes, with its right type."""
VALUES = {
    "string": ("SET", "x"),
    "list": ("RPUSH", "x"),
    "hash": ("HSET", "x", "y"),
    "stream": ("XADD", "*", "x", "y"),
}
WRONG = [(key, kind) for key, (right, _) in KEYS.items() for kind in VALUES if kind != right]


async def fire(store: ArmStore, case: ArmCase, entry_id: str) -> object:
    decision, request_id = judge(case), store.request_id(case.arm.arm_id)
    request = decided.requested(case, decision, request_id, Exposure())
    accepted = decided.accepted(case, decision, request_id)
    return await store.fire(entry_id, request, accepted, cooldown_ms=60_000)


async def refuse(store: ArmStore, case: ArmCase, entry_id: str) -> object:
    event = ArmRefused(arm_id=case.arm.arm_id, operator="alice", reason="", gates=(), decided_at_ms=1)
    return await store.refuse(entry_id, "main", event, Seen())


async def repeat(store: ArmStore, case: ArmCase, entry_id: str) -> object:
    event = ArmRepeated(arm_id=case.arm.arm_id, operator="alice", first_outcome="fired", seen_at_ms=1)
    return await store.repeat(entry_id, "main", event)


async def wait(store: ArmStore, case: ArmCase, entry_id: str) -> object:
    return await store.wait(entry_id, "main", a_wait(case.arm.arm_id), Seen())


async def disarm(store: ArmStore, case: ArmCase, entry_id: str) -> object:
    event = ArmDisarmed(arm_id=case.arm.arm_id, operator="alice", reason="", first_outcome="", disarmed_at_ms=1)
    return await store.disarm(entry_id, a_disarm(case.arm.arm_id), event, Seen())


TAKES_ANYWAY: Mapping[Act, set[str]] = {
    fire: set(),
    refuse: {"arm", "last_ts", "active", "request stream"},
    repeat: {"arm", "fired", "last_ts", "active", "request stream"},
    wait: {"arm", "last_ts", "active", "request stream"},
    disarm: {"arm", "last_ts", "active", "request stream"},
}
"""Keys that the script does not need; or only compares, and what is no text is not this arm."""


@pytest.mark.parametrize(("key", "wrong"), WRONG)
@pytest.mark.parametrize("act", [fire, refuse, repeat, disarm])
async def test_nothing_is_half_written(redis: Redis, operator: Operator, act: Act, key: str, wrong: str) -> None:
    store = ArmStore(redis, operator.keys)
    entry_id, case = await an_arm_in_hand(store, operator)
    await spoil(redis, KEYS[key][1](operator.keys), wrong)
    before = await everything(redis, operator.keys)

    try:
        outcome: object = await act(store, case, entry_id)
    except RetryableError as error:
        outcome = error

    if key in TAKES_ANYWAY[act]:
        assert isinstance(outcome, Written)
        assert await operator.pending(GOVERNOR_GROUP) == 0
        assert await raw(redis, "XLEN", operator.keys.of(ArmAccepted)) == 1
    else:
        assert isinstance(outcome, Changed | RetryableError)
        assert await everything(redis, operator.keys) == before


async def an_arm_in_hand(store: ArmStore, operator: Operator) -> tuple[str, ArmCase]:
    """An arm that passed every gate, its entry pending with a governor."""
    stream = operator.keys.of(ArmRequested)
    (entry_id,) = await operator.arm("arm-1")
    await raw(operator.redis, "XGROUP", "CREATE", stream, GOVERNOR_GROUP, "0", "MKSTREAM")
    await raw(operator.redis, "XREADGROUP", "GROUP", GOVERNOR_GROUP, "g1", "STREAMS", stream, ">")
    arm = await operator.an_arm("arm-1")
    case = ArmCase(arm=arm, standing=a_standing(), latch=LATCH_SET, operators=UNSIGNED, store=await store.look("arm-1"))
    assert judge(case).passed
    return entry_id, case


async def spoil(redis: Redis, key: str, wrong: str) -> None:
    """Put something of this type there."""
    await raw(redis, "DEL", key)
    command, *arguments = VALUES[wrong]
    await raw(redis, command, key, *arguments)


async def everything(redis: Redis, keys: Keys) -> dict[str, bytes | None]:
    """What every key holds, consumer groups included."""
    return {name: await raw(redis, "DUMP", key_of(keys)) for name, (_, key_of) in KEYS.items()}
