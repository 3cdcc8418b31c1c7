"""Flatguard's programs, started by a tool: with which environment, where they listen, when they are ready."""

import asyncio
import http.client
import os
import re
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping

from runtime.processes import Child
from runtime.variables import KNOWN_VARIABLES, PREFIXES

START_S = 30.0
TICK_S = 0.02
LOOPBACK_S = 2.0
_LISTENING = re.compile(r"listening on (http://[0-9.]+:[0-9]+)")


class CannotStart(Exception):
    """It cannot be started here; the text is one clear line."""


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


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` without any setting of Flatguard's: nothing of a real account may reach what a tool starts."""
    kept = {name: value for name, value in environ.items() if not _is_ours(name)}
    return kept | {"PYTHONUNBUFFERED": "1"}


def python(module: str, *arguments: str) -> list[str]:
    """The command that runs one of Flatguard's programs, as installed beside this one."""
    return [sys.executable, "-m", module, *arguments]


def tethered(module: str, *arguments: str) -> list[str]:
    """As `python`, and the program ends when this process is gone, however it went."""
    return python("runtime.tether", str(os.getpid()), module, *arguments)


async def listening(child: Child) -> str:
    """The address that the program says it listens on."""
    found: list[str] = []

    async def said() -> bool:
        match = _LISTENING.search(child.log.read_text(errors="replace")) if child.log else None
        found.extend([match.group(1)] if match else [])
        return match is not None

    await until(f"{child.name} to listen (its log: {child.log})", said)
    return found[0]


async def ready(child: Child) -> str:
    """The address of a service, once it says that it is ready."""
    url = await listening(child)

    async def is_ready() -> bool:
        status, _ = await http_get(url, "/readyz")
        return status == http.client.OK

    await until(f"{child.name} to become ready ({url}/readyz says why not)", is_ready)
    return url


def _is_ours(name: str) -> bool:
    base = name.removesuffix("_FILE")
    return name in KNOWN_VARIABLES or base in KNOWN_VARIABLES or name.startswith(PREFIXES)
