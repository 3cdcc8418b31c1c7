"""While something takes its time a person sees what is waited for, and for how long; nobody else sees any of it."""

import re
import shlex
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from runtime.redis_client import raw
from support.flatctl_process import Flatctl
from support.run_events import accepted, started
from support.scribe import Scribe
from support.sim import Simulator
from support.terminal import Seen, in_a_terminal

FLATCTL = shlex.join((sys.executable, "-m", "flatctl.main"))
HOLD_MS = 1_500
"""How long the exchange keeps its answer back: more than the second that must be seen to pass."""
SECOND = re.compile(r"0:00:0[1-9]")


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator("--symbols", "60") as simulator:
        yield simulator


@pytest.fixture
def slow(flatctl: Flatctl, sim: Simulator) -> Flatctl:
    """Its exchange is asked for positions, and takes its time."""
    flatctl.environ |= {
        "EXCHANGE_BASE_URL": sim.base_url,
        "EXCHANGE_API_KEY": sim.read_key,
        "EXCHANGE_API_SECRET": sim.read_secret,
    }
    return flatctl


async def seen(flatctl: Flatctl, command: str) -> Seen:
    """What a shell in a terminal makes of it, with `flatctl` in it."""
    return await in_a_terminal("sh", "-c", command.replace("flatctl", FLATCTL, 1), environ=flatctl.environ, columns=160)


async def is_slow(sim: Simulator) -> None:
    await sim.faults({"action": "delay", "hold_ms": HOLD_MS, "match": {"path": "/fapi/v2/positionRisk"}})


@pytest.mark.parametrize("command", ["verify", "plan", "positions"])
async def test_reading_the_exchange_is_seen_with_the_time_it_takes(slow: Flatctl, sim: Simulator, command: str) -> None:
    await is_slow(sim)
    told = await seen(slow, f"flatctl {command}")

    assert told.code == 0, told.text
    assert re.search(r"reading .*0:00:01", told.text), told.text


async def test_it_goes_to_stderr_and_nothing_of_it_to_a_file_of_results(
    slow: Flatctl, sim: Simulator, tmp_path: Path
) -> None:
    await is_slow(sim)
    told = await seen(slow, f"flatctl verify >{tmp_path}/out")

    assert SECOND.search(told.text), told.text
    assert "reading " not in (tmp_path / "out").read_text()
    assert "FLAT" in (tmp_path / "out").read_text()


@pytest.mark.parametrize("command", ["verify", "plan", "positions", "drill"])
async def test_without_a_terminal_at_stderr_nothing_of_it_is_written(
    slow: Flatctl, sim: Simulator, tmp_path: Path, command: str
) -> None:
    await is_slow(sim)
    told = await seen(slow, f"flatctl {command} 2>{tmp_path}/err")

    assert told.code == 0, told.text
    assert (tmp_path / "err").read_text() == ""
    assert not SECOND.search(told.text)


@pytest.mark.parametrize("command", ["verify", "plan", "positions", "drill"])
async def test_json_in_a_terminal_is_only_json(slow: Flatctl, sim: Simulator, command: str) -> None:
    await is_slow(sim)
    told = await seen(slow, f"flatctl {command} --json")

    assert told.code == 0, told.text
    assert [line[0] for line in told.text.splitlines()] == ["{"]
    assert "\x1b" not in told.raw


async def test_an_arm_shows_that_it_waits_for_the_governor(flatctl: Flatctl) -> None:
    told = await seen(flatctl, "flatctl arm --yes --timeout 2")

    assert told.code == 4, told.text
    assert re.search(r"waiting for the governor's decision 0:00:01", told.text), told.text


@pytest.mark.parametrize("where", ["", "| cat"])
async def test_a_run_that_does_not_move_shows_what_it_waits_for(flatctl: Flatctl, scribe: Scribe, where: str) -> None:
    await scribe.tell(accepted())
    told = await seen(flatctl, f"flatctl watch --timeout 3 {where}")

    assert re.search(r"waiting for the executor: .*(0:00:0[12]|\([12] s\))", told.text), told.text


async def test_an_abort_shows_that_the_run_goes_on(flatctl: Flatctl, scribe: Scribe) -> None:
    await scribe.tell(accepted(), started())
    await raw(scribe.redis, "SET", scribe.keys.active, "req-1")
    told = await seen(flatctl, "flatctl abort --yes --timeout 3")

    assert told.code == 4, told.text
    assert re.search(r"reading the exchange: .*\([12] s\)", told.text), told.text


async def test_a_drill_shows_each_of_its_parts(flatctl: Flatctl) -> None:
    told = await seen(flatctl, "flatctl drill")

    assert told.code == 0, told.text
    for part in ("starting a simulator, a governor and an executor", "reading the simulator again", "ending what the"):
        assert part in told.text, told.text
    assert SECOND.search(told.text), told.text


async def test_what_is_printed_meanwhile_stands_on_lines_of_its_own(flatctl: Flatctl, scribe: Scribe) -> None:
    await scribe.tell(accepted())
    told = await seen(flatctl, "flatctl watch --timeout 5 | cat")

    assert "\nNOBODY HAS BEGUN this run for 3 s" in told.text, told.text
