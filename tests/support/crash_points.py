"""Runs executors that end or pause at a numbered step; see `support.forked_executor`."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

import msgspec

from flatten_executor.lease import LeaseTimes
from flatten_executor.sending import Patience
from support.forked_executor import Job
from support.patience import HANG_S
from support.processes import KEPT

IMPATIENT = Patience(look_up_pauses_s=(0.01,) * 4, last_look_ups_s=(0.01,) * 6, between_rounds_s=0.01)
"""The simulator never lags, so a lost order need not be looked for over seconds."""
SHORT = LeaseTimes(lease_ms=1_000, restart_ms=0)
"""Nothing is paused where these are used: the former process is dead, and need not be waited for."""


class ForkedExecutor:
    """One forked executor."""

    def __init__(self, launcher: Process, pid: int, log: Path) -> None:
        self._launcher = launcher
        self._ending: asyncio.Task[int] | None = None
        self.pid = pid
        self.log = log

    async def ended(self) -> int:
        """Its exit code, once it has ended; negative for a signal."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._end())
        return await asyncio.shield(self._ending)

    async def paused(self) -> None:
        """Return once it has stopped itself."""
        async with asyncio.timeout(HANG_S):
            while Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":  # noqa: ASYNC110 - another process: asking is all there is
                await asyncio.sleep(0.01)

    async def said(self, words: str) -> None:
        """Return once it has said this."""
        async with asyncio.timeout(HANG_S):
            while words not in self.log.read_text():  # noqa: ASYNC110 - another process: asking is all there is
                await asyncio.sleep(0.01)

    def wake(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    async def kill(self) -> None:
        """End it, if it still runs."""
        if self._ending is None or not self._ending.done():
            with suppress(ProcessLookupError):  # it has ended by itself
                os.kill(self.pid, signal.SIGKILL)
        await self.ended()

    @property
    def steps(self) -> list[str]:
        """The steps that it reached, by name."""
        lines = self.log.read_text().splitlines()
        return [line.split(maxsplit=2)[2] for line in lines if line.startswith("step ")]

    async def _end(self) -> int:
        assert self._launcher.stdout is not None
        return int(await self._launcher.stdout.readline())


class CrashPoints:
    """`async with CrashPoints(directory) as points:` then `await points.start(env, at=7)`: one executor at a time."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._launcher: Process | None = None
        self._started = 0
        self._last: ForkedExecutor | None = None

    async def __aenter__(self) -> Self:
        self._launcher = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "support.forked_executor", stdin=PIPE, stdout=PIPE, cwd=Path(__file__).parents[1]
        )
        assert self._launcher.stdout is not None
        assert await self._launcher.stdout.readline(), "the launcher did not start"  # everything is imported now
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._launcher is not None
        assert self._launcher.stdin is not None
        if self._last is not None:
            await self._last.kill()
        self._launcher.stdin.close()
        await self._launcher.wait()

    async def start(
        self,
        env: Mapping[str, str],
        *,
        at: int | str = 0,
        number: signal.Signals = signal.SIGKILL,
        times: LeaseTimes = SHORT,
        patience: Patience = IMPATIENT,
    ) -> ForkedExecutor:
        """Fork an executor that gets the signal at step `at`. The one before it must have ended."""
        assert self._launcher is not None
        assert self._launcher.stdin is not None
        assert self._launcher.stdout is not None
        self._started += 1
        log = self._directory / f"executor-{self._started}.log"
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        job = Job(
            env={**kept, "HTTP_PORT": "0", "LOG_FORMAT": "text", **env},
            at=at,
            signal=int(number),
            log=str(log),
            times=times,
            patience=patience,
        )
        self._launcher.stdin.write(msgspec.json.encode(job) + b"\n")
        await self._launcher.stdin.drain()
        pid = int(await self._launcher.stdout.readline())
        self._last = ForkedExecutor(self._launcher, pid, log)
        return self._last
