"""The governor as it runs, on a real Redis: what becomes of an arm."""

import asyncio
import gc
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import structlog

from contracts.arming import ArmAccepted, ArmDisarmed, ArmRefused, ArmRepeated, Gate
from contracts.streams import GOVERNOR_GROUP
from contracts.vocabulary import Environment
from governor.core.record import ArmOutcome, ArmRecord, read_record, write_record
from runtime.redis_client import raw
from support.governing import Running
from support.operator import Operator


def failed(event: ArmRefused) -> list[Gate]:
    return [verdict.gate for verdict in event.gates if not verdict.passed]


async def test_i1_an_arm_published_three_times_becomes_one_request(operator: Operator, governor: Running) -> None:
    async with governor():
        await operator.arm("arm-1", times=3)
        await operator.wait_for(ArmRepeated, 2)

    (request,) = await operator.requests()
    assert request.arm.arm_id == "arm-1"
    assert [verdict.gate for verdict in request.gates] == list(Gate)
    assert all(verdict.passed for verdict in request.gates)
    assert {event.first_outcome for event in await operator.events(ArmRepeated)} == {"fired"}
    assert await operator.pending(GOVERNOR_GROUP) == 0


async def test_what_the_governor_has_loaded_is_out_of_the_garbage_collectors_way(
    operator: Operator, governor: Running
) -> None:
    gc.unfreeze()
    try:
        async with governor():
            await operator.arm("arm-1")
            await operator.wait_for(ArmAccepted)
            assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()


async def test_a_refused_arm_is_used_up_with_every_reason(operator: Operator, governor: Running, latch: Path) -> None:
    await asyncio.to_thread(latch.unlink)
    async with governor(gov_testnet_force_flatten=False, gov_testnet_force_flatten_confirm="", account="other"):
        await operator.arm("arm-1")
        (refused,) = await operator.wait_for(ArmRefused)

        assert failed(refused) == [Gate.ENVIRONMENT, Gate.FORCE_FLAG, Gate.CONFIRM_PHRASE, Gate.ESS_LATCH]
        assert len(refused.gates) == 8

        await asyncio.to_thread(latch.touch)
        await operator.publish(await operator.an_arm("arm-1"))
        await operator.wait_for(ArmRepeated)

    assert await operator.requests() == []
    assert await raw(operator.redis, "EXISTS", operator.keys.arm, operator.keys.active, operator.keys.last_ts) == 0
    record = read_record((await raw(operator.redis, "HGET", operator.keys.fired, "arm-1")).decode())
    assert record.outcome == "refused"


@pytest.mark.parametrize(
    ("gate", "settings", "arm"),
    [
        (Gate.ENVIRONMENT, {}, {"environment": Environment.DEMO}),
        (Gate.ENVIRONMENT, {"account": "other"}, {}),
        (Gate.FORCE_FLAG, {"gov_testnet_force_flatten": False}, {}),
        (Gate.CONFIRM_PHRASE, {"gov_testnet_force_flatten_confirm": "flatten now"}, {}),
        (Gate.ESS_LATCH, {"ess_latch": "file:/nowhere/ESS_ON"}, {}),
        (Gate.ESS_LATCH, {"ess_latch": "redis:test:no-such-latch"}, {}),
        (Gate.ARM_AUTHENTIC, {"operators_file": "/nowhere/operators.toml"}, {}),
        (Gate.ARM_UNUSED, {}, {"expires_at_ms": 1}),
        (Gate.ARM_UNUSED, {}, {"issued_at_ms": 99_999_999_999_999, "expires_at_ms": 99_999_999_999_999}),
    ],
)
async def test_i3_each_gate_refuses_alone_when_the_service_runs(
    operator: Operator, governor: Running, gate: Gate, settings: dict[str, object], arm: dict[str, Any]
) -> None:
    async with governor(**settings):
        await operator.arm("arm-1", **arm)
        (refused,) = await operator.wait_for(ArmRefused)

    assert failed(refused) == [gate]
    assert await operator.requests() == []


async def test_i2_an_entry_without_the_arm_key_is_refused(operator: Operator, governor: Running) -> None:
    async with governor():
        await operator.publish(await operator.an_arm("arm-1"))
        (refused,) = await operator.wait_for(ArmRefused)

    assert failed(refused) == [Gate.ARM_UNUSED]


async def test_i2_an_arm_whose_key_was_deleted_by_hand_before_it_was_judged_is_refused(
    operator: Operator, governor: Running
) -> None:
    await operator.arm("arm-1")
    await raw(operator.redis, "DEL", operator.keys.arm)

    async with governor():
        (refused,) = await operator.wait_for(ArmRefused)

    assert failed(refused) == [Gate.ARM_UNUSED]
    assert await operator.requests() == []


async def test_i2_a_disarm_that_another_governor_handles_first_refuses_the_arm(
    operator: Operator, governor: Running
) -> None:
    await operator.disarm("arm-1")
    await operator.arm("arm-1")

    async with governor():
        (disarmed,) = await operator.wait_for(ArmDisarmed)
        (refused,) = await operator.wait_for(ArmRefused)
        await operator.publish(await operator.an_arm("arm-1"))
        (repeated,) = await operator.wait_for(ArmRepeated)

    assert disarmed.first_outcome == ""
    assert failed(refused) == [Gate.ARM_UNUSED]
    assert repeated.first_outcome == "disarmed"
    assert await operator.requests() == []
    assert await raw(operator.redis, "GET", operator.keys.arm) is None


async def test_a_disarm_that_comes_too_late_changes_nothing_and_is_on_record(
    operator: Operator, governor: Running
) -> None:
    async with governor():
        await operator.arm("arm-1")
        await operator.wait_for(ArmAccepted)
        await operator.disarm("arm-1")
        (disarmed,) = await operator.wait_for(ArmDisarmed)

    assert disarmed.first_outcome == "fired"
    assert len(await operator.requests()) == 1
    record = read_record((await raw(operator.redis, "HGET", operator.keys.fired, "arm-1")).decode())
    assert record.outcome == "fired"


async def test_a_disarm_leaves_another_arm_armed(operator: Operator, governor: Running) -> None:
    await operator.disarm("arm-1")
    await operator.arm("arm-2")

    async with governor():
        (accepted,) = await operator.wait_for(ArmAccepted)

    assert accepted.arm_id == "arm-2"


async def test_a_second_arm_is_refused_while_a_run_is_in_flight_and_within_the_cooldown(
    operator: Operator, governor: Running
) -> None:
    async with governor(flatten_cooldown_seconds=Decimal(3_600)):
        await operator.arm("arm-1")
        await operator.wait_for(ArmAccepted)
        await operator.arm("arm-2")
        await operator.wait_for(ArmRefused, 1)
        await operator.finish()
        await operator.arm("arm-3")
        in_flight, too_soon = await operator.wait_for(ArmRefused, 2)

    assert failed(in_flight) == [Gate.COOLDOWN, Gate.NO_RUN_IN_FLIGHT]
    assert failed(too_soon) == [Gate.COOLDOWN]
    assert len(await operator.requests()) == 1


async def test_i4_after_the_cooldown_the_next_arm_fires(operator: Operator, governor: Running) -> None:
    async with governor():
        await operator.arm("arm-1")
        await operator.wait_for(ArmAccepted)
        await operator.finish()
        await raw(operator.redis, "INCRBY", operator.keys.last_ts, -61)
        await operator.arm("arm-2")
        await operator.wait_for(ArmAccepted, 2)

    assert [request.arm.arm_id for request in await operator.requests()] == ["arm-1", "arm-2"]


async def test_the_oracle_being_dead_is_reported_and_stops_nothing(operator: Operator, governor: Running) -> None:
    async with governor():
        await operator.arm("arm-1")
        await operator.wait_for(ArmAccepted)

    (request,) = await operator.requests()
    assert (request.snapshot_id, request.snapshot_age_ms, request.breaches) == (None, None, ())


async def test_i16_an_entry_that_was_decided_and_comes_again_is_only_acknowledged(
    operator: Operator, governor: Running
) -> None:
    (entry_id,) = await operator.arm("arm-1")
    record = ArmRecord(outcome=ArmOutcome.FIRED, request_id="req-1", entry_id=entry_id, at_ms=1)
    await raw(operator.redis, "HSET", operator.keys.fired, "arm-1", write_record(record))
    await operator.publish(await operator.an_arm("arm-2"))

    async with governor():
        (refused,) = await operator.wait_for(ArmRefused)

    assert refused.arm_id == "arm-2"
    assert await operator.events(ArmRepeated) == []
    assert await operator.requests() == []
    assert await operator.pending(GOVERNOR_GROUP) == 0


async def test_i1_a_record_that_nobody_can_read_still_means_that_the_arm_was_used(
    operator: Operator, governor: Running
) -> None:
    await operator.arm("arm-1")
    await raw(operator.redis, "HSET", operator.keys.fired, "arm-1", "{")

    async with governor():
        (repeated,) = await operator.wait_for(ArmRepeated)

    assert repeated.first_outcome == "unreadable"
    assert await operator.requests() == []


async def test_an_entry_that_is_no_arm_is_dead_lettered_and_the_next_arm_is_judged(
    operator: Operator, governor: Running
) -> None:
    await raw(operator.redis, "XADD", operator.keys.stream("flatten.arm"), "*", "hello", "world")

    async with governor():
        await operator.arm("arm-1")
        await operator.wait_for(ArmAccepted)

    assert await raw(operator.redis, "XLEN", operator.keys.stream("dead")) == 1


async def test_the_refusal_is_one_line_with_every_failed_gate(operator: Operator, governor: Running) -> None:
    with structlog.testing.capture_logs() as logs:
        async with governor(gov_testnet_force_flatten=False, gov_testnet_force_flatten_confirm="no"):
            await operator.arm("arm-1")
            await operator.wait_for(ArmRefused)

    (line,) = [line["event"] for line in logs if line["event"].startswith("ARM ")]
    assert line == (
        "ARM refused arm_id=arm-1 failed=2"
        " force_flag(observed=GOV_TESTNET_FORCE_FLATTEN=false required=true)"
        " confirm_phrase(observed=GOV_TESTNET_FORCE_FLATTEN_CONFIRM='no' required='FLATTEN_NOW')"
    )
