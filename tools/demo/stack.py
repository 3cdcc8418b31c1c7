"""The whole trio with its Redis and its exchange, as separate processes on free ports of this machine."""

import asyncio
import os
import socket
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct
from redis.exceptions import RedisError

from contracts.streams import DEFAULT_ALLOCATION_PREFIX, DEFAULT_NAMESPACE, Keys
from demo.redis_binary import HOW_TO_GET_ONE, client_of, find_redis, version_in
from demo.seeding import write_targets
from runtime.processes import Child, ChildDied, Processes
from runtime.programs import CannotStart, check_loopback, clean_environment, listening, python, ready, until
from runtime.redis_client import open_redis, raw

PORT_ATTEMPTS = 5
REDIS_OPTIONS = (
    *("--bind", "127.0.0.1", "--maxmemory-policy", "noeviction"),
    *("--appendonly", "yes", "--appendfsync", "always", "--save", ""),
)
ACCOUNT = "main"
SIM_KEY, SIM_SECRET = "sim-key", "sim-secret"  # the simulator's own dummies
SIM_READ_KEY, SIM_READ_SECRET = "sim-read-key", "sim-read-secret"


class Service(Struct, frozen=True, kw_only=True):
    """One running program."""

    name: str
    pid: int
    url: str


class Stack(Struct, frozen=True, kw_only=True):
    """Everything that runs, and how to reach it."""

    directory: Path
    redis_origin: str
    """Where the server is from, and its version."""
    redis_url: str
    redis_cli: Path | None
    """The client that came with the server, if one did."""
    exchange_url: str
    services: tuple[Service, ...]
    environ: Mapping[str, str]
    """For an operator's tools: the same settings as the services, with the key that may only read."""

    @property
    def keys(self) -> Keys:
        """The keys of the demo's namespace."""
        return Keys(DEFAULT_NAMESPACE)

    def log_of(self, name: str) -> Path:
        """A program's log."""
        return self.directory / f"{name}.log"


async def start_stack(processes: Processes, directory: Path, *, lasting: bool) -> Stack:
    """Start everything and wait until all are ready. Raises CannotStart or ChildDied.

    `lasting`: it stays up for people to look at, so the allocation targets must not grow stale within minutes.
    """
    environ = clean_environment(os.environ)
    found = find_redis()
    if found is None:
        raise CannotStart(HOW_TO_GET_ONE)
    program, origin = found
    check_loopback()
    redis, redis_url, version = await _start_redis(processes, directory, program, environ)
    exchange = processes.start(
        "exchange-sim", python("exchange_sim.main", "--port", "0", "--scenario", "incident"), environ
    )
    exchange_url = await listening(exchange)
    environ |= {
        "REDIS_URL": redis_url,
        "FLATTEN_NAMESPACE": DEFAULT_NAMESPACE,
        "ACCOUNT": ACCOUNT,
        "EXCHANGE_ENV": "sim",
        "EXCHANGE_BASE_URL": exchange_url,
        "ESS_LATCH": f"file:{directory / 'ESS_ON'}",
        "LOG_FORMAT": "json",
    }
    reading = {"EXCHANGE_API_KEY": SIM_READ_KEY, "EXCHANGE_API_SECRET": SIM_READ_SECRET}
    trading = {"EXCHANGE_API_KEY": SIM_KEY, "EXCHANGE_API_SECRET": SIM_SECRET}
    judging = {
        "GOV_TESTNET_FORCE_FLATTEN": "true",
        "GOV_TESTNET_FORCE_FLATTEN_CONFIRM": "FLATTEN_NOW",
        "FLATTEN_COOLDOWN_SECONDS": "60",
        "P29_STALE_SECONDS": "31536000" if lasting else "300",
    }
    await _write_targets(redis_url, exchange_url)
    own = {"HTTP_PORT": "0"}
    children = [
        processes.start("flatten-executor", python("flatten_executor.main"), environ | own | trading),
        processes.start("position-oracle", python("position_oracle.main"), environ | own | reading),
        processes.start("governor", python("governor.main"), environ | own | judging),
    ]
    urls = await asyncio.gather(*(ready(child) for child in children))
    names = [Service(name="redis", pid=redis.pid, url=redis_url)]
    names += [Service(name="exchange-sim", pid=exchange.pid, url=exchange_url)]
    names += [Service(name=child.name, pid=child.pid, url=url) for child, url in zip(children, urls, strict=True)]
    return Stack(
        directory=directory,
        redis_origin=f"{version}, {origin}",
        redis_url=redis_url,
        redis_cli=client_of(program),
        exchange_url=exchange_url,
        services=tuple(names),
        environ=environ | reading,
    )


async def _start_redis(
    processes: Processes, directory: Path, program: Path, environ: Mapping[str, str]
) -> tuple[Child, str, str]:
    """Process, address and version; on a free port. Another process may take the port first, so it is tried again."""
    data = directory / "redis"
    data.mkdir()
    for attempt in range(PORT_ATTEMPTS):
        port = _free_port()
        arguments = [str(program), "--port", str(port), "--dir", str(data), *REDIS_OPTIONS]
        child = processes.start("redis", arguments, environ)
        url = f"redis://127.0.0.1:{port}/0"
        try:
            version = await _answers(child, url, processes)
        except ChildDied as error:
            if "in use" not in str(error) or attempt == PORT_ATTEMPTS - 1:
                raise
            processes.forget(child)
        else:
            return child, url, version
    raise CannotStart("no free port for Redis")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


async def _answers(child: Child, url: str, processes: Processes) -> str:
    """The version of the server that answers."""
    versions: list[str] = []
    redis = open_redis(url, name="demo")

    async def pings() -> bool:
        processes.check()
        try:
            info: bytes = await raw(redis, "INFO", "server")
        except RedisError:
            return False
        versions.append(version_in(info.decode(errors="replace")))
        # Another server that took the port first would answer too.
        return f"process_id:{child.pid}\r".encode() in info

    try:
        await until("Redis", pings)
    finally:
        await redis.aclose()
    return versions[-1]


async def _write_targets(redis_url: str, exchange_url: str) -> None:
    redis = open_redis(redis_url, name="demo")
    try:
        await write_targets(redis, DEFAULT_ALLOCATION_PREFIX, exchange_url)
    finally:
        await redis.aclose()
