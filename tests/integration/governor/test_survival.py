"""What only informs (history, snapshots, P2.9) never ends the governor; what arms need makes it unready, or ends it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from prometheus_client.utils import floatToGoString
from redis.asyncio import Redis

from contracts.arming import ArmAccepted, ArmRefused, ArmRequested
from contracts.flattening import FlattenCompleted
from contracts.positions import AllocationStateChanged, PositionSnapshot
from contracts.streams import GOVERNOR_GROUP
from runtime.redis_client import raw
from support.governing import a_completed_run, a_governor, complete, show, wait_metrics
from support.operator import Operator
from support.snapshots import a_snapshot, leg

READS_THAT_INFORM = ("xread", "xrevrange", "xrange", "hgetall")


@pytest_asyncio.fixture
async def limited_url(redis: Redis, redis_url: str, namespace: str) -> AsyncIterator[str]:
    """Redis as a user sees it who may do everything but what only informs."""
    user = namespace.replace(":", "-")
    await raw(redis, "ACL", "SETUSER", user, "on", "nopass", "~*", "+@all", *(f"-{name}" for name in READS_THAT_INFORM))
    yield redis_url.replace("redis://", f"redis://{user}:any@")
    await raw(redis, "ACL", "DELUSER", user)


def lines_with(text: str, what: str) -> int:
    return sum(what in line for line in text.splitlines())


async def test_a_wrong_type_where_runs_are_recorded_is_told_once_and_arms_are_judged(
    operator: Operator, redis_url: str, namespace: str, latch: Path
) -> None:
    key = operator.keys.of(FlattenCompleted)
    await raw(operator.redis, "SET", key, "not a stream")
    async with a_governor(redis_url, namespace, latch, FLATTEN_COOLDOWN_SECONDS="0") as governor:
        await governor.wait_ready()
        await governor.wait_line(r"stream flatten\.completed: what is on record cannot be read.*WRONGTYPE")
        await wait_metrics(governor, 'gov_history_failing{stream="flatten.completed"} 1.0')
        await operator.arm("arm-1")
        (accepted,) = await operator.wait_for(ArmAccepted)
        # The other stream is followed, and each time that it is, this one was tried again.
        decided_at = floatToGoString(accepted.decided_at_ms / 1000)  # type: ignore[no-untyped-call]  # prometheus_client
        await wait_metrics(governor, f'gov_last_arm_decision_timestamp_seconds{{decision="accepted"}} {decided_at}')

        await raw(operator.redis, "DEL", key)
        await complete(operator)
        await governor.wait_line(r"stream flatten\.completed: what is on record can be read again")
        await wait_metrics(governor, 'gov_last_flatten_verdict{verdict="flat_except_dust"} 1.0')
        await wait_metrics(governor, 'gov_history_failing{stream="flatten.completed"} 0.0')

    assert lines_with(governor.text, "what is on record cannot be read") == 1


async def test_a_wrong_type_where_decisions_are_recorded_makes_unready_and_no_arm_is_lost(
    operator: Operator, redis_url: str, namespace: str, latch: Path
) -> None:
    key = operator.keys.of(ArmAccepted)
    async with a_governor(redis_url, namespace, latch) as governor:
        await governor.wait_ready()
        await raw(operator.redis, "SET", key, "not a stream")
        await governor.wait_line(r"stream flatten\.audit: what is on record cannot be read.*WRONGTYPE")
        await governor.wait_unready()
        await operator.arm("arm-1")
        await governor.wait_line("stays pending, again in .*nothing was written")
        assert await operator.pending(GOVERNOR_GROUP) == 1

        await raw(operator.redis, "DEL", key)
        await operator.wait_for(ArmAccepted)
        await governor.wait_ready()

    assert lines_with(governor.text, "what is on record cannot be read") == 1
    assert len(await operator.requests()) == 1


async def test_a_wrong_type_where_snapshots_are_is_told_once_and_arms_are_judged(
    operator: Operator, redis_url: str, namespace: str, latch: Path
) -> None:
    key = operator.keys.of(PositionSnapshot)
    await raw(operator.redis, "SET", key, "not a stream")
    async with a_governor(redis_url, namespace, latch) as governor:
        await governor.wait_ready()
        await governor.wait_line(r"stream position\.snapshot: cannot be read, trying until it can.*WRONGTYPE")
        await operator.arm("arm-1")
        await operator.wait_for(ArmAccepted)

        await raw(operator.redis, "DEL", key)
        await show(operator, a_snapshot(leg()))
        await operator.wait_for(AllocationStateChanged)

    assert lines_with(governor.text, "position.snapshot: cannot be read") == 1
    assert lines_with(governor.text, "stream position.snapshot: reading") == 1


async def test_reads_that_an_acl_forbids_are_told_once_and_arms_are_judged(
    operator: Operator, limited_url: str, namespace: str, latch: Path
) -> None:
    user = namespace.replace(":", "-")
    async with a_governor(limited_url, namespace, latch, FLATTEN_COOLDOWN_SECONDS="0") as governor:
        await governor.wait_ready()
        for stream in ("flatten.completed", "flatten.audit", "position.snapshot"):
            await governor.wait_line(rf"stream {stream}: .*cannot be read.*NoPermissionError")
        await operator.arm("arm-1")
        await operator.wait_for(ArmAccepted)
        await operator.finish()

        # The newest snapshot may be asked for, the next one may not be waited for: not ready and unready in turn.
        await raw(operator.redis, "ACL", "SETUSER", user, "+xrevrange", "+xrange")
        await governor.wait_line(r"stream position\.snapshot: cannot be read.*'xread'")
        await governor.wait_line(r"stream flatten\.audit: what is on record can be read again")
        await raw(operator.redis, "ACL", "SETUSER", user, "+xread")
        await show(operator, a_snapshot(leg()))
        await governor.wait_line(
            "P2.9 check not possible, arms are judged all the same.*(hgetall|can't run this command)"
        )
        await operator.arm("arm-2")
        await operator.wait_for(ArmAccepted, 2)

        await raw(operator.redis, "ACL", "SETUSER", user, "+hgetall")
        await show(operator, a_snapshot(leg(), snapshot_id="snap-2"))
        await operator.wait_for(AllocationStateChanged)
        await governor.wait_line("P2.9 check works again")
        governor.sigterm()
        assert await governor.wait() == 0

    # One line for each command that was missing.
    assert lines_with(governor.text, "flatten.completed: what is on record cannot be read") == 1
    assert lines_with(governor.text, "position.snapshot: cannot be read") == 2
    assert lines_with(governor.text, "stream position.snapshot: reading") == 1


async def test_numbers_beyond_all_reason_end_nothing(
    operator: Operator, redis_url: str, namespace: str, latch: Path
) -> None:
    absurd = 10**400
    await complete(operator, a_completed_run(finished_at_ms=absurd))
    await raw(
        operator.redis,
        "HSET",
        f"{namespace}:target:ETHUSDT",
        *("target_usd", "1820", "mode", "enforce", "timestamp", f"-{'9' * 30}"),
    )
    async with a_governor(redis_url, namespace, latch) as governor:
        await show(operator, a_snapshot(leg(), taken_at_ms=-absurd))
        (change,) = await operator.wait_for(AllocationStateChanged)
        await complete(operator)
        await wait_metrics(governor, 'gov_last_flatten_verdict{verdict="flat_except_dust"} 1.0')
        await governor.wait_ready()
        await operator.arm("arm-1")
        await operator.wait_for(ArmAccepted)

    assert change.check.verdict == "stale_target"


async def test_an_arm_stream_that_is_no_stream_ends_the_governor_loudly(
    operator: Operator, redis_url: str, namespace: str, latch: Path
) -> None:
    await raw(operator.redis, "SET", operator.keys.of(ArmRequested), "not a stream")
    async with a_governor(redis_url, namespace, latch) as governor:
        assert await governor.wait() == 1

    assert "governor crashed: ResponseError: WRONGTYPE" in governor.text
    assert await operator.events(ArmRefused) == []
