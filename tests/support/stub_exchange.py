"""An HTTP server on a free local port: it answers what a test scripts, down to the byte and the broken pipe."""

import asyncio
import json
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct, field

from support.patience import HANG_S


class Reply(Struct, frozen=True, kw_only=True):
    """One scripted answer."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    """Announce the whole body, send so many bytes of it, and close."""
    disconnect: bool = False
    """Read the request and close without a byte."""
    hold: asyncio.Event | None = None
    """Answer only once this is set."""


class Seen(Struct, frozen=True, kw_only=True):
    """One request that arrived."""

    call: str
    """Method and path, as in `GET /fapi/v1/time`."""
    parameters: dict[str, str]
    signed: str
    """What the signature is over and with: the query string or the body, unparsed."""
    headers: dict[str, str]
    connection: int
    """Which connection it came over, counted from 0."""


def ok(value: object, **headers: str) -> Reply:
    """A JSON answer with status 200."""
    return Reply(body=json.dumps(value).encode(), headers={k.replace("_", "-"): v for k, v in headers.items()})


def error(status: int, code: int, message: str, **headers: str) -> Reply:
    """The venue's error body."""
    body = json.dumps({"code": code, "msg": message}).encode()
    return Reply(status=status, body=body, headers={k.replace("_", "-"): v for k, v in headers.items()})


class StubExchange:
    """Answers each call with its script, in order; the last reply of a script repeats. An unscripted call is 404.

    Requests that leave together arrive in any order: where the answer depends on which one it is, script a function.
    """

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[Seen] = []
        self._arrived = asyncio.Event()
        self._scripts: dict[str, list[Reply | Callable[[Seen], Reply]]] = {}
        self._server: asyncio.Server | None = None
        self.tasks: set[asyncio.Task[Any]] = set()
        """One for each open connection."""
        self._opened = 0

    def script(self, call: str, *replies: Reply | Callable[[Seen], Reply]) -> None:
        self._scripts[call] = list(replies)

    def seen(self, call: str) -> list[Seen]:
        return [request for request in self.requests if request.call == call]

    async def wait_requests(self, count: int) -> None:
        """Return once so many requests have arrived."""
        try:
            async with asyncio.timeout(HANG_S):
                while len(self.requests) < count:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            calls = [request.call for request in self.requests]
            raise AssertionError(f"{len(calls)} of {count} requests arrived: {calls}") from None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        number, self._opened = self._opened, self._opened + 1
        try:
            while await self._answer_one(reader, writer, number):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client went away, or the test is over
        finally:
            writer.close()
            self.tasks.discard(task)

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> bool:
        """Whether the connection stays open."""
        request = await _read_request(reader, number)
        self.requests.append(request)
        self._arrived.set()
        script = self._scripts.get(request.call, [Reply(status=404, body=b"not scripted")])
        step = script.pop(0) if len(script) > 1 else script[0]
        reply = step(request) if callable(step) else step
        if reply.hold is not None:
            await reply.hold.wait()
        if reply.disconnect:
            return False
        head = {"Content-Type": "application/json", "Content-Length": str(len(reply.body)), **reply.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        writer.write(f"HTTP/1.1 {reply.status} Scripted\r\n{lines}\r\n".encode() + reply.body[: reply.cut_after])
        await writer.drain()
        return reply.cut_after is None


async def _read_request(reader: asyncio.StreamReader, number: int) -> Seen:
    start, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = (await reader.readexactly(int(headers.get("content-length", "0")))).decode()
    method, target, _ = start.split(" ")
    address = urlsplit(target)
    signed = address.query or body
    return Seen(
        call=f"{method} {address.path}",
        parameters=dict(parse_qsl(signed, keep_blank_values=True)),
        signed=signed,
        headers=headers,
        connection=number,
    )
