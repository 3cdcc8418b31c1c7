"""Services as real processes: started as an operator would, watched by their log lines, ended by their pid."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Mapping
from typing import Self

import aiohttp

from support.patience import HANG_S

LINE_BYTES_MAX = 1024 * 1024
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")
"""What a service may see of the tests' own environment: settings come from the test alone."""


class ServiceProcess:
    """`async with ServiceProcess("governor.main", env) as governor:` — killed at the end if it still runs."""

    def __init__(self, module: str, env: Mapping[str, str], *, arguments: tuple[str, ...] = ()) -> None:
        self.module = module
        self.lines: list[str] = []
        """Everything it said on stdout and stderr so far."""
        self._arguments = arguments
        self._env = {name: os.environ[name] for name in KEPT if name in os.environ}
        self._env |= {"PYTHONUNBUFFERED": "1", "HTTP_PORT": "0", "LOG_FORMAT": "text", **env}
        self._process: Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._news = asyncio.Condition()
        self._ended = False
        self._first_line = 0
        """Where what it says since its last start begins."""

    async def start(self) -> Self:
        """Start it, or start it again after its end."""
        self._ended, self._first_line = False, len(self.lines)
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self.module,
            *self._arguments,
            env=self._env,
            stdin=None,
            stdout=PIPE,
            stderr=STDOUT,
            limit=LINE_BYTES_MAX,
        )
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End it, whatever state it is in."""
        if self._running.returncode is None:
            self._signal(signal.SIGKILL)
        await self.wait()

    @property
    def pid(self) -> int:
        return self._running.pid

    @property
    def returncode(self) -> int | None:
        return self._running.returncode

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    async def wait(self, timeout_s: float = HANG_S) -> int:
        """Its exit code, once it has ended and everything it said was read."""
        try:
            async with asyncio.timeout(timeout_s):
                code = await self._running.wait()
                if self._reading is not None:
                    await self._reading
        except TimeoutError:
            raise AssertionError(f"{self.module} did not end within {timeout_s:g} s:\n{self.text}") from None
        return code

    async def wait_line(self, pattern: str, *, after: int = 0, timeout_s: float = HANG_S) -> str:
        """The first line, from number `after` on, in which the regular expression is found."""
        try:
            async with asyncio.timeout(timeout_s), self._news:
                while True:
                    for line in self.lines[after:]:
                        if re.search(pattern, line):
                            return line
                    assert not self._ended, f"{self.module} ended without a line like {pattern!r}:\n{self.text}"
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"{self.module} said no line like {pattern!r}:\n{self.text}") from None

    async def http_url(self) -> str:
        """Where it serves /healthz, /readyz and /metrics: it says so when it listens."""
        line = await self.wait_line(r"http listening on http://", after=self._first_line)
        found = re.search(r"http://[0-9.]+:[0-9]+", line)
        assert found is not None
        return found.group(0)

    async def wait_ready(self, timeout_s: float = HANG_S) -> None:
        """Return once /readyz says 200."""
        await self._wait_readyz(200, timeout_s)

    async def wait_unready(self, timeout_s: float = HANG_S) -> None:
        """Return once /readyz says 503."""
        await self._wait_readyz(503, timeout_s)

    async def metrics(self) -> str:
        url = await self.http_url()
        try:
            async with _asking() as session, session.get(f"{url}/metrics") as answer:
                return await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise AssertionError(f"{self.module}: /metrics does not answer: {error!r}\n{self.text}") from error

    def send(self, number: signal.Signals) -> None:
        self._signal(number)

    def sigterm(self) -> None:
        self._signal(signal.SIGTERM)

    def sigkill(self) -> None:
        self._signal(signal.SIGKILL)

    def sigstop(self) -> None:
        self._signal(signal.SIGSTOP)

    def sigcont(self) -> None:
        self._signal(signal.SIGCONT)

    async def _wait_readyz(self, status: int, timeout_s: float) -> None:
        answer = "nothing"
        try:
            async with asyncio.timeout(timeout_s), _asking() as session:
                url = f"{await self.http_url()}/readyz"
                while True:
                    assert not self._ended, f"{self.module} ended:\n{self.text}"
                    try:
                        async with session.get(url) as response:
                            answer = await response.text()
                            if response.status == status:
                                return
                    except aiohttp.ClientError as error:  # it is ending: its last words are read next
                        answer = repr(error)
                    await asyncio.sleep(0.02)  # another process's state: there is nothing to wait on but asking
        except TimeoutError:
            raise AssertionError(f"{self.module}: /readyz is not {status}: {answer}\n{self.text}") from None

    async def _read(self) -> None:
        assert self._running.stdout is not None
        try:
            async for line in self._running.stdout:
                async with self._news:
                    self.lines.append(line.decode(errors="replace").rstrip("\n"))
                    self._news.notify_all()
        finally:
            async with self._news:
                self._ended = True
                self._news.notify_all()

    def _signal(self, number: signal.Signals) -> None:
        self._running.send_signal(number)

    @property
    def _running(self) -> Process:
        assert self._process is not None, "not started"
        return self._process


def _asking() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=HANG_S))
