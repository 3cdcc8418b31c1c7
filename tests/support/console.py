"""The console's stream as a page reads it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

from support.patience import HANG_S

STREAM = "/console/stream"


class Follower:
    """One open page: the newest of each part that came."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.parts: dict[str, Any] = {}
        self.ticks = 0
        self._answer = answer

    async def until(self, holds: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """Read on until the parts are as they are wanted."""
        try:
            async with asyncio.timeout(HANG_S):
                while not holds(self.parts):
                    await self._read()
        except TimeoutError:
            raise AssertionError(f"it never came to that: {self.parts}") from None
        return self.parts

    async def ticked(self, count: int) -> None:
        """Read on until so many ticks came from now."""
        wanted = self.ticks + count
        await self.until(lambda _: self.ticks >= wanted)

    async def _read(self) -> None:
        name = (await self._line()).removeprefix("event: ")
        self.parts[name] = msgspec.json.decode((await self._line()).removeprefix("data: "))
        self.ticks += name == "tick"
        assert await self._line() == ""

    async def _line(self) -> str:
        line = await self._answer.content.readuntil(b"\n")
        assert line, "the stream ended"
        return line.decode().rstrip("\n")


@asynccontextmanager
async def following(url: str, **headers: str) -> AsyncIterator[Follower]:
    """A page that is open for the block."""
    session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None), read_bufsize=2**20)
    async with session, session.get(f"{url}{STREAM}", headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        yield Follower(answer)
