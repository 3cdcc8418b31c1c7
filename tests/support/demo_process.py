"""The demo as a process, in a directory of the test's own."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Callable, Mapping
from pathlib import Path

TIMEOUT_S = 90.0
SERVICES = ("redis", "exchange-sim", "flatten-executor", "position-oracle", "governor")


def hear_every_signal() -> None:
    """What runs the tests in the background, or under nohup, has children that begin deaf to these."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


class Demo:
    """One run of it; `at_birth` is called in the process before it becomes the demo."""

    def __init__(
        self,
        directory: Path,
        *arguments: str,
        environ: Mapping[str, str] | None = None,
        at_birth: Callable[[], None] = hear_every_signal,
    ) -> None:
        self.directory = directory
        self.lines: list[str] = []
        self._arguments = arguments
        self._at_birth = at_birth
        self._environ = {**os.environ, "TMPDIR": str(directory), **(environ or {})}
        self._process: Process | None = None

    async def start(self) -> "Demo":
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "demo", *self._arguments),
            env=self._environ,
            stdout=PIPE,
            stderr=PIPE,
            preexec_fn=self._at_birth,
        )
        return self

    @property
    def process(self) -> Process:
        assert self._process is not None
        return self._process

    async def line(self, pattern: str) -> str:
        """The next line in which the pattern is found."""
        assert self.process.stdout is not None
        async with asyncio.timeout(TIMEOUT_S):
            while line := (await self.process.stdout.readline()).decode():
                self.lines.append(line.rstrip("\n"))
                if re.search(pattern, line):
                    return line
        raise AssertionError(f"no line like {pattern!r}:\n" + "\n".join(self.lines))

    async def end(self) -> tuple[int, str]:
        """Its exit code, and what it said on stderr."""
        async with asyncio.timeout(TIMEOUT_S):
            out, err = await self.process.communicate()
        self.lines += out.decode().splitlines()
        assert self.process.returncode is not None
        return self.process.returncode, err.decode()

    async def pids(self) -> dict[str, int]:
        """Its programs, read from what it prints once all are up."""
        await self.line(r"The trio is up")
        found: dict[str, int] = {}
        while len(found) < len(SERVICES):
            name, pid, _ = (await self.line(rf"^ +({'|'.join(SERVICES)}) +\d+ +\S+://")).split()
            found[name] = int(pid)
        return found

    def traces(self) -> list[str]:
        """What is left in its directory, and processes that still work there."""
        left = [path.name for path in self.directory.glob("flatguard-demo-*")]
        return left + [line for line in running() if str(self.directory) in line]


def running() -> list[str]:
    """Every process's working directory and command line."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            found.append(f"{(entry / 'cwd').readlink()} {words}")
        except OSError:
            continue  # it ended meanwhile, or is not ours
    return found


def is_running(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


async def shell(command: str) -> tuple[int, str]:
    """As a user types it: exit code and everything that it said."""
    return await ran("sh", "-c", command)


async def ran(*command: str, environ: Mapping[str, str] | None = None, where: Path | None = None) -> tuple[int, str]:
    """One program to its end: exit code and everything that it said."""
    process = await asyncio.create_subprocess_exec(*command, env=environ, cwd=where, stdout=PIPE, stderr=STDOUT)
    async with asyncio.timeout(TIMEOUT_S):
        out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()
