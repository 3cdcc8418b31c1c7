"""A TCP proxy that loses replies: between a client and a real server, at exactly the moment that a test chooses."""

import asyncio
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit

from support.patience import HANG_S


class FaultyProxy:
    """Passes bytes on until it is told otherwise. Use as `async with FaultyProxy(url) as proxy:` and `proxy.url`."""

    def __init__(self, target_url: str) -> None:
        target = urlsplit(target_url)
        self._host, self._port, self._path = target.hostname or "127.0.0.1", target.port or 6379, target.path
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._drop_after: bytes | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.dropped = asyncio.Event()
        """Set when a reply was lost."""
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"redis://127.0.0.1:{self._server.sockets[0].getsockname()[1]}{self._path}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def drop_next_reply(self, to: bytes) -> None:
        """Let the next command that holds `to` reach the server, lose its reply and cut that connection."""
        self.dropped.clear()
        self._drop_after = to.upper()

    async def wait_dropped(self) -> None:
        """Return once that reply was lost."""
        try:
            async with asyncio.timeout(HANG_S):
                await self.dropped.wait()
        except TimeoutError:
            missed = f"no command with {self._drop_after!r} came" if self._drop_after else "its reply did not come"
            raise AssertionError(f"no reply was lost: {missed}; {len(self._tasks)} connections are open") from None

    def stall(self) -> None:
        """Pass nothing on, in either direction, without closing anything."""
        self._flowing.clear()

    def flow(self) -> None:
        """Pass on again, what was held back first."""
        self._flowing.set()

    def cut(self) -> None:
        """Close every connection now. New ones are accepted."""
        for writer in self._writers:
            writer.close()
        self._writers.clear()

    async def _accept(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            server, to_server = await asyncio.open_connection(self._host, self._port)
        except OSError:
            to_client.close()
            return
        self._writers |= {to_client, to_server}
        losing = asyncio.Event()
        requests = asyncio.create_task(self._requests(client, to_server, losing))
        replies = asyncio.create_task(self._replies(server, to_client, losing))
        try:
            await asyncio.wait((requests, replies), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in (requests, replies):
                pump.cancel()
            await asyncio.gather(requests, replies, return_exceptions=True)
            for writer in (to_client, to_server):
                self._writers.discard(writer)
                writer.close()

    async def _requests(
        self, client: asyncio.StreamReader, to_server: asyncio.StreamWriter, losing: asyncio.Event
    ) -> None:
        with suppress(ConnectionError):
            while data := await client.read(65_536):
                await self._flowing.wait()
                if self._drop_after is not None and self._drop_after in data.upper():
                    self._drop_after = None
                    losing.set()
                to_server.write(data)
                await to_server.drain()

    async def _replies(
        self, server: asyncio.StreamReader, to_client: asyncio.StreamWriter, losing: asyncio.Event
    ) -> None:
        """Ends, and with it the connection, at a reply that is to be lost: the server has done its work by then."""
        with suppress(ConnectionError):
            while data := await server.read(65_536):
                await self._flowing.wait()
                if losing.is_set():
                    self.dropped.set()
                    return
                to_client.write(data)
                await to_client.drain()
