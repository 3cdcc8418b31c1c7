"""The operator's own command line, run as an operator runs it, on the stack that it is set up for."""

import asyncio
import shlex
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec
from msgspec import Struct

T = TypeVar("T")
STOP_S = 10.0
_LINE_MAX = 64 * 1024 * 1024


class CannotProve(Exception):
    """The proof cannot be made here; the text is one clear line."""


class Said(Struct, frozen=True):
    """What a command answered."""

    code: int
    out: bytes
    err: str

    @property
    def why(self) -> str:
        """Its last word on stderr, or its exit code."""
        lines = self.err.strip().splitlines()
        return lines[-1] if lines else f"exit code {self.code}"


class Command:
    """One command line to which arguments are added."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = tuple(words)

    def __str__(self) -> str:
        """As one would type it."""
        return shlex.join(self._words)

    async def run(self, *arguments: str) -> Said:
        """Run it to its end. Raises CannotProve when there is no such program."""
        async with self._started(*arguments) as process:
            out, err = await process.communicate()
            return Said(await process.wait(), out, err.decode(errors="replace"))

    async def ask(self, kind: type[T], *arguments: str, good: Sequence[int] = (0,)) -> T:
        """Its answer as JSON. Raises CannotProve when it fails, or says something else."""
        said = await self.run(*arguments)
        if said.code not in good:
            raise CannotProve(f"{self} {shlex.join(arguments)}: {said.why}")
        try:
            return msgspec.json.decode(said.out, type=kind)
        except msgspec.DecodeError as error:
            raise CannotProve(f"{self} {shlex.join(arguments)} said no JSON that is known: {error}") from error

    @asynccontextmanager
    async def following(self, *arguments: str) -> AsyncIterator["Followed"]:
        """Its lines while it runs; it is ended with the block when it has not ended by itself."""
        async with self._started(*arguments) as process:
            yield Followed(process)

    @asynccontextmanager
    async def _started(self, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._words, *arguments, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, limit=_LINE_MAX
            )
        except OSError as error:
            raise CannotProve(f"{self} cannot be run: {error.strerror or error}") from error
        try:
            yield process
        finally:
            if process.returncode is None:
                process.terminate()
                try:
                    async with asyncio.timeout(STOP_S):
                        await process.wait()
                except TimeoutError:
                    process.kill()
                    await process.wait()


class Followed:
    """A command that runs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self) -> bytes:
        """The next line; empty at its end."""
        return await self._process.stdout.readline() if self._process.stdout else b""

    async def end(self) -> Said:
        """What is left of its output, once it has ended."""
        out, err = await self._process.communicate()
        return Said(await self._process.wait(), out, err.decode(errors="replace"))
