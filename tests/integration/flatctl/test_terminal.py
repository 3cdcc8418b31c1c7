"""In a terminal: a picture that changes in place, and then the verdict."""

import re
import sys

import pytest

from contracts.flattening import RunVerdict
from flatctl import exits
from runtime.app import software_version
from support.flatctl_process import Flatctl
from support.run_events import completed, intended, residual, resolved, whole_run
from support.scribe import Scribe
from support.terminal import in_a_terminal

FLATCTL = (sys.executable, "-m", "flatctl.main")
SHOW_CURSOR = "\x1b[?25h"


@pytest.mark.parametrize(("columns", "rows"), [(100, 40), (80, 24), (30, 6)])
async def test_a_run_fits_every_terminal(flatctl: Flatctl, scribe: Scribe, columns: int, rows: int) -> None:
    symbols = [f"S{number}USDT" for number in range(60)]
    await scribe.tell(*whole_run()[:3], *(intended(symbol, "1") for symbol in symbols))
    await scribe.tell(*(resolved(symbol, "1") for symbol in symbols))
    await scribe.tell(completed(RunVerdict.NOT_FLAT, left=(residual("ETHUSDT", "9.1"),)))
    seen = await in_a_terminal(*FLATCTL, "watch", environ=flatctl.environ, columns=columns, rows=rows)

    assert seen.code == 2, seen.text
    words = " ".join(seen.text.split())
    assert "… " in words
    assert "verdict=not_flat" in words
    assert "STILL OPEN: 1 positions" in words
    assert SHOW_CURSOR in seen.raw
    assert max(map(len, seen.text.split("\n"))) <= columns


async def test_colour_is_never_the_only_signal(flatctl: Flatctl, scribe: Scribe) -> None:
    await scribe.tell(*whole_run(), completed(RunVerdict.NOT_FLAT, left=(residual("ETHUSDT", "9.1"),)))
    flatctl.environ["NO_COLOR"] = "1"
    seen = await in_a_terminal(*FLATCTL, "watch", environ=flatctl.environ)

    assert "\x1b[31m" not in seen.raw
    assert "STILL OPEN" in seen.text


async def test_json_in_a_terminal_is_only_json(flatctl: Flatctl, scribe: Scribe) -> None:
    await scribe.tell(*whole_run(), completed())
    seen = await in_a_terminal(*FLATCTL, "watch", "--json", environ=flatctl.environ)

    assert [line[0] for line in seen.text.splitlines()] == ["{"] * (len(whole_run()) + 1)


@pytest.mark.parametrize(
    "command",
    [
        "",
        "ess",
        "arm",
        "approve",
        "disarm",
        "keys",
        "status",
        "watch",
        "positions",
        "history",
        "dead",
        "dead list",
        "dead requeue",
        "doctor",
        "drill",
        "plan",
        "verify",
    ],
)
async def test_every_command_explains_itself(flatctl: Flatctl, command: str) -> None:
    said = await flatctl(*command.split(), "--help")

    assert said.code == 0
    assert "Usage: flatctl" in said.out
    assert "EXCHANGE_API" not in said.out


async def test_without_a_command_the_help_is_shown(flatctl: Flatctl) -> None:
    said = await flatctl()

    assert "Usage: flatctl" in said.out
    assert (said.code, said.err) == (1, "")


async def test_the_version_is_told(flatctl: Flatctl) -> None:
    said = await flatctl("--version")

    assert (said.code, said.out) == (0, f"flatctl {software_version()}\n")


async def test_an_option_before_the_command_is_told_where_it_stands(flatctl: Flatctl) -> None:
    said = await flatctl("--json", "status")

    assert said.code == 1
    assert said.err == ("flatctl: No such option: --json; options follow the command, as in flatctl status --json\n")


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("stauts", "No such command 'stauts'. Did you mean 'status'? See flatctl --help"),
        ("ess on", "No such command 'on'; see flatctl ess --help"),
        ("drill now", "Got unexpected extra argument(s) (now); see flatctl drill --help"),
        ("dead show", "Missing argument 'letter_id'; see flatctl dead show --help"),
        ("arm --symbol ETHUSDT", "No such option: --symbol (Possible options: --symbols); see flatctl arm --help"),
        ("doctor exchang", "'AREA': 'exchang' is not one of 'redis', "),
        ("drill --scenario none.json", "no drill: --scenario 'none.json' is neither incident nor a file"),
        ("verify", "about an account without it; set it, or name a file that holds it"),
    ],
)
async def test_what_is_wrong_is_one_line_that_says_what_to_do(flatctl: Flatctl, typed: str, told: str) -> None:
    said = await flatctl(*typed.split())

    assert said.code == 1, said
    assert told in said.err
    assert len(said.err.splitlines()) == 1


async def test_the_help_tells_every_exit_code(flatctl: Flatctl) -> None:
    said = await flatctl("--help")
    codes = " ".join(said.out.split()).partition("Exit codes: ")[2].partition("Options follow")[0]

    for code in (exits.OK, exits.ERROR, exits.RESIDUAL, exits.REFUSED, exits.UNKNOWN, exits.INTERRUPTED):
        assert re.search(rf"(^|\. ){code} ", codes), codes
