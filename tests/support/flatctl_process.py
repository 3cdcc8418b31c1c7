"""`flatctl` as an operator runs it: a process with its own environment."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from support.patience import HANG_S

KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")


class Said(Struct, frozen=True):
    """How a command ended."""

    code: int
    out: str
    err: str


class Flatctl:
    """Runs commands with one set of settings."""

    def __init__(self, **settings: str) -> None:
        self.environ = {name: os.environ[name] for name in KEPT if name in os.environ} | settings

    @classmethod
    def on(cls, redis_url: str, namespace: str, directory: Path, **more: str) -> "Flatctl":
        latch = f"file:{directory / 'ESS_ON'}"
        return cls(REDIS_URL=redis_url, FLATTEN_NAMESPACE=namespace, ESS_LATCH=latch, **more)

    async def start(self, *arguments: str, typed: bool = False, environ: Mapping[str, str] | None = None) -> Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "flatctl.main",
            *arguments,
            env={**self.environ, **(environ or {})},
            stdin=PIPE if typed else DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
        )

    async def __call__(self, *arguments: str, typed: str = "") -> Said:
        """Run to the end; `typed` is what the operator types."""
        process = await self.start(*arguments, typed=bool(typed))
        return await finish(process, typed)


async def finish(process: Process, typed: str = "") -> Said:
    """Wait for the end of a command; kills it when it does not come."""
    ending = asyncio.create_task(process.communicate(typed.encode() if typed else None))
    try:
        ended, _ = await asyncio.wait((ending,), timeout=HANG_S)
    finally:
        if process.returncode is None:
            process.kill()
    out, err = await ending
    assert ended, f"flatctl did not end:\n{out.decode()}\n{err.decode()}"
    assert process.returncode is not None
    return Said(process.returncode, out.decode(), err.decode())
