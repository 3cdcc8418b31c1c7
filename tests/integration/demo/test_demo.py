"""The demo as a user runs it: it proves what it says, and leaves nothing behind."""

import asyncio
import json
import os
import re
import shlex
import signal
import sys
from asyncio.subprocess import PIPE
from decimal import Decimal
from pathlib import Path

import pytest

from demo.redis_binary import find_redis
from support.demo_process import SERVICES, TIMEOUT_S, Demo, is_running, shell
from support.redis_local import version_in
from support.terminal import in_a_terminal

COLUMNS = 110
COLUMNS_USUAL = 80
FLATTEN = ("flatctl ess activate", "flatctl arm --wait")
FUNNEL = "seen=674 nonzero=44 filtered=44 sent=44 ok=44 errors=0 verdict=flat"


async def test_it_flattens_the_incident_and_proves_it(started: list[Demo], tmp_path: Path) -> None:
    planted = {"EXCHANGE_API_KEY": "real-key", "REDIS_URL": "redis://127.0.0.1:1/0", "FLATTEN_TYPO": "x"}
    demo = await Demo(tmp_path, environ=planted).start()
    started.append(demo)
    pids = await demo.pids()
    code, err = await demo.end()
    said = "\n".join(demo.lines)

    assert (code, err) == (0, ""), said
    assert demo.lines[-1] == FUNNEL
    assert f"\n   {await redis_that_it_takes()}\n" in said
    assert "P2.9 verdicts: breach 1, " in said
    assert re.search(r"P2\.9 ETHUSDT position=\$31361\.00 .* verdict=breach ratio=17\.23", said)
    assert said.count("PASS") > 10
    assert "FAIL" not in said
    assert "exchange: 674 symbols, 44 open" in said
    assert max(len(line) for line in demo.lines if str(tmp_path) not in line) <= COLUMNS
    assert not any(map(is_running, pids.values()))


async def redis_that_it_takes() -> str:
    found = find_redis()
    assert found is not None
    program, origin = found
    _, said = await shell(f"{shlex.quote(str(program))} --version")
    return f"{'Valkey' if 'valkey' in origin else 'Redis'} {version_in(said)}, {origin}"


@pytest.mark.parametrize(
    ("number", "code", "moment"),
    [
        (signal.SIGINT, 130, "Flatguard demo"),
        (signal.SIGHUP, 129, "The trio is up"),
        (signal.SIGINT, 130, "run started by"),
        (signal.SIGTERM, 143, "run started by"),
        (signal.SIGQUIT, 131, "run started by"),
    ],
    ids=str,
)
async def test_a_signal_ends_it_and_leaves_nothing(
    started: list[Demo], tmp_path: Path, number: signal.Signals, code: int, moment: str
) -> None:
    demo, ended, err = Demo(tmp_path), 0, ""
    while (ended, err) == (0, ""):  # a demo that came to its good end before the signal did is no case of this test
        demo = await Demo(tmp_path).start()
        started.append(demo)
        await demo.line(moment)
        demo.process.send_signal(number)
        ended, err = await demo.end()

    assert (ended, err.splitlines()[0]) == (code, f"demo: {number.name}: stopping everything")
    assert demo.traces() == []


@pytest.mark.parametrize("name", ["redis", "exchange-sim", "governor"])
async def test_a_program_that_dies_is_told_and_leaves_nothing(started: list[Demo], tmp_path: Path, name: str) -> None:
    demo = await Demo(tmp_path, "--only-run").start()
    started.append(demo)
    pids = await demo.pids()
    os.kill(pids[name], signal.SIGKILL)

    code, err = await demo.end()
    assert code == 1
    assert f"demo: {name} (pid {pids[name]}) ended with signal SIGKILL; its last words:" in err
    assert not any(map(is_running, pids.values()))
    assert demo.traces() == []


async def test_running_the_trio_says_how_to_flatten_and_ctrl_c_is_a_good_end(
    started: list[Demo], tmp_path: Path
) -> None:
    demo = await Demo(tmp_path, "--only-run").start()
    started.append(demo)
    pids = await demo.pids()
    path = (await demo.line(r"^   PATH=")).strip()
    await demo.line("Ctrl-C here")
    commands = told(demo.lines)
    assert commands[:5] == ["flatctl status", "flatctl positions", *FLATTEN, "demo-reset"]
    assert commands[5] == "flatctl watch"

    _, plan = await shell(f"{path}; flatctl plan --json")
    notional = f"{Decimal(json.loads(plan)['notional_usd']):.0f}"
    for command in commands:
        code, said = await shell(f"{path}; echo main {notional} | {command}")
        assert code == 0, (command, said)
        assert command != FLATTEN[-1] or "STILL OPEN: nothing" in said
    demo.process.send_signal(signal.SIGINT)
    assert (await demo.end())[0] == 0
    assert not any(map(is_running, pids.values()))


async def test_kept_everything_stays_and_every_command_that_it_tells_works_as_it_stands(tmp_path: Path) -> None:
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    seen = await in_a_terminal(sys.executable, "-m", "demo", "--keep", environ=environ, columns=COLUMNS_USUAL, rows=40)
    lines = seen.text.split("\n")
    commands = told(lines)
    (path,) = (line.strip() for line in lines if line.startswith("   PATH="))
    said = {}
    try:
        assert seen.code == 0, seen.text
        assert FUNNEL in lines
        assert max(len(line) for line in lines if str(tmp_path) not in line) <= COLUMNS_USUAL
        assert commands[:5] == ["flatctl status", "flatctl positions", "demo-reset", *FLATTEN]
        assert (commands[5], commands[-1]) == ("flatctl watch", "demo-stop")
        # Not armed again: the cooldown would have to be waited for.
        tried = [command for command in commands[:-1] if command != FLATTEN[-1]]
        for command in (*tried, "flatctl positions"):
            code, said[command] = await shell(f"{path}; {command}")
            assert code == 0, (command, said[command])
    finally:
        code, stopped = await shell(f"{path}; demo-stop")

    assert "44 positions are open again" in said["demo-reset"]
    assert "674 symbols, 44 open" in said["flatctl positions"]
    assert code == 0
    assert f"stopped: {', '.join(reversed(SERVICES))}; removed " in stopped
    assert Demo(tmp_path).traces() == []


def told(lines: list[str]) -> list[str]:
    """The commands that it prints at its end, each from a line of its own."""
    rest = lines[lines.index("look:") :]
    return [line.strip() for line in rest if re.match(r" {3}(flatctl|redis-cli|demo-[a-z]+)( |$)", line)]


@pytest.mark.parametrize("option", ["--stop", "--reset"])
async def test_going_back_to_what_is_not_there_is_one_line(tmp_path: Path, option: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "demo", option, str(tmp_path)), stdout=PIPE, stderr=PIPE
    )
    _, err = await process.communicate()

    assert process.returncode == 1
    assert err.decode().startswith(f"demo: {option} {tmp_path}: no demo was left running there")
    assert tmp_path.exists()


@pytest.mark.parametrize("how", [">&-", "| head -n 1 >/dev/null"])
async def test_with_nobody_reading_it_still_proves_and_cleans_up(started: list[Demo], tmp_path: Path, how: str) -> None:
    command = f"set -o pipefail; {shlex.quote(sys.executable)} -m demo {how}"
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", command, env={**os.environ, "TMPDIR": str(tmp_path)}, stderr=PIPE
    )
    async with asyncio.timeout(TIMEOUT_S):
        _, err = await process.communicate()

    assert (process.returncode, err.decode()) == (0, "")
    assert Demo(tmp_path).traces() == []


async def test_a_narrow_terminal_does_not_break_it(tmp_path: Path) -> None:
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    seen = await in_a_terminal(sys.executable, "-m", "demo", environ=environ, columns=44, rows=10)

    assert seen.code == 0, seen.text
    assert FUNNEL in " ".join(seen.text.split())
    assert max(len(line) for line in seen.text.split("\n") if not line.startswith("$ flatctl ")) <= 44
    assert Demo(tmp_path).traces() == []


async def test_without_any_redis_one_line_says_how_to_get_one(tmp_path: Path) -> None:
    program = (
        "import demo.redis_binary as found; found.find_spec = lambda name: None; import demo.main as demo; demo.main()"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program), env={"PATH": str(tmp_path), "TMPDIR": str(tmp_path)}, stdout=PIPE, stderr=PIPE
    )
    _, err = await process.communicate()

    assert process.returncode == 1
    assert err.decode().startswith("demo: no Redis server on this machine: install redis-server or valkey-server")
    assert err.decode().count("\n") == 1
    assert Demo(tmp_path).traces() == []
