"""`demo-targets`: allocation targets for what a simulator holds, so that the P2.9 check has something to say.

In production others write them. So it works for `EXCHANGE_ENV=sim` alone, and touches no target that it did not write.
"""

import argparse
import asyncio
import http.client
import os
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from redis.asyncio import Redis
from redis.exceptions import RedisError

from contracts.streams import DEFAULT_ALLOCATION_PREFIX
from contracts.vocabulary import Environment
from demo.targets import INCIDENT_SYMBOL, targets
from exchange.config import SIMULATOR_URL
from runtime.errors import SettingsError
from runtime.programs import CannotStart, http_get
from runtime.redis_client import open_redis, raw
from runtime.secret import SecretUrl
from runtime.settings import load, redis_problems

PROGRAM = "demo-targets"
WRITER = "written_by"
"""A field that says whose target it is. The P2.9 check does not read it."""
FAILED = 1
REFUSED = 2


class Settings(Struct, frozen=True, kw_only=True):
    """Where the simulator is, and where the governor looks. `sim` must be said: it is not taken for granted here."""

    redis_url: SecretUrl = SecretUrl("redis://127.0.0.1:6379/0")
    flatten_allocation_prefix: str = DEFAULT_ALLOCATION_PREFIX
    exchange_env: Environment | None = None
    exchange_base_url: Annotated[
        str, Meta(pattern=r"^http://[^/\s:]+(:[0-9]{1,5})?/?$", description="must be http://host:port")
    ] = SIMULATOR_URL

    def problems(self) -> Iterator[str]:
        """What no type tells: one line each, which begins with the variable's name."""
        yield from redis_problems(self.redis_url)
        if self.exchange_env is not Environment.SIM:
            given = "not set" if self.exchange_env is None else self.exchange_env.value
            yield f"EXCHANGE_ENV is {given}: targets are made up for sim alone; elsewhere others write them"


class _Position(Struct):
    symbol: str
    notional: Decimal


class _State(Struct):
    positions: list[_Position]


async def write_targets(redis: Redis, prefix: str, exchange_url: str) -> int:
    """A fresh target for each symbol with a position; how many. Raises CannotStart, RedisError."""
    holdings = await _holdings(exchange_url)
    seconds, _ = await raw(redis, "TIME")
    wanted = {f"{prefix}{symbol}": fields for symbol, fields in targets(holdings, int(seconds)).items()}
    for key in wanted:
        if await raw(redis, "EXISTS", key) and await raw(redis, "HGET", key, WRITER) != PROGRAM.encode():
            raise CannotStart(f"{key} is there, and others wrote it: nothing was written")
    for key, fields in wanted.items():
        flat = [text for pair in fields.items() for text in pair]
        await raw(redis, "HSET", key, *flat, WRITER, PROGRAM)
    return len(wanted)


async def _holdings(exchange_url: str) -> list[tuple[str, Decimal]]:
    """Symbol and notional of each position of a simulator."""
    status, body = await http_get(exchange_url.rstrip("/"), "/sim/state")
    if status == 0:
        raise CannotStart(f"no simulator answers at {exchange_url}: start exchange-sim, or set EXCHANGE_BASE_URL")
    if status != http.client.OK:
        raise CannotStart(f"{exchange_url} is no simulator: /sim/state answers {status}")
    try:
        state = msgspec.json.decode(body, type=_State)
    except msgspec.DecodeError as error:
        raise CannotStart(f"{exchange_url} is no simulator: /sim/state holds no positions") from error
    return [(position.symbol, position.notional) for position in state.positions]


def main() -> None:
    """The console program."""
    argparse.ArgumentParser(
        prog=PROGRAM,
        description=f"Writes an allocation target for each position of a simulator: {INCIDENT_SYMBOL} far beyond its "
        "cap, the others inside. They are fresh for P29_STALE_SECONDS.",
        epilog="Variables: EXCHANGE_ENV (must be sim), EXCHANGE_BASE_URL, REDIS_URL, FLATTEN_ALLOCATION_PREFIX.",
    ).parse_args()
    try:
        settings = load(Settings, os.environ)
    except SettingsError as error:
        sys.exit(_refuse(error.lines))
    sys.exit(asyncio.run(_seed(settings)))


async def _seed(settings: Settings) -> int:
    redis = open_redis(settings.redis_url, name=PROGRAM)
    try:
        written = await write_targets(redis, settings.flatten_allocation_prefix, settings.exchange_base_url)
    except (CannotStart, RedisError, OSError) as error:
        sys.stderr.write(f"{PROGRAM}: {error}\n")
        return FAILED
    finally:
        await redis.aclose()
    if not written:
        sys.stderr.write(f"{PROGRAM}: nothing is open at {settings.exchange_base_url}: no target was written\n")
        return FAILED
    sys.stdout.write(
        f"{written} targets written to {settings.flatten_allocation_prefix}*; "
        "fresh for P29_STALE_SECONDS (300 unless set), then write them again\n"
    )
    return 0


def _refuse(lines: tuple[str, ...]) -> int:
    sys.stderr.writelines(f"{PROGRAM}: {line}\n" for line in lines)
    return REFUSED


if __name__ == "__main__":
    main()
