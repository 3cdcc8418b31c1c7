"""Where it was measured: what a figure depends on, and nothing that says whose machine it is."""

import os
import platform
import subprocess
from pathlib import Path

from msgspec import Struct

from runtime.app import software_version


class Machine(Struct, frozen=True, kw_only=True):
    """What the figures depend on."""

    cpu: str
    cores: int
    kernel: str
    python: str
    redis: str
    flatguard: str
    load_before: float
    """One minute's load average before the first run; below 0.5 nobody else was at work."""


def this_machine(redis_version: str, load_before: float) -> Machine:
    """The machine that this runs on."""
    return Machine(
        cpu=_cpu_model(),
        cores=os.cpu_count() or 1,
        kernel=f"{platform.system()} {platform.release()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        redis=redis_version,
        flatguard=f"{software_version()} ({_commit()})",
        load_before=round(load_before, 2),
    )


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _commit() -> str:
    """The commit, with a plus when files of the programs differ from it."""
    root = Path(__file__).parents[1]
    try:
        commit = _git(root, "rev-parse", "--short", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", "libs", "services", "tools")
    except (OSError, subprocess.CalledProcessError):
        return "no commit"
    return f"commit {commit}{'+' if changed else ''}"


def _git(root: Path, *arguments: str) -> str:
    command = ("git", "-C", str(root), *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603 - fixed words
