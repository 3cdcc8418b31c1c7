"""A drill is a whole flatten that touches nothing of the real account, and leaves nothing but its result."""

import json
import signal
from contextlib import suppress
from pathlib import Path

import pytest
from redis.asyncio import Redis

from contracts.drills import DrillCompleted, DrillOutcome, DrillStarted
from contracts.flattening import RunVerdict
from contracts.vocabulary import Environment
from runtime.redis_client import raw
from support.drilling import ETH, Drill, everything_in, keys_below
from support.flatctl_process import Flatctl
from support.run_events import whole_run
from support.scribe import Scribe
from support.sim import Simulator


@pytest.fixture
def drill(scribe: Scribe, redis_url: str, tmp_path: Path) -> Drill:
    return Drill(scribe, redis_url, tmp_path)


async def test_a_drill_flattens_the_incident_and_puts_every_step_on_record(drill: Drill) -> None:
    code, said = await drill.held("--reason", "every Monday")
    started, completed = await drill.record()

    assert code == 0, said
    assert "ACCEPTED by all 8 gates" in said
    assert "DRILL GOOD: seen=674 nonzero=44 filtered=44 sent=44 ok=44 errors=0 verdict=flat" in said.splitlines()[-1]
    assert (started.operator, started.reason, started.drill_id) == ("alice", "every Monday", completed.drill_id)
    assert (completed.outcome, completed.verdict) == (DrillOutcome.FLAT, RunVerdict.FLAT)
    assert (completed.verified, completed.detail) == ("flat", "")
    assert completed.counts is not None
    assert (completed.counts.nonzero, completed.counts.ok) == (44, 44)
    assert all(gate.passed for gate in completed.gates)
    assert len(completed.gates) == 8
    assert "signed by alice" in " ".join(gate.observed for gate in completed.gates)
    assert completed.timings is not None
    times = completed.times
    assert None not in (times.ready_ms, times.decided_ms, times.verdict_ms, times.verified_ms)
    assert (times.decided_ms or 0) <= (times.verdict_ms or 0)
    assert completed.started_at_ms <= completed.timings.armed_at_ms <= completed.finished_at_ms < started.ends_before_ms
    assert await drill.left() == []


async def test_json_is_the_record_and_nothing_else(flatctl: Flatctl, drill: Drill) -> None:
    said = await flatctl("drill", "--json")
    _, completed = await drill.record()

    assert said.code == 0, said
    (line,) = said.out.splitlines()
    assert json.loads(line)["drill_id"] == completed.drill_id
    assert json.loads(line)["outcome"] == "flat"
    assert said.err == ""


async def test_with_the_settings_of_a_real_stack_nothing_of_its_account_is_touched(
    drill: Drill, redis: Redis, tmp_path: Path
) -> None:
    scribe, stream = drill.scribe, drill.scribe.keys.of(DrillCompleted)
    await scribe.tell(*whole_run())
    await raw(redis, "SET", scribe.keys.arm, "an-arm-of-somebody")
    async with Simulator("--scenario", "incident") as real:
        drill.env |= {
            "ACCOUNT": "treasury",
            "EXCHANGE_ENV": "demo",
            "EXCHANGE_BASE_URL": real.base_url,
            "EXCHANGE_API_KEY": real.api_key,
            "EXCHANGE_API_SECRET": real.api_secret,
            "OPERATORS_FILE": str(tmp_path / "nobody-reads-this"),
            "GOV_TESTNET_FORCE_FLATTEN": "false",
            "FLATTEN_COOLDOWN_SECONDS": "86400",
        }
        before, open_before = await everything_in(redis, scribe.keys.namespace), await real.positions()
        code, said = await drill.held()

        assert code == 0, said
        assert "Account treasury is NOT touched" in said
        assert await real.requests() == []
        assert await real.positions() == open_before
    after = await everything_in(redis, scribe.keys.namespace)
    del after[stream]
    assert after == before
    assert not (tmp_path / "the-real-latch").exists()
    started, completed = await drill.record()
    assert (started.environment, completed.environment, completed.account) == (
        *(Environment.DEMO, Environment.DEMO),
        "treasury",
    )


async def test_a_residual_is_a_drill_that_is_not_good(drill: Drill) -> None:
    scenario = drill.scenario(positions=[ETH], book=[{"symbol": "ETHUSDT", "qty": "3"}])
    code, said = await drill.held("--scenario", scenario)
    _, completed = await drill.record()

    assert code == 2, said
    assert "STILL OPEN: 1 positions" in said
    assert "DRILL NOT GOOD: residual: verdict not_flat, read again: open; STILL OPEN: ETHUSDT" in said.splitlines()[-1]
    assert (completed.outcome, completed.verdict, completed.verified) == (
        DrillOutcome.RESIDUAL,
        RunVerdict.NOT_FLAT,
        "open",
    )
    assert completed.scenario == "scenario.json"
    assert await drill.left() == []


async def test_the_executors_limits_are_practised_too(drill: Drill) -> None:
    drill.env["MAX_FLATTEN_SYMBOLS"] = "10"
    code, said = await drill.held()
    _, completed = await drill.record()

    assert code == 2, said
    assert completed.verdict is RunVerdict.ABORTED
    assert "44 positions" in completed.detail


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=str)
async def test_one_that_is_stopped_in_the_middle_of_its_orders_leaves_nothing(
    drill: Drill, number: signal.Signals
) -> None:
    async with drill.process("--scenario", drill.scenario(positions=[ETH])) as process:
        await drill.hangs_at_its_orders()
        await drill.order_is_waited_for()
        governor = {"governor": drill.processes()["governor.main"]}
        process.send(number)
        await drill.are_gone(governor)
        with suppress(ProcessLookupError):  # it is quicker than an impatient person
            process.send(number)
        code = await process.wait()
    _, completed = await drill.record()

    assert code == 130, process.text
    assert "DRILL NOT GOOD: interrupted" in process.text
    assert completed.outcome is DrillOutcome.INTERRUPTED
    assert await drill.left() == []


async def test_one_that_is_stopped_while_it_starts_leaves_nothing(drill: Drill) -> None:
    async with drill.process() as process:
        await drill.simulator()
        process.send(signal.SIGINT)
        code = await process.wait()

    assert code == 130, process.text
    assert await drill.left() == []


async def test_one_that_is_killed_takes_its_processes_along_and_the_next_deletes_its_keys(drill: Drill) -> None:
    async with drill.process("--scenario", drill.scenario(positions=[ETH])) as process:
        await drill.hangs_at_its_orders()
        await drill.order_is_waited_for()
        children = drill.processes()
        process.sigkill()
        await process.wait()
    await drill.are_gone(children)
    (started,) = await drill.scribe.events(DrillStarted)

    assert len(children) == 3
    assert await keys_below(drill.scribe.redis, started.namespace) != []
    assert (await drill.held("--scenario", drill.scenario(positions=[ETH])))[0] == 0
    assert (
        await keys_below(drill.scribe.redis, started.namespace) != []
    )  # it could still go on, as far as anybody knows
    await drill.its_time_is_over(started)
    code, said = await drill.held("--scenario", drill.scenario(positions=[ETH]))
    assert (code, f"{started.drill_id} was cut off" in said) == (0, True), said
    assert await keys_below(drill.scribe.redis, started.namespace) == []


async def test_a_program_that_dies_is_why_a_drill_could_not_be_held(drill: Drill) -> None:
    async with drill.process("--scenario", drill.scenario(positions=[ETH])) as process:
        await drill.hangs_at_its_orders()
        await drill.order_is_waited_for()
        drill.kill("flatten_executor.main")
        code = await process.wait()
    _, completed = await drill.record()

    assert code == 1, process.text
    assert completed.outcome is DrillOutcome.FAILED
    assert "flatten-executor (pid " in completed.detail
    assert "ended with signal SIGKILL" in completed.detail
    assert await drill.left() == []


async def test_one_without_a_position_would_show_nothing_and_is_refused(drill: Drill) -> None:
    code, said = await drill.held("--scenario", drill.scenario(positions=[]))

    assert code == 3, said
    assert "no drill: nothing is open in the simulator" in said
    assert (await drill.record())[1].outcome is DrillOutcome.REFUSED
    assert await drill.left() == []


async def test_a_scenario_that_the_simulator_does_not_understand_is_told_in_its_words(drill: Drill) -> None:
    code, said = await drill.held("--scenario", drill.scenario(positionz=[]))

    assert code == 1, said
    assert "Object contains unknown field `positionz`" in said
    assert await drill.left() == []


async def test_one_that_takes_too_long_ends(drill: Drill) -> None:
    async with drill.process("--timeout", "10", "--scenario", drill.scenario(positions=[ETH])) as process:
        await drill.hangs_at_its_orders()
        code = await process.wait()

    assert code == 4, process.text
    assert (await drill.record())[1].outcome is DrillOutcome.UNKNOWN
    assert await drill.left() == []


async def test_last_status_and_doctor_tell_of_the_last_one_and_the_last_good_one(
    flatctl: Flatctl, drill: Drill
) -> None:
    none = await flatctl("drill", "--last")
    assert none.code == 4, none
    assert "no drill is on record here; hold one: flatctl drill" in none.out
    assert "last drill        none on record" in (await flatctl("status")).out
    assert "WARNING" in row_of((await flatctl("doctor", "services")).out, "last drill")

    await drill.held("--scenario", drill.scenario(positions=[ETH]))
    good = await flatctl("drill", "--last")
    assert good.code == 0, good
    assert row_of((await flatctl("doctor", "services")).out, "last drill").startswith("ok")

    await drill.held("--scenario", drill.scenario(positions=[]))
    bad = await flatctl("drill", "--last")
    assert bad.code == 3, bad
    assert "last GOOD drill, drill-" in bad.out
    assert "refused, " in row_of((await flatctl("status")).out, "last drill")
    assert "WARNING" in row_of((await flatctl("doctor", "services")).out, "last drill")
    found = json.loads((await flatctl("drill", "--last", "--json")).out)
    assert (found["last"]["outcome"], found["last_good"]["outcome"]) == ("refused", "flat")


async def test_without_redis_nothing_is_started(drill: Drill) -> None:
    drill.env["REDIS_URL"] = "redis://127.0.0.1:1/0"
    code, said = await drill.held()

    assert code == 1, said
    assert "cannot be reached" in said
    assert await drill.left() == []


def row_of(table: str, name: str) -> str:
    return next(line for line in table.splitlines() if name in line)
