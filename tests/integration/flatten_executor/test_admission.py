"""Requests that must not flatten, and requests that must not flatten twice."""

from pathlib import Path
from typing import Any

import pytest

from contracts.arming import Gate, GateVerdict
from contracts.flattening import FlattenCompleted, RunVerdict
from runtime.redis_client import raw
from support.arms import an_arm
from support.processes import ServiceProcess
from support.requester import Requester
from support.scenes import POSITIONS
from support.sim import Simulator


async def refused(governor: Requester, sim: Simulator) -> FlattenCompleted:
    completed = await governor.verdict()
    assert completed.verdict is RunVerdict.ABORTED
    assert await sim.orders() == []
    assert completed.counts.nonzero == 44, "what is open is reported all the same"
    assert len(completed.residual) == 44
    assert await governor.unacknowledged() == 0
    return completed


async def test_a_request_that_the_governor_never_fired_sends_nothing_i3(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await governor.publish_request(await governor.a_request("forged"))

    completed = await refused(governor, sim)

    assert "the governor's record says that the arm fired None" in completed.abort_reason


async def test_without_the_latch_nothing_is_sent_i3(
    sim: Simulator, executor: ServiceProcess, governor: Requester, latch: Path
) -> None:
    latch.unlink()

    await governor.request()

    assert "the ESS latch is not set" in (await refused(governor, sim)).abort_reason


async def test_an_old_request_sends_nothing(sim: Simulator, executor: ServiceProcess, governor: Requester) -> None:
    await governor.request(requested_at_ms=await governor.now_ms() - 121_000)

    assert "more than 120000" in (await refused(governor, sim)).abort_reason


@pytest.mark.parametrize(("field", "value"), [("account", "other"), ("environment", "live")])
async def test_a_request_for_another_account_or_environment_sends_nothing(
    sim: Simulator, executor: ServiceProcess, governor: Requester, field: str, value: Any
) -> None:
    arm = an_arm("arm-1", **{field: value})

    await governor.request(arm=arm)

    assert f"the request is for {field}" in (await refused(governor, sim)).abort_reason


async def test_a_request_with_a_failed_or_missing_gate_sends_nothing_i3(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    verdicts = [
        GateVerdict(gate=gate, passed=gate is not Gate.COOLDOWN, observed="", required="")
        for gate in Gate
        if gate is not Gate.ESS_LATCH
    ]

    await governor.request(gates=tuple(verdicts))

    reason = (await refused(governor, sim)).abort_reason
    assert "gates failed: cooldown" in reason
    assert "no verdict of ess_latch" in reason


async def test_while_another_request_is_in_flight_nothing_is_sent(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    request = await governor.a_request("arm-2")
    await raw(governor.redis, "SET", governor.keys.active, "req-other")
    await governor.mark_fired(request)

    await governor.publish_request(request)

    assert "'req-other' is in flight" in (await refused(governor, sim)).abort_reason
    assert await raw(governor.redis, "GET", governor.keys.active) == b"req-other"


async def test_a_request_delivered_three_times_is_one_run_i16(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    request = await governor.request()
    await governor.publish_request(request)
    await governor.publish_request(request)
    await governor.verdict()

    await executor.wait_line("repeat ignored")
    second = await executor.wait_line(
        "repeat ignored", after=executor.lines.index(await executor.wait_line("repeat")) + 1
    )

    assert second
    assert len(await governor.events(FlattenCompleted)) == 1
    assert len(await sim.orders()) == 44
    assert await governor.unacknowledged() == 0


async def test_a_finished_run_clears_the_request_in_flight(executor: ServiceProcess, governor: Requester) -> None:
    await governor.request()

    await governor.verdict()

    assert await raw(governor.redis, "GET", governor.keys.active) is None


async def test_a_latch_cleared_in_the_middle_stops_new_orders_and_says_what_is_open(
    sim: Simulator, executor: ServiceProcess, governor: Requester, latch: Path
) -> None:
    await sim.scenario(positions=[{"symbol": "ETHUSDT", "qty": "2"}])
    await sim.book("ETHUSDT", qty="1", replenish=True)
    await sim.faults({"action": "delay", "hold_ms": 600_000, "match": {**POSITIONS, "nth": 2}})

    await governor.request()
    await sim.wait(orders=1)
    latch.unlink()
    await executor.wait_line("FLATTEN stops sending")
    await sim.proceed()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.ABORTED
    assert "no longer set" in completed.abort_reason
    assert completed.residual[0].quantity == 1
    assert len(await sim.orders()) == 1
