"""The scripts on a real Redis: what they write, and when they write nothing."""

from collections.abc import Awaitable, Callable

import pytest
from redis.asyncio import Redis

from contracts.arming import ArmAccepted, ArmAwaitingApproval, ArmRefused, ArmRepeated, ArmRequested, FlattenRequested
from contracts.streams import ACTIVE_TTL_S, GOVERNOR_GROUP
from governor.core import decided
from governor.core.case import ArmCase, Seen
from governor.core.decided import Exposure
from governor.core.policy import judge
from governor.core.record import ArmOutcome, ArmRecord, read_record
from governor.store import AlreadyHandled, ArmStore, Changed, Written
from runtime.errors import RetryableError
from runtime.redis_client import raw
from support.arms import LATCH_SET, UNSIGNED, a_standing, a_wait
from support.operator import Operator


@pytest.fixture
def store(redis: Redis, operator: Operator) -> ArmStore:
    return ArmStore(redis, operator.keys)


async def delivered(operator: Operator) -> None:
    """The group reads everything: entries are pending with a governor."""
    stream = operator.keys.of(ArmRequested)
    await raw(operator.redis, "XGROUP", "CREATE", stream, GOVERNOR_GROUP, "0", "MKSTREAM")
    await raw(operator.redis, "XREADGROUP", "GROUP", GOVERNOR_GROUP, "g1", "STREAMS", stream, ">")


async def a_passing_case(store: ArmStore, operator: Operator, arm_id: str = "arm-1") -> ArmCase:
    arm = await operator.an_arm(arm_id)
    case = ArmCase(arm=arm, standing=a_standing(), latch=LATCH_SET, operators=UNSIGNED, store=await store.look(arm_id))
    assert judge(case).passed
    return case


async def fire(store: ArmStore, case: ArmCase, entry_id: str, cooldown_ms: int = 60_000) -> Written | Changed:
    decision = judge(case)
    request_id = store.request_id(case.arm.arm_id)
    request = decided.requested(case, decision, request_id, Exposure())
    accepted = decided.accepted(case, decision, request_id)
    return await store.fire(entry_id, request, accepted, cooldown_ms=cooldown_ms)


async def test_firing_writes_everything_at_once(store: ArmStore, operator: Operator) -> None:
    (entry_id,) = await operator.arm("arm-1")
    await delivered(operator)
    case = await a_passing_case(store, operator)
    before_ms = await operator.now_ms()

    outcome = await fire(store, case, entry_id)

    keys = operator.keys
    left_ms = await raw(operator.redis, "PTTL", keys.active)
    passed_ms = await operator.now_ms() - before_ms
    request_id = store.request_id("arm-1")
    assert isinstance(outcome, Written)
    assert await raw(operator.redis, "GET", keys.arm) is None
    assert await raw(operator.redis, "GET", keys.active) == request_id.encode()
    assert ACTIVE_TTL_S * 1000 - passed_ms <= left_ms <= ACTIVE_TTL_S * 1000
    assert await raw(operator.redis, "TTL", keys.fired) == -1
    assert await raw(operator.redis, "TTL", keys.last_ts) == -1
    record = read_record((await raw(operator.redis, "HGET", keys.fired, "arm-1")).decode())
    assert record == ArmRecord(
        outcome=ArmOutcome.FIRED, request_id=request_id, entry_id=entry_id, at_ms=case.store.now_ms
    )
    (request,) = await operator.requests()
    assert (request.request_id, request.arm, len(request.gates)) == (request_id, case.arm, 8)
    (accepted,) = await operator.events(ArmAccepted)
    assert (accepted.arm_id, accepted.request_id) == ("arm-1", request_id)
    assert await operator.pending(GOVERNOR_GROUP) == 0


async def test_i4_the_time_of_the_last_flatten_is_whole_seconds_rounded_up(store: ArmStore, operator: Operator) -> None:
    (entry_id,) = await operator.arm("arm-1")
    case = await a_passing_case(store, operator)
    before_ms = await operator.now_ms()
    await fire(store, case, entry_id)
    after_ms = await operator.now_ms()

    last_ts = int(await raw(operator.redis, "GET", operator.keys.last_ts))

    assert -(-before_ms // 1000) <= last_ts <= -(-(after_ms + 1) // 1000)


@pytest.mark.parametrize(
    ("meanwhile", "what"),
    [
        (lambda o: raw(o.redis, "DEL", o.keys.arm), "the arm key does not hold this arm"),
        (lambda o: raw(o.redis, "SET", o.keys.arm, "arm-2"), "the arm key does not hold this arm"),
        (lambda o: raw(o.redis, "HSET", o.keys.fired, "arm-1", "{}"), "the arm is on record already"),
        (lambda o: raw(o.redis, "SET", o.keys.active, "req-other"), "a request is in flight"),
        (lambda o: raw(o.redis, "SET", o.keys.last_ts, "99999999999"), "the cooldown has begun again"),
        (lambda o: raw(o.redis, "SET", o.keys.last_ts, "nan"), "the time of the last flatten cannot be read"),
        (lambda o: raw(o.redis, "SET", o.keys.last_ts, "0x10"), "the time of the last flatten cannot be read"),
        (lambda o: raw(o.redis, "SADD", o.keys.last_ts, "x"), "the time of the last flatten cannot be read"),
        (lambda o: raw(o.redis, "SADD", o.keys.active, "x"), "a request is in flight"),
        (lambda o: raw(o.redis, "SADD", o.keys.fired, "x"), "the arm is on record already"),
    ],
)
async def test_i3_nothing_is_written_when_redis_moved_on_after_the_look(
    store: ArmStore, operator: Operator, meanwhile: Callable[[Operator], Awaitable[object]], what: str
) -> None:
    (entry_id,) = await operator.arm("arm-1")
    await delivered(operator)
    case = await a_passing_case(store, operator)
    await meanwhile(operator)

    assert await fire(store, case, entry_id) == Changed(what)

    assert await operator.requests() == []
    assert await operator.events(ArmAccepted) == []
    assert await operator.pending(GOVERNOR_GROUP) == 1


async def test_i2_an_arm_that_expires_between_look_and_firing_does_not_fire(
    store: ArmStore, operator: Operator
) -> None:
    (entry_id,) = await operator.arm("arm-1")
    case = await a_passing_case(store, operator)
    late = ArmCase(
        arm=await operator.an_arm("arm-1", expires_at_ms=case.store.now_ms),
        standing=case.standing,
        latch=case.latch,
        operators=case.operators,
        store=case.store,
    )
    decision = judge(case)
    request = decided.requested(case, decision, "req-1", Exposure())
    request = FlattenRequested(
        request_id="req-1",
        arm=late.arm,
        gates=request.gates,
        breaches=(),
        snapshot_id=None,
        snapshot_age_ms=None,
        requested_at_ms=request.requested_at_ms,
    )

    outcome = await store.fire(entry_id, request, decided.accepted(case, decision, "req-1"), cooldown_ms=0)

    assert outcome == Changed("the arm has expired")


async def test_i1_the_second_of_two_governors_that_saw_the_same_writes_nothing(
    store: ArmStore, operator: Operator
) -> None:
    (entry_id,) = await operator.arm("arm-1")
    case = await a_passing_case(store, operator)

    first, second = await fire(store, case, entry_id, cooldown_ms=0), await fire(store, case, entry_id, cooldown_ms=0)

    assert isinstance(first, Written)
    assert second == Changed("the arm is on record already")
    assert len(await operator.requests()) == 1


async def test_a_stream_of_the_wrong_type_leaves_the_arm_unused(store: ArmStore, operator: Operator) -> None:
    (entry_id,) = await operator.arm("arm-1")
    case = await a_passing_case(store, operator)
    await raw(operator.redis, "SET", operator.keys.of(FlattenRequested), "oops")

    with pytest.raises(RetryableError, match="is a string, not a stream: nothing was written"):
        await fire(store, case, entry_id)

    assert await raw(operator.redis, "GET", operator.keys.arm) == b"arm-1"
    assert await raw(operator.redis, "EXISTS", operator.keys.fired, operator.keys.last_ts, operator.keys.active) == 0


async def test_whatever_cannot_be_read_says_so(store: ArmStore, operator: Operator) -> None:
    for key in (operator.keys.arm, operator.keys.fired, operator.keys.last_ts, operator.keys.active):
        await raw(operator.redis, "SADD", key, "x")

    seen = await store.look("arm-1")

    for value in (seen.armed, seen.fired, seen.last_ts, seen.active):
        assert value.value is None
        assert "WRONGTYPE" in value.problem


async def test_a_look_at_nothing_sees_nothing(store: ArmStore) -> None:
    seen = await store.look("arm-1")

    assert (seen.armed, seen.fired, seen.last_ts, seen.active) == (Seen(), Seen(), Seen(), Seen())


async def test_a_refusal_leaves_another_arm_s_key_alone(store: ArmStore, operator: Operator) -> None:
    await operator.arm("arm-2")
    event = ArmRefused(arm_id="arm-1", operator="alice", reason="", gates=(), decided_at_ms=1)

    assert isinstance(await store.refuse("1-1", "main", event, Seen()), Written)

    assert await raw(operator.redis, "GET", operator.keys.arm) == b"arm-2"


async def test_a_refusal_of_what_was_decided_meanwhile_writes_nothing(store: ArmStore, operator: Operator) -> None:
    (entry_id,) = await operator.arm("arm-1")
    await fire(store, await a_passing_case(store, operator), entry_id)
    event = ArmRefused(arm_id="arm-1", operator="alice", reason="", gates=(), decided_at_ms=1)

    assert await store.refuse(entry_id, "main", event, Seen()) == Changed("the arm was decided meanwhile")

    assert await operator.events(ArmRefused) == []


async def test_i16_a_repeat_is_told_once_for_each_entry(store: ArmStore, operator: Operator) -> None:
    (entry_id,) = await operator.arm("arm-1")
    await delivered(operator)
    event = ArmRepeated(arm_id="arm-1", operator="alice", first_outcome="fired", seen_at_ms=1)

    first, second = await store.repeat(entry_id, "main", event), await store.repeat(entry_id, "main", event)

    assert isinstance(first, Written)
    assert second == AlreadyHandled()
    assert len(await operator.events(ArmRepeated)) == 1


async def test_i16_that_an_arm_waits_is_told_once_for_each_entry_and_changes_nothing(
    store: ArmStore, operator: Operator
) -> None:
    (entry_id,) = await operator.arm("arm-1")
    await delivered(operator)

    first, second = [await store.wait(entry_id, "main", a_wait(), Seen()) for _ in range(2)]

    assert isinstance(first, Written)
    assert second == AlreadyHandled()
    assert len(await operator.events(ArmAwaitingApproval)) == 1
    assert await operator.pending(GOVERNOR_GROUP) == 0
    assert (await store.look("arm-1")).armed == Seen(value="arm-1")
    assert (await store.look("arm-1")).fired == Seen()


async def test_an_arm_that_was_decided_meanwhile_is_not_told_to_wait(store: ArmStore, operator: Operator) -> None:
    (entry_id,) = await operator.arm("arm-1")
    await delivered(operator)
    await raw(operator.redis, "HSET", operator.keys.fired, "arm-1", "disarmed")

    assert await store.wait(entry_id, "main", a_wait(), Seen()) == Changed("the arm was decided meanwhile")

    assert await operator.events(ArmAwaitingApproval) == []
    assert await operator.pending(GOVERNOR_GROUP) == 1
