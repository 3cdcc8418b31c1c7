"""Where it was measured: what a figure depends on, and nothing that says whose machine it is."""

import os
import platform
import resource
import subprocess
import time
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
    others_percent: float
    """How much of the processors' time others used meanwhile: near 0 on a machine that does nothing else."""


def this_machine(redis_version: str, others_percent: float) -> Machine:
    """The machine that this runs on."""
    return Machine(
        cpu=_cpu_model(),
        cores=os.cpu_count() or 1,
        kernel=f"{platform.system()} {platform.release()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        redis=redis_version,
        flatguard=f"{software_version()} ({_commit()})",
        others_percent=round(others_percent, 1),
    )


class Others:
    """What everybody else makes the processors do, from now on."""

    def __init__(self) -> None:
        self._busy_s, self._own_s, self._began_s = _busy_s(), _own_s(), time.monotonic()

    def percent(self) -> float:
        """Of all processors' time. Call it once every process that was started has ended: only then it is known."""
        busy_s, own_s, elapsed_s = _busy_s() - self._busy_s, _own_s() - self._own_s, time.monotonic() - self._began_s
        return max(0.0, (busy_s - own_s) / elapsed_s / (os.cpu_count() or 1) * 100)


def _busy_s() -> float:
    """Seconds that the processors were busy since the machine's start, all of them together."""
    user, nice, system, _idle, _waiting, *interrupts_and_stolen = _stat_fields()
    return (user + nice + system + sum(interrupts_and_stolen[:3])) / os.sysconf("SC_CLK_TCK")


def _stat_fields() -> list[int]:
    """The `cpu` line of /proc/stat, see proc_stat(5): the last two are part of the first two already."""
    line = Path("/proc/stat").read_text().splitlines()[0]
    return [int(field) for field in line.split()[1:]]


def _own_s() -> float:
    """CPU seconds of this process and of those that it started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


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
