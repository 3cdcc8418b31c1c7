"""What the governor exposes: counters of this process, and gauges that remember."""

from pathlib import Path

import aiohttp

from contracts.arming import ArmAccepted, ArmRefused
from contracts.positions import AllocationStateChanged
from runtime.redis_client import raw
from support.governing import a_governor, complete, show, wait_metric
from support.operator import Operator
from support.snapshots import a_snapshot, leg


async def test_the_counters_of_the_check_keep_their_names(
    operator: Operator, redis_url: str, namespace: str, latch: Path
) -> None:
    async with a_governor(redis_url, namespace, latch) as governor:
        await governor.wait_ready()
        assert "gov_snapshot_age_seconds +Inf" in await governor.metrics()
        await show(operator, a_snapshot(leg()))
        await operator.wait_for(AllocationStateChanged)

        text = await wait_metric(governor, 'gov_p29_checked_total{symbol="ETHUSDT"} 1.0')

    lines = text.splitlines()
    assert 'gov_p29_block_total{symbol="ETHUSDT"} 0.0' in lines
    assert 'gov_p29_missing_total{symbol="ETHUSDT"} 1.0' in lines
    assert 'gov_p29_stale_total{symbol="ETHUSDT"} 0.0' in lines
    assert "gov_testnet_p29_enabled 1.0" in lines
    assert "gov_testnet_flatten_enabled 1.0" in lines


async def test_arms_and_runs_are_counted_and_a_restart_never_hides_a_flatten(
    operator: Operator, redis_url: str, namespace: str, latch: Path
) -> None:
    async with a_governor(redis_url, namespace, latch) as governor:
        await governor.wait_ready()
        await operator.arm("arm-1")
        await operator.wait_for(ArmAccepted)
        await operator.arm("arm-2")
        await operator.wait_for(ArmRefused)
        await complete(operator)

        text = await wait_metric(governor, "gov_testnet_flatten_orders_total 44.0")
        assert "gov_testnet_flatten_errors_total 1.0" in text
        assert "gov_testnet_flatten_attempt_total 2.0" in text
        assert "gov_testnet_flatten_noop_total 1.0" in text

    async with a_governor(redis_url, namespace, latch) as restarted:
        await restarted.wait_ready()
        text = await wait_metric(restarted, 'gov_last_flatten_verdict{verdict="flat_except_dust"} 1.0')

    lines = text.splitlines()
    assert "gov_testnet_flatten_orders_total 0.0" in lines
    assert 'gov_last_flatten_verdict{verdict="flat"} 0.0' in lines
    assert 'gov_last_flatten_positions{stage="filtered"} 44.0' in lines
    assert 'gov_last_flatten_orders{result="errors"} 1.0' in lines
    assert "gov_last_flatten_timestamp_seconds 1.7695714815e+09" in lines
    assert "gov_last_flatten_residual_usd 0.5" in lines
    assert 'gov_last_arm_decision_timestamp_seconds{decision="disarmed"} 0.0' in lines
    assert 'gov_last_arm_decision_timestamp_seconds{decision="accepted"} 0.0' not in lines
    assert 'gov_last_arm_decision_timestamp_seconds{decision="refused"} 0.0' not in lines


async def test_a_check_that_redis_does_not_allow_is_told_and_never_stops_an_arm(
    operator: Operator, redis_url: str, namespace: str, latch: Path
) -> None:
    await raw(operator.redis, "SET", operator.keys.of(AllocationStateChanged), "not a stream")
    async with a_governor(redis_url, namespace, latch) as governor:
        await show(operator, a_snapshot(leg()))
        await governor.wait_line("P2.9 check not possible, arms are judged all the same")
        await wait_metric(governor, "gov_p29_failing 1.0")
        await operator.arm("arm-1")
        await operator.wait_for(ArmAccepted)

        await raw(operator.redis, "DEL", operator.keys.of(AllocationStateChanged))
        await show(operator, a_snapshot(leg(), snapshot_id="snap-2"))
        await governor.wait_line("P2.9 check works again")
        await wait_metric(governor, "gov_p29_failing 0.0")


async def test_another_account_s_snapshots_are_told_and_ignored(
    operator: Operator, redis_url: str, namespace: str, latch: Path
) -> None:
    async with a_governor(redis_url, namespace, latch) as governor:
        await show(operator, a_snapshot(leg("FOREIGNUSDT"), account="other"))
        await governor.wait_line("snapshots of sim/other arrive in this namespace and are ignored")
        await show(operator, a_snapshot(leg(), snapshot_id="snap-2"))
        changes = await operator.wait_for(AllocationStateChanged)

    assert [change.check.symbol for change in changes] == ["ETHUSDT"]


async def test_the_snapshot_s_age_is_shown_and_never_makes_the_governor_unready(
    redis_url: str, namespace: str, latch: Path
) -> None:
    async with a_governor(redis_url, namespace, latch) as governor:
        await governor.wait_ready()
        url = await governor.http_url()
        async with aiohttp.ClientSession() as session, session.get(f"{url}/readyz") as answer:
            checks = (await answer.json())["checks"]

    assert checks["snapshot"] == {"ok": True, "why": "no snapshot so far"}


async def test_a_latch_that_cannot_be_read_makes_the_governor_unready(
    redis_url: str, namespace: str, tmp_path: Path
) -> None:
    async with a_governor(redis_url, namespace, tmp_path) as governor:
        await governor.wait_line("ESS latch is unreadable: .* is not a file")
        await governor.wait_unready()
