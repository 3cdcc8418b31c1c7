"""A service that takes notifications, as apprise's `json://` sends them: it can be down, refuse, or never answer."""

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any, Self

from aiohttp import web

from support.http_server import serve
from support.patience import HANG_S
from support.redis_local import free_port

TOKEN = "t0ken-that-nobody-may-see"


class Receiver:
    """Not up before `up`. Its port stays the same."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        """What it took, in order."""
        self.times_s: list[float] = []
        """When, by the monotonic clock."""
        self.asked = 0
        """How often somebody tried."""
        self.answered = 0
        """How often it gave an answer, whatever it was."""
        self.status = 200
        self.answering = asyncio.Event()
        """Clear it, and nobody gets an answer."""
        self.answering.set()
        self.port = free_port()
        self._news = asyncio.Condition()
        self._serving = AsyncExitStack()

    @property
    def address(self) -> str:
        """As it stands in NOTIFY_URLS, with a token in it."""
        return f"json://user:pa55word@127.0.0.1:{self.port}/{TOKEN}?rto=600"

    @property
    def titles(self) -> list[str]:
        return [message["title"] for message in self.messages]

    async def up(self) -> Self:
        app = web.Application()
        app.router.add_post("/{token}", self._take)
        await self._serving.enter_async_context(serve(app, self.port))
        return self

    async def down(self) -> None:
        await self._serving.aclose()

    async def wait_for(self, messages: int) -> list[dict[str, Any]]:
        """Everything it took, once there are so many."""
        await self._wait(lambda: len(self.messages) >= messages, f"{messages} messages")
        return self.messages

    async def wait_asked(self, times: int) -> None:
        """Return once somebody has tried so often."""
        await self._wait(lambda: self.asked >= times, f"asked {times} times")

    async def wait_answered(self, times: int) -> None:
        """Return once it has answered so often."""
        await self._wait(lambda: self.answered >= times, f"answered {times} times")

    async def _wait(self, holds: Any, what: str) -> None:
        try:
            async with asyncio.timeout(HANG_S), self._news:
                await self._news.wait_for(holds)
        except TimeoutError:
            raise AssertionError(f"no {what}: asked {self.asked} times, took {self.titles}") from None

    async def _take(self, request: web.Request) -> web.Response:
        message = await request.json()
        async with self._news:
            self.asked += 1
            self._news.notify_all()
        await self.answering.wait()
        async with self._news:
            self.answered += 1
            if self.status == 200:
                self.messages.append(message)
                self.times_s.append(time.monotonic())
            self._news.notify_all()
        return web.Response(status=self.status)
