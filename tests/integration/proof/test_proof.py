"""`make proof` against a stack that runs: what holds is told, and so is what does not."""

import asyncio
import json
import re
import signal
import sys
import urllib.request
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from msgspec import Struct

from support.demo_process import Demo, is_running, ran

STUCK = "ETHUSDT"


class RunningStack(Struct, frozen=True):
    """A demo that waits, and how to reach it."""

    directory: Path
    pids: dict[str, int]
    exchange_url: str

    @property
    def latch(self) -> Path:
        return self.directory / "ESS_ON"

    @property
    def environ(self) -> dict[str, str]:
        return {"PATH": f"{self.directory / 'bin'}:/usr/bin:/bin"}

    async def flatctl(self, *arguments: str) -> tuple[int, str]:
        return await ran(str(self.directory / "bin" / "flatctl"), *arguments)

    async def prove(self, *arguments: str) -> tuple[int, str]:
        return await ran(sys.executable, "-m", "proof", *arguments, environ=self.environ)

    async def tell_simulator(self, what: str, body: object) -> None:
        request = urllib.request.Request(f"{self.exchange_url}/sim/{what}", json.dumps(body).encode(), method="POST")
        await asyncio.to_thread(urllib.request.urlopen, request)

    def program(self, name: str, script: str) -> str:
        """A command of the test's own, in place of one of the stack's."""
        command = self.directory / name
        command.write_text(f"#!/bin/sh\n{script}\n")
        command.chmod(0o700)
        return str(command)


@pytest_asyncio.fixture
async def stack(tmp_path: Path) -> AsyncIterator[RunningStack]:
    demo = await Demo(tmp_path, "--only-run").start()
    try:
        pids = await demo.pids()
        directory = Path((await demo.line(r"^   PATH=")).strip().removeprefix("PATH=").removesuffix("/bin:$PATH"))
        await demo.line(r"^stop everything:")
        address = next(line.split()[-1] for line in demo.lines if line.strip().startswith("exchange-sim"))
        yield RunningStack(directory, pids, address)
    finally:
        demo.process.terminate()
        await demo.end()
    assert demo.traces() == []


def steps(said: str) -> dict[int, str]:
    """PASS or FAIL by step."""
    return {int(number): word for word, number in re.findall(r"^(PASS|FAIL) +(\d+)  ", said, re.MULTILINE)}


async def test_all_ten_hold_over_a_restart_of_the_governor_and_everything_is_left_as_it_was(
    stack: RunningStack,
) -> None:
    code, said = await stack.prove("--yes")

    assert code == 0, said
    assert steps(said) == dict.fromkeys(range(1, 11), "PASS")
    assert said.rstrip().endswith("PROVED: all 10 steps hold.")
    assert "one request, and no other: req-" in said
    assert "44 open, $58,796.17" in said
    assert not is_running(stack.pids["governor"])
    assert not stack.latch.exists()
    assert (await stack.flatctl("verify"))[0] == 0


async def test_what_stays_open_is_told_and_the_latch_stays_set(stack: RunningStack) -> None:
    refused = {"action": "code", "code": -2022, "match": {"symbol": STUCK}, "times": 0}
    await stack.tell_simulator("faults", [refused])

    code, said = await stack.prove("--yes", "--json")

    assert code == 2, said
    warning, document = said.splitlines()[-2], json.loads(said.splitlines()[-1])
    assert document["proved"] is False
    assert {5, 9, 10} <= set(document["failed"])
    assert not {1, 2, 3, 4, 6} & set(document["failed"])
    assert warning == "proof: the latch stays set: something may be open. Look: flatctl verify"
    assert stack.latch.exists()


async def test_a_record_from_which_something_was_taken_proves_nothing(stack: RunningStack) -> None:
    directory = stack.directory
    flatctl, forged = directory / "bin" / "flatctl", directory / "forged"
    found = re.search(r"REDIS_URL=(\S+)", flatctl.read_text())
    assert found
    forge = (
        f"import redis; there = redis.Redis.from_url('{found[1]}'); key = 'quantum:gov:testnet:stream:flatten.audit'; "
        "there.xdel(key, there.xrevrange(key, count=3)[-1][0])"
    )
    forging = stack.program(
        "forging",
        f'[ "$1" = audit ] && [ ! -e {forged} ] && touch {forged} && {sys.executable} -c "{forge}"; '
        f'exec {flatctl} "$@"',
    )

    code, said = await stack.prove("--yes", "--flatctl", forging, "--restart", f"{directory}/bin/demo-restart")

    assert code == 2, said
    assert steps(said)[7] == "FAIL"
    assert re.search(r"FAIL .*broken: ", said), said


async def test_a_governor_that_was_not_restarted_proves_less(stack: RunningStack) -> None:
    code, said = await stack.prove("--yes", "--flatctl", str(stack.directory / "bin" / "flatctl"), "--restart", "false")

    assert code == 2, said
    assert [number for number, word in steps(said).items() if word == "FAIL"] == [6]
    assert is_running(stack.pids["governor"])


async def test_nothing_is_armed_where_an_early_step_does_not_hold(stack: RunningStack) -> None:
    await stack.tell_simulator("scenario", {"positions": []})

    code, said = await stack.prove("--yes")

    assert code == 2, said
    assert [number for number, word in steps(said).items() if word == "PASS"] == [1, 2, 10]
    assert "an earlier step did not hold" in said
    assert json.loads((await stack.flatctl("history", "--json"))[1])["arms"] == []
    assert not stack.latch.exists()


async def test_without_a_yes_and_without_a_terminal_nothing_happens(stack: RunningStack) -> None:
    code, said = await stack.prove()

    assert code == 3, said
    assert "environment SIM   account main   namespace quantum:gov:testnet" in said
    assert "not confirmed: nothing was armed" in said
    assert not stack.latch.exists()


async def test_interrupted_while_it_arms_it_takes_back_what_it_can_and_leaves_trading_stopped(
    stack: RunningStack,
) -> None:
    hanging = stack.program(
        "hanging",
        f'[ "$1" = arm ] && {{ echo armed >{stack.directory}/asked; exec sleep 600; }}; '
        f'exec {stack.directory}/bin/flatctl "$@"',
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "proof", "--yes", "--flatctl", hanging, "--restart", "true"), stdout=PIPE, stderr=STDOUT
    )
    assert process.stdout is not None
    while b"arm --yes" not in (line := await process.stdout.readline()):
        assert line, "it ended"
    process.send_signal(signal.SIGTERM)
    out, _ = await process.communicate()

    assert process.returncode == 128 + signal.SIGTERM, out
    assert out.decode().splitlines()[-1] == "proof: SIGTERM: not proved"
    assert "the latch stays set: something may be open" in out.decode()
    assert json.loads((await stack.flatctl("status", "--json"))[1])["armed"] is None


async def test_without_a_stack_it_says_how_to_start_one(tmp_path: Path) -> None:
    code, said = await ran(sys.executable, "-m", "proof", "--yes", environ={"PATH": str(tmp_path)})

    assert code == 1
    assert said.startswith("proof: no stack was found that runs. Start one (make run")
    assert said.count("\n") == 1
