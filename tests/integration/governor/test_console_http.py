"""The console over real HTTP: what it allows, whom it lets in, and that nobody waits for a slow page."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

import aiohttp
import pytest

from governor.console.board import PAGES_MAX, Board
from governor.console.guard import Guard
from governor.console.http import ConsolePages
from governor.console.observe import ConsoleObserver
from runtime.http import health_server
from runtime.metrics import Metrics
from runtime.secret import Secret
from support.console import STREAM, following
from support.patience import HANG_S

TOKEN = "a-token-of-sixteen"
METHODS = ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


class Served:
    """A board behind a server."""

    def __init__(self, url: str, board: Board, metrics: Metrics) -> None:
        self.url = url
        self.board = board
        self._metrics = metrics

    def metric(self, name: str, **labels: str) -> float | None:
        return self._metrics.registry.get_sample_value(name, labels)

    async def wait_metric(self, name: str, value: float) -> None:
        """The server counts in its own time: there is nothing to wait on but asking."""
        async with asyncio.timeout(HANG_S):
            while self.metric(name) != value:  # noqa: ASYNC110 - a gauge has no event
                await asyncio.sleep(0.01)

    async def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, Mapping[str, str], str]:
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, f"{self.url}{path}", headers=headers) as answer,
        ):
            return answer.status, answer.headers, await answer.text()


@asynccontextmanager
async def served(
    host: str = "127.0.0.1", token: str = "", slow_s: float = HANG_S, listens: str = "127.0.0.1"
) -> AsyncIterator[Served]:
    """`host` is what the guard is told, `listens` where it really is."""
    board, metrics = Board(), Metrics()
    guard = Guard(host, Secret(token) if token else None)
    pages = ConsolePages(board=board, guard=guard, observer=ConsoleObserver(metrics), slow_s=slow_s)
    async with health_server(host=listens, port=0, metrics=metrics, checks={}, more=pages.add_to) as port:
        try:
            yield Served(f"http://127.0.0.1:{port}", board, metrics)
        finally:
            board.close()


@pytest.mark.parametrize("path", ["/", STREAM, "/console/app.js", "/console/base.css"])
@pytest.mark.parametrize("method", METHODS)
async def test_nothing_but_get_and_head_is_answered(method: str, path: str) -> None:
    async with served() as console:
        status, headers, _ = await console.get(path, method)

    assert status == 405
    assert headers["Allow"] == "GET,HEAD"


@pytest.mark.parametrize("path", ["/", "/console/app.js", "/console/base.css", STREAM, "/console/nothing", "/metrics"])
async def test_every_answer_binds_the_browser(path: str) -> None:
    async with served() as console:
        _, headers, _ = await console.get(path, "HEAD")

    sent = dict(headers)
    policy = dict(part.strip().split(" ", 1) for part in sent["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "connect-src", "img-src")} == {"'self'"}
    assert {policy[name] for name in ("base-uri", "form-action", "frame-ancestors")} == {"'none'"}
    assert "unsafe" not in sent["Content-Security-Policy"]
    assert sent["X-Content-Type-Options"] == "nosniff"
    assert sent["Referrer-Policy"] == "no-referrer"
    assert sent["Cache-Control"] == "no-store"
    assert sent["Cross-Origin-Resource-Policy"] == "same-origin"
    assert sent["Server"] == "flatguard"
    assert "Access-Control-Allow-Origin" not in sent
    assert "Set-Cookie" not in sent


async def test_with_a_token_the_page_is_served_and_the_state_is_not() -> None:
    async with served(token=TOKEN) as console:
        assert (await console.get("/"))[0] == 200
        for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}, {"Cookie": f"token={TOKEN}"}):
            status, headers, text = await console.get(STREAM, **given)
            assert (status, "data:" in text) == (401, False)
            assert headers["WWW-Authenticate"].startswith("Bearer")
        assert (await console.get(f"{STREAM}?token={TOKEN}"))[0] == 401
        assert (await console.get(STREAM, "HEAD", Authorization=f"Bearer {TOKEN}"))[0] == 200
        assert console.metric("gov_console_refused_total", status="401") == 5


async def test_beyond_loopback_without_a_token_there_is_no_console_and_health_and_metrics_go_on() -> None:
    async with served("0.0.0.0") as console:
        status, _, text = await console.get("/")
        assert (status, text) == (403, "no console here: set CONSOLE_TOKEN, or listen on 127.0.0.1\n")
        assert (await console.get(STREAM))[0] == 404
        assert (await console.get("/healthz"))[0] == 200
        assert (await console.get("/metrics"))[0] == 200


async def test_a_page_from_elsewhere_cannot_read_the_state_under_a_name_of_its_own() -> None:
    async with served() as console:
        assert (await console.get(STREAM, Host="evil.example"))[0] == 403


async def test_what_is_put_on_the_board_arrives_at_every_page() -> None:
    async with served() as console, AsyncExitStack() as stack:
        pages = [await stack.enter_async_context(following(console.url)) for _ in range(50)]
        await console.wait_metric("gov_console_pages", 50)
        console.board.put("run", b'"req-1"')
        await console.board.show()

        for page in pages:
            assert (await page.until(lambda parts: "run" in parts))["run"] == "req-1"
    assert console.metric("gov_console_pages") == 0


async def test_a_page_more_than_there_may_be_is_told_to_come_again() -> None:
    async with served() as console, AsyncExitStack() as stack:
        for _ in range(PAGES_MAX):
            await stack.enter_async_context(following(console.url))

        status, headers, _ = await console.get(STREAM)
        assert (status, headers["Retry-After"]) == (503, "10")


async def test_a_page_that_takes_nothing_is_dropped_and_the_others_miss_nothing() -> None:
    document = b'"' + b"x" * 100_000 + b'"'
    async with served(slow_s=0.2) as console, following(console.url) as page:
        with a_page_that_reads_nothing(console.url):
            await console.wait_metric("gov_console_pages", 2)
            for number in range(60):
                console.board.put("holdings", document)
                console.board.put("tick", b"%d" % number, always=True)
                console.board.put("run", b"%d" % number)
                document = document[:-1] + b'y"'
                await console.board.show()
                await page.until(lambda parts, number=number: parts.get("run") == number)  # type: ignore[misc]

            await console.wait_metric("gov_console_dropped_total", 1)
            await console.wait_metric("gov_console_pages", 1)


async def test_at_the_end_every_page_is_let_go_at_once() -> None:
    async with served() as console, following(console.url) as page:
        await console.wait_metric("gov_console_pages", 1)
        console.board.close()
        with pytest.raises(AssertionError, match="the stream ended"):
            await page.ticked(1)


@contextmanager
def a_page_that_reads_nothing(url: str) -> Iterator[None]:
    """It asks, on a connection with as little room as there can be."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", int(url.rpartition(":")[2])))
        connection.sendall(f"GET {STREAM} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        yield
