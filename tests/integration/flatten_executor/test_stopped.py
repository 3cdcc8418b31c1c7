"""What once stopped a run stops it for good: a crash, and a latch that is set again meanwhile, change nothing (I3)."""

from pathlib import Path

from contracts.flattening import RunStarted, RunVerdict
from support.crash_points import CrashPoints
from support.processes import ServiceProcess
from support.requester import Requester
from support.scenes import ETH, POSITIONS
from support.sim import Simulator


async def test_a_run_that_was_refused_for_the_latch_stays_refused_when_it_is_set_after_a_crash_i3(
    sim: Simulator, env: dict[str, str], governor: Requester, latch: Path
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults({"action": "hang", "match": POSITIONS, "times": 0})
    latch.unlink()
    async with ServiceProcess("flatten_executor.main", env) as first:
        await first.wait_ready()
        await governor.request()
        await governor.wait_for(RunStarted)
        first.sigkill()
        await first.wait()
    latch.touch()
    await sim.clear_faults()

    async with ServiceProcess("flatten_executor.main", env):
        completed = await governor.verdict()

    assert completed.verdict is RunVerdict.ABORTED
    assert "latch is not set" in completed.abort_reason
    assert await sim.orders() == []


async def test_a_latch_that_was_cleared_in_the_middle_stays_so_for_the_run_after_a_crash_i3(
    sim: Simulator, env: dict[str, str], governor: Requester, latch: Path
) -> None:
    await sim.scenario(positions=[ETH], book=[{"symbol": "ETHUSDT", "qty": "0.5", "replenish": True}])
    await sim.faults({"action": "hang", "match": {**POSITIONS, "nth": 2}, "times": 0})
    async with ServiceProcess("flatten_executor.main", env) as first:
        await first.wait_ready()
        request = await governor.request()
        await sim.wait(orders=1)
        latch.unlink()
        await first.wait_line("FLATTEN stops sending")
        await governor.until_on_record(request.request_id, "stopped")
        first.sigkill()
        await first.wait()
    latch.touch()
    await sim.clear_faults()

    async with ServiceProcess("flatten_executor.main", env):
        completed = await governor.verdict()

    assert completed.verdict is RunVerdict.ABORTED
    assert "no longer set" in completed.abort_reason
    assert len(await sim.orders()) == 1


async def test_a_latch_that_is_cleared_after_everything_was_closed_takes_nothing_from_the_verdict(
    sim: Simulator, env: dict[str, str], points: CrashPoints, governor: Requester, latch: Path
) -> None:
    await sim.scenario(positions=[ETH])
    await governor.request()
    first = await points.start(env, at="before finish")
    await first.ended()
    latch.unlink()

    await points.start(env)
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert "nothing was left to do" in completed.notes[0]
    assert "latch is not set" in completed.notes[0]
    assert (completed.counts.ok, len(await sim.orders())) == (1, 1)
