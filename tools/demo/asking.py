"""Asking other processes, until they answer."""

import asyncio
import http.client
import socket
from collections.abc import Awaitable, Callable

START_S = 30.0
TICK_S = 0.02
LOOPBACK_S = 2.0


class CannotStart(Exception):
    """The demo cannot run here; the text is one clear line."""


def check_loopback() -> None:
    """Raises CannotStart where this machine cannot reach itself: everything would be waited for in vain."""
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            socket.create_connection(listener.getsockname(), LOOPBACK_S).close()
        except OSError as error:
            reason = error.strerror or error
            raise CannotStart(
                f"127.0.0.1 cannot be reached: {reason}; is the loopback interface up (ip link set lo up)?"
            ) from error


async def until(what: str, found: Callable[[], Awaitable[bool]], seconds: float = START_S) -> None:
    """Ask until it is so. Raises CannotStart when it does not come."""
    try:
        async with asyncio.timeout(seconds):
            while not await found():  # noqa: ASYNC110 - other processes: there is nothing to wait on but asking
                await asyncio.sleep(TICK_S)
    except TimeoutError:
        raise CannotStart(f"waited {seconds:g} s for {what}, and it did not come") from None


async def http_get(url: str, path: str) -> tuple[int, bytes]:
    """One request, off the event loop; status 0 while nobody answers."""
    return await asyncio.to_thread(http_request, url, "GET", path)


def http_request(url: str, method: str, path: str) -> tuple[int, bytes]:
    """One request; status 0 when nobody answers, or not in HTTP."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=5)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()
