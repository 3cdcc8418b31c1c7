"""What is measured runs as real processes: Redis, the simulator, the services. All of them end with the block."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from msgspec import Struct
from redis.asyncio import Redis

from contracts.streams import Keys
from runtime.redis_client import open_reader, open_redis
from support.processes import ServiceProcess
from support.redis_local import NO_SERVER, LocalRedis, NoRedisError, find_binary
from support.sim import Simulator

SYMBOLS = 674
# Runs follow each other faster than flattens ever do: the account's limits would pace them. One run alone keeps to the
# venue's own limits; nothing else of the simulator is changed.
_LIMITS = {"weight_1m": 100_000_000, "orders_10s": 10_000_000, "orders_1m": 10_000_000}


class Server(Struct, frozen=True):
    """A Redis server for measurements, and a directory beside its data."""

    url: str
    directory: Path


class Clients(Struct, frozen=True):
    """The benchmark's own view of one namespace."""

    redis: Redis
    reader: Redis
    keys: Keys


@contextmanager
def redis_server(directory: Path) -> Iterator[Server]:
    """Appendonly, every write on disk before it is answered. Raises NoRedisError."""
    binary = find_binary()
    if binary is None:
        raise NoRedisError(NO_SERVER)
    server = LocalRedis(binary, directory / "redis")
    server.start()
    try:
        yield Server(server.url, directory)
    finally:
        server.close()


@asynccontextmanager
async def clients(server: Server, namespace: str) -> AsyncIterator[Clients]:
    """Connections of the benchmark's own."""
    redis, reader = open_redis(server.url, name="bench"), open_reader(server.url, name="bench")
    try:
        yield Clients(redis, reader, Keys(namespace))
    finally:
        await redis.aclose()
        await reader.aclose()


@asynccontextmanager
async def simulator() -> AsyncIterator[Simulator]:
    """A flat account on 674 symbols, whose limits pace nobody."""
    async with Simulator("--symbols", str(SYMBOLS)) as sim:
        await sim.limits(**_LIMITS)
        yield sim


async def start_over(sim: Simulator, round_trip_ms: int, **scenario: object) -> None:
    """Return to a simulator without history, with these positions, so far away."""
    await sim.reset()
    await sim.limits(**_LIMITS)
    await sim.scenario(**scenario)
    await sim.latency(round_trip_ms)


@asynccontextmanager
async def service(module: str, server: Server, keys: Keys, **env: str) -> AsyncIterator[ServiceProcess]:
    """A service, once it is ready."""
    common = {"REDIS_URL": server.url, "FLATTEN_NAMESPACE": keys.namespace}
    async with ServiceProcess(module, common | env) as process:
        await process.wait_ready()
        yield process


def governor_env(server: Server) -> dict[str, str]:
    """Every gate open, again and again."""
    latch = server.directory / "ESS_ON"
    latch.touch()
    return {
        "ESS_LATCH": f"file:{latch}",
        "GOV_TESTNET_FORCE_FLATTEN": "true",
        "GOV_TESTNET_FORCE_FLATTEN_CONFIRM": "FLATTEN_NOW",
        "FLATTEN_COOLDOWN_SECONDS": "0",
        "P29_STALE_SECONDS": "31536000",
    }


def trading_env(server: Server, sim: Simulator) -> dict[str, str]:
    """What the executor needs."""
    return {
        "ESS_LATCH": f"file:{server.directory / 'ESS_ON'}",
        "EXCHANGE_BASE_URL": sim.base_url,
        "EXCHANGE_API_KEY": sim.api_key,
        "EXCHANGE_API_SECRET": sim.api_secret,
    }


def reading_env(sim: Simulator) -> dict[str, str]:
    """What the oracle needs."""
    return {
        "EXCHANGE_BASE_URL": sim.base_url,
        "EXCHANGE_API_KEY": sim.read_key,
        "EXCHANGE_API_SECRET": sim.read_secret,
    }
