"""What the governor exposes: counters of this process, and gauges that remember."""

from pathlib import Path

import aiohttp

from contracts.arming import ArmAccepted, ArmRefused
from contracts.positions import AllocationStateChanged
from runtime.redis_client import raw
from support.governing import a_governor, complete, show, wait_metrics
from support.operator import Operator
from support.redis_server import RedisServer
from support.snapshots import a_snapshot, leg


async def test_the_counters_of_the_check_keep_their_names(
    operator: Operator, redis_url: str, namespace: str, latch: Path
) -> None:
    async with a_governor(redis_url, namespace, latch) as governor:
        await governor.wait_ready()
        assert "gov_snapshot_age_seconds +Inf" in await governor.metrics()
        await show(operator, a_snapshot(leg()))
        await operator.wait_for(AllocationStateChanged)

        lines = await wait_metrics(
            governor,
            'gov_p29_checked_total{symbol="ETHUSDT"} 1.0',
            'gov_p29_missing_total{symbol="ETHUSDT"} 1.0',
        )

    assert 'gov_p29_block_total{symbol="ETHUSDT"} 0.0' in lines
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

        await wait_metrics(
            governor,
            "gov_testnet_flatten_orders_total 44.0",
            "gov_testnet_flatten_errors_total 1.0",
            "gov_testnet_flatten_attempt_total 2.0",
            "gov_testnet_flatten_noop_total 1.0",
        )

    async with a_governor(redis_url, namespace, latch) as restarted:
        await restarted.wait_ready()
        lines = await wait_metrics(
            restarted,
            'gov_last_flatten_verdict{verdict="flat_except_dust"} 1.0',
            without=[
                'gov_last_arm_decision_timestamp_seconds{decision="accepted"} 0.0',
                'gov_last_arm_decision_timestamp_seconds{decision="refused"} 0.0',
            ],
        )

    assert "gov_testnet_flatten_orders_total 0.0" in lines
    assert 'gov_last_flatten_verdict{verdict="flat"} 0.0' in lines
    assert 'gov_last_flatten_positions{stage="filtered"} 44.0' in lines
    assert 'gov_last_flatten_orders{result="errors"} 1.0' in lines
    assert "gov_last_flatten_timestamp_seconds 1.7695714815e+09" in lines
    assert "gov_last_flatten_residual_usd 0.5" in lines
    assert 'gov_last_arm_decision_timestamp_seconds{decision="disarmed"} 0.0' in lines


async def test_the_gates_are_shown_without_an_arm_and_as_they_stand_now(
    operator: Operator, redis_url: str, namespace: str, latch: Path
) -> None:
    async with a_governor(redis_url, namespace, latch) as governor:
        await governor.wait_ready()
        judged = ("environment", "force_flag", "confirm_phrase", "ess_latch", "cooldown", "no_run_in_flight")
        lines = await wait_metrics(governor, *(f'gov_gate_passes{{gate="{gate}"}} 1.0' for gate in judged))
        assert "gov_cooldown_left_seconds 0.0" in lines
        assert "gov_run_in_flight_timestamp_seconds 0.0" in lines

        await operator.arm("arm-1")
        await operator.wait_for(ArmAccepted)
        lines = await wait_metrics(
            governor, 'gov_gate_passes{gate="cooldown"} 0.0', 'gov_gate_passes{gate="no_run_in_flight"} 0.0'
        )
        assert "gov_cooldown_left_seconds 0.0" not in lines
        accepted_at_s = float(await raw(operator.redis, "GET", operator.keys.last_ts))
        (since,) = (line for line in lines if line.startswith("gov_run_in_flight_timestamp_seconds "))
        assert float(since.split()[1]) == accepted_at_s

        await operator.finish()
        await raw(operator.redis, "DEL", operator.keys.last_ts)
        latch.unlink()
        await wait_metrics(
            governor,
            'gov_gate_passes{gate="ess_latch"} 0.0',
            'gov_gate_passes{gate="cooldown"} 1.0',
            'gov_gate_passes{gate="no_run_in_flight"} 1.0',
        )


async def test_gates_that_rest_on_redis_refuse_while_it_does_not_answer(
    own_redis: RedisServer, namespace: str, latch: Path
) -> None:
    async with a_governor(own_redis.url, namespace, latch) as governor:
        await wait_metrics(governor, 'gov_gate_passes{gate="cooldown"} 1.0', 'flatguard_check_ok{check="redis"} 1.0')

        own_redis.stop()

        lines = await wait_metrics(
            governor,
            'gov_gate_passes{gate="cooldown"} 0.0',
            'gov_gate_passes{gate="no_run_in_flight"} 0.0',
            "gov_cooldown_left_seconds NaN",
            'flatguard_check_ok{check="redis"} 0.0',
        )
        assert 'gov_gate_passes{gate="force_flag"} 1.0' in lines


async def test_a_symbol_that_is_closed_keeps_none_of_its_amounts(
    operator: Operator, redis_url: str, namespace: str, latch: Path
) -> None:
    now_s = await operator.now_ms() // 1000
    target = ("target_usd", "1820", "mode", "enforce", "confidence", "0.9", "timestamp", str(now_s))
    await raw(operator.redis, "HSET", f"{namespace}:target:ETHUSDT", *target)
    async with a_governor(redis_url, namespace, latch) as governor:
        await show(operator, a_snapshot(leg(quantity="10", mark="3136.1")))
        await wait_metrics(
            governor,
            'gov_p29_position_usd{symbol="ETHUSDT"} 31361.0',
            'gov_p29_target_usd{symbol="ETHUSDT"} 1820.0',
            'gov_p29_burst_cap_usd{symbol="ETHUSDT"} 3640.0',
            'gov_p29_verdict{symbol="ETHUSDT",verdict="breach"} 1.0',
            'gov_p29_symbols{verdict="breach"} 1.0',
        )

        await show(operator, a_snapshot(snapshot_id="snap-2"))
        lines = await wait_metrics(governor, 'gov_p29_symbols{verdict="breach"} 0.0')

    assert not [line for line in lines if line.startswith(("gov_p29_position", "gov_p29_target", "gov_p29_burst"))]
    assert not [line for line in lines if line.startswith("gov_p29_verdict{")]


async def test_a_check_that_redis_does_not_allow_is_told_and_never_stops_an_arm(
    operator: Operator, redis_url: str, namespace: str, latch: Path
) -> None:
    await raw(operator.redis, "SET", operator.keys.of(AllocationStateChanged), "not a stream")
    async with a_governor(redis_url, namespace, latch) as governor:
        await show(operator, a_snapshot(leg()))
        await governor.wait_line("P2.9 check not possible, arms are judged all the same")
        await wait_metrics(governor, "gov_p29_failing 1.0")
        await operator.arm("arm-1")
        await operator.wait_for(ArmAccepted)

        await raw(operator.redis, "DEL", operator.keys.of(AllocationStateChanged))
        await show(operator, a_snapshot(leg(), snapshot_id="snap-2"))
        await governor.wait_line("P2.9 check works again")
        await wait_metrics(governor, "gov_p29_failing 0.0")


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
