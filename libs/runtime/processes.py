"""Processes that a tool starts: each in a group of its own, with its log in a file, ended by pid whatever happens.

Nothing here awaits between starting a process and knowing of it, so that no cancellation can lose one.
"""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

TERM_S = 4.0
KILL_S = 2.0
TAIL_LINES = 8
REPLACED = ".replaced"
"""A file `<name>.replaced` says that somebody from outside has put another process in this one's place, and ends it."""


class ChildDied(Exception):
    """A process ended that should not have; the text has the tail of its log."""


class Record(Struct, frozen=True, kw_only=True):
    """What identifies a process for somebody who wants to end it later."""

    name: str
    pid: int
    born: str
    """When it started, as the system counts: another process with the same pid was born later."""


class Recipe(Struct, frozen=True, kw_only=True):
    """How a program was started, for somebody who wants to start it again."""

    arguments: tuple[str, ...]
    environ: dict[str, str]


class Child:
    """One process."""

    def __init__(self, name: str, popen: "subprocess.Popen[bytes]", log: Path | None, recipe: Recipe) -> None:
        self.name = name
        self.popen = popen
        self.log = log
        self.recipe = recipe

    @property
    def pid(self) -> int:
        """Process id, and id of its group."""
        return self.popen.pid

    def tail(self) -> str:
        """The last lines of its log, while there is one."""
        if self.log is None:
            return ""
        try:
            said = self.log.read_text(errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(said.splitlines()[-TAIL_LINES:])


class Processes:
    """All processes of one tool, in the order in which they were started."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.children: list[Child] = []

    def start(self, name: str, arguments: Sequence[str], environ: Mapping[str, str]) -> Child:
        """Start one that keeps running; its output goes to `<name>.log`."""
        log = self._directory / f"{name}.log"
        with log.open("ab") as output:
            popen = subprocess.Popen(  # noqa: S603 - our own programs
                arguments,
                env=dict(environ),
                cwd=self._directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        child = Child(name, popen, log, Recipe(arguments=tuple(arguments), environ=dict(environ)))
        self.children.append(child)
        return child

    def start_tool(self, name: str, arguments: Sequence[str], environ: Mapping[str, str]) -> Child:
        """Start one that ends by itself and writes to our own output."""
        popen = subprocess.Popen(  # noqa: S603 - our own program
            arguments, env=dict(environ), cwd=self._directory, stdin=subprocess.DEVNULL, start_new_session=True
        )
        child = Child(name, popen, None, Recipe(arguments=tuple(arguments), environ=dict(environ)))
        self.children.append(child)
        return child

    def forget(self, child: Child) -> None:
        """One that ended is no longer watched."""
        self.children.remove(child)

    def check(self) -> None:
        """Raises ChildDied when one has ended, unless it was replaced from outside: then it is no longer watched."""
        for child in tuple(self.children):
            code = child.popen.poll()
            if code is not None and child.log is not None:
                if replaced_mark(self._directory, child.name).exists():
                    self.forget(child)
                    continue
                raise ChildDied(
                    f"{child.name} (pid {child.pid}) ended with {_ending(code)}; its last words:\n{child.tail()}"
                )

    def records(self) -> tuple[Record, ...]:
        """Everything that runs."""
        return tuple(Record(name=child.name, pid=child.pid, born=born(child.pid)) for child in self.children)

    def stop_all(self) -> None:
        """End everything, the first started last: what writes to Redis ends before it. Returns when all are gone."""
        rest = [child for child in self.children if child is not self.children[0]]
        for group in (rest, self.children[:1]):
            for child in group:
                _signal(child, signal.SIGTERM)
            _wait(group, TERM_S)
            for child in group:
                _signal(child, signal.SIGKILL)
            _wait(group, KILL_S)
        self.children.clear()


def replaced_mark(directory: Path, name: str) -> Path:
    """The file that says so."""
    return directory / f"{name}{REPLACED}"


def stop_recorded(records: Sequence[Record]) -> tuple[str, ...]:
    """End processes that an earlier tool left running; returns the names of those that were still there."""
    there = [record for record in records if record.born and born(record.pid) == record.born]
    for number, seconds in ((signal.SIGTERM, TERM_S), (signal.SIGKILL, KILL_S)):
        for record in there:
            if born(record.pid) == record.born:
                with suppress(ProcessLookupError):
                    os.killpg(record.pid, number)
        deadline_s = time.monotonic() + seconds
        while time.monotonic() < deadline_s and any(born(record.pid) == record.born for record in there):
            time.sleep(0.02)
    return tuple(record.name for record in there)


def born(pid: int) -> str:
    """When a process started; empty when it is gone, or a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except FileNotFoundError:
        return _born_by_ps(pid) if not Path("/proc/self").exists() else ""
    except ProcessLookupError:
        return ""
    state, *fields = text.rpartition(") ")[2].split()
    return "" if state == "Z" else fields[18]


def _born_by_ps(pid: int) -> str:
    answer = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603, S607 - fixed words and a number
    return answer.stdout.strip()


def _signal(child: Child, number: signal.Signals) -> None:
    """To the whole group: also what a process that is gone has left behind."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def _wait(children: Sequence[Child], seconds: float) -> None:
    deadline_s = time.monotonic() + seconds
    for child in children:
        with suppress(subprocess.TimeoutExpired):
            child.popen.wait(max(0.0, deadline_s - time.monotonic()))


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
