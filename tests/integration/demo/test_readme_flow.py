"""From a look to the proof: each command as README.md has it, typed into a shell while `make run` runs."""

import re
from decimal import Decimal
from pathlib import Path

from flatctl.plan_file import load_plan
from support.demo_process import Demo, ran
from support.terminal import in_a_terminal
from support.tree import text_of

HEADING = "### From a look to the proof\n"


def the_section() -> str:
    text = text_of("README.md")
    assert text.count(HEADING) == 1
    return re.split(r"^##", text.partition(HEADING)[2], maxsplit=1, flags=re.MULTILINE)[0]


def the_commands() -> list[str]:
    """Every line of its one console block, comments and all: a shell knows them."""
    (block,) = re.findall(r"```console\n(.*?)```", the_section(), re.DOTALL)
    lines = block.splitlines()
    assert all(line.startswith("$ flatctl ") for line in lines)
    return [line.removeprefix("$ ") for line in lines]


async def test_status_plan_arm_watch_verify_work_as_the_readme_tells_them(started: list[Demo], tmp_path: Path) -> None:
    commands = the_commands()
    assert "With `make run` in one terminal, and in another, after the `PATH=…` line" in the_section()
    assert re.search(r"^run: install .*\n\t@\S+ -m demo --only-run$", text_of("Makefile"), re.MULTILINE)
    demo = await Demo(tmp_path, "--only-run").start()
    started.append(demo)
    path = (await demo.line(r"^   PATH=")).strip()
    desk = tmp_path / "desk"
    desk.mkdir()

    said: dict[str, str] = {}
    for command in commands:
        word = command.split()[1]
        line = f"cd '{desk}'; {path}; {command}"
        if word == "arm":
            code, said[word] = await typed(line, load_plan(desk / "plan.json").notional_usd)
        else:
            code, said[word] = await ran("sh", "-c", line)
        assert code == 0, (command, said[word])

    assert [word for word in said if word != "ess"] == ["status", "plan", "arm", "watch", "verify"]
    assert "REFUSES  ess_latch" in said["status"]
    assert re.search(r"governor +running, seen ", said["status"])
    assert "would close 44 positions, $" in said["plan"]
    assert "ACCEPTED: all 8 gates passed" in said["arm"]
    assert load_plan(desk / "plan.json").plan_hash in said["arm"]
    assert "seen=674 nonzero=44 filtered=44 sent=44 ok=44 errors=0 verdict=flat" in said["watch"]
    assert "STILL OPEN: nothing" in said["watch"]
    assert re.search(r"^FLAT\b", said["verify"], re.MULTILINE), said["verify"]


async def typed(line: str, notional: Decimal) -> tuple[int, str]:
    """The command in a terminal, where a person types what it asks for."""
    wanted = f"main {notional:.0f}"
    prompt = f"({wanted}) to flatten it"
    seen = await in_a_terminal("sh", "-c", line, environ=BARE, columns=200, typed=[(prompt, wanted)])
    assert prompt in seen.text, seen.text
    return seen.code, seen.text


BARE = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8"}
"""What a shell has: the rest comes with the line that `make run` prints."""
