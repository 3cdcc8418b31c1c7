"""The console over HTTP: GET and HEAD, and nothing that could change anything."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

from aiohttp import web

from governor.console.assets import HEADERS, Asset, read_assets
from governor.console.board import Board, Page
from governor.console.guard import Door, Guard
from governor.console.observe import ConsoleObserver

PREFIX = "/console/"
STREAM = f"{PREFIX}stream"
SLOW_S = 10.0
"""A page that takes nothing for so long is closed. It comes back by itself if it is still there."""
_SEND_BUFFER_BYTES = 64 * 1024
"""What the kernel may hold for one page, so that a slow one is noticed early."""


class ConsolePages:
    """The routes of the console."""

    def __init__(self, *, board: Board, guard: Guard, observer: ConsoleObserver, slow_s: float = SLOW_S) -> None:
        self._board = board
        self._guard = guard
        self._observer = observer
        self._slow_s = slow_s

    def add_to(self, app: web.Application) -> None:
        """Serve them beside what is served already."""
        app.on_response_prepare.append(_bind_browser)
        self._observer.door(self._guard.door)
        if self._guard.door is Door.ABSENT:
            app.router.add_get("/", self._absent)
            return
        assets = read_assets()
        app.router.add_get("/", _serve(assets.pop("index.html")))
        for name, asset in assets.items():
            app.router.add_get(f"{PREFIX}{name}", _serve(asset))
        app.router.add_get(STREAM, self._stream)

    async def _absent(self, _request: web.Request) -> web.Response:
        refused = self._guard.refuse("", "")
        return web.Response(status=403, text=f"{refused.why}\n" if refused else "")

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """The state as server-sent events, for as long as the page takes them."""
        refused = self._guard.refuse(request.headers.get("Authorization", ""), request.headers.get("Host", ""))
        if refused is not None:
            self._observer.refused(refused.status)
            headers = {"WWW-Authenticate": 'Bearer realm="flatguard console"'} if refused.status == 401 else {}  # noqa: PLR2004
            return web.Response(status=refused.status, text=f"{refused.why}\n", headers=headers)
        if self._board.full:
            self._observer.refused(503)
            return web.Response(status=503, text="as many pages are open as may be\n", headers={"Retry-After": "10"})
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        _narrow(request)
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        with self._board.page() as page:
            self._observer.pages(self._board.pages)
            try:
                await self._feed(page, response)
            except TimeoutError:
                self._observer.dropped()
                if request.transport is not None:
                    request.transport.abort()
            except ConnectionResetError:
                pass  # the page was closed
        self._observer.pages(self._board.pages)
        return response

    async def _feed(self, page: Page, response: web.StreamResponse) -> None:
        """Write what is new whenever there is something, until the board is closed. Raises TimeoutError."""
        while not self._board.closed:
            await page.wait()
            if frames := self._board.newer(page):
                async with asyncio.timeout(self._slow_s):
                    await response.write(frames)


def _serve(asset: Asset) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=asset.body, headers={"Content-Type": asset.content_type})

    return answer


async def _bind_browser(_request: web.Request, response: web.StreamResponse) -> None:
    """Every answer of this server carries them, those of others too: they allow nothing that anybody needs."""
    response.headers.update(HEADERS)


def _narrow(request: web.Request) -> None:
    sock = request.transport.get_extra_info("socket") if request.transport is not None else None
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
