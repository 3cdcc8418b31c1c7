"""Shell completion: shown, installed, and right."""

import asyncio
import shutil
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from support.flatctl_process import Flatctl

BASH = shutil.which("bash")
pytestmark = pytest.mark.skipif(BASH is None, reason="no bash on this machine")


async def bash(flatctl: Flatctl, script: str, **environ: str) -> str:
    """What a script says in which `$FLATCTL` is the program; bash is its parent, as at a prompt."""
    assert BASH is not None
    program = f"{sys.executable} -m flatctl.main"
    process = await asyncio.create_subprocess_exec(
        BASH, "--norc", "-c", script, env={**flatctl.environ, "FLATCTL": program, **environ}, stdout=PIPE, stderr=PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, (out, err)
    return out.decode()


async def completed(flatctl: Flatctl, line: str) -> list[str]:
    """What bash would offer after this line."""
    words = line.split(" ")
    asked = {"_FLATCTL_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    return (await bash(flatctl, "$FLATCTL; true", **asked)).split()


async def test_the_script_for_the_shell_is_shown(flatctl: Flatctl) -> None:
    shown = await bash(flatctl, "$FLATCTL --show-completion; true")

    assert "_FLATCTL_COMPLETE=complete_bash" in shown
    assert "complete -o default -F _flatctl_completion flatctl" in shown


async def test_the_script_is_installed_where_the_shell_reads_it(flatctl: Flatctl, tmp_path: Path) -> None:
    said = await bash(flatctl, "$FLATCTL --install-completion; true", HOME=str(tmp_path))

    assert "bash completion installed in" in said
    installed = (tmp_path / ".bash_completions" / "flatctl.sh").read_text()
    assert "_FLATCTL_COMPLETE=complete_bash" in installed
    assert "flatctl.sh" in (tmp_path / ".bashrc").read_text()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("flatctl d", {"dead", "disarm", "doctor", "drill"}),
        ("flatctl dead ", {"list", "show", "requeue", "drop"}),
        ("flatctl doctor e", {"events", "exchange"}),
        ("flatctl history --l", {"--limit"}),
    ],
)
async def test_commands_options_and_words_are_completed(flatctl: Flatctl, line: str, offered: set[str]) -> None:
    assert set(await completed(flatctl, line)) == offered
