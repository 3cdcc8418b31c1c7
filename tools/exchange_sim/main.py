"""`exchange-sim`: read the command line, build the venue, serve until SIGTERM or SIGINT."""

import asyncio
import logging
import signal
import sys
from pathlib import Path

import msgspec

from exchange_sim.core.scenario import Scenario, incident
from exchange_sim.core.signing import ApiKey
from exchange_sim.core.universe import Universe, generate, load
from exchange_sim.core.venue import Venue
from exchange_sim.server import run
from exchange_sim.settings import INCIDENT, Settings, fail, parse


def main() -> None:
    """Run the console program. Bad input is one line on stderr and exit code 2."""
    settings = parse()
    if settings.access_log:
        logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        venue = build(settings)
    except ValueError as error:
        fail(str(error))
    try:
        asyncio.run(_serve(settings, venue))
    except OSError as error:
        fail(f"cannot listen on {settings.host}:{settings.port}: {error.strerror or error}; choose another --port")


def build(settings: Settings) -> Venue:
    """Make the venue that the settings describe. Raises ValueError with one clear line for bad input."""
    universe = _universe(settings)
    keys = (
        ApiKey(key=settings.api_key, secret=settings.api_secret, may_trade=True, may_withdraw=settings.can_withdraw),
        ApiKey(key=settings.read_key, secret=settings.read_secret, may_trade=False),
    )
    return Venue(
        universe,
        {entry.key: entry for entry in keys},
        _scenario(settings, universe),
        round_trip_ms=settings.round_trip_ms,
    )


async def _serve(settings: Settings, venue: Venue) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await run(settings, venue, stop, _announce)


def _announce(url: str) -> None:
    sys.stdout.write(f"exchange-sim listening on {url}\n")
    sys.stdout.flush()


def _universe(settings: Settings) -> Universe:
    if settings.exchange_info is None:
        return generate(settings.symbols, settings.seed)
    content = _read("--exchange-info", settings.exchange_info)
    try:
        return load(msgspec.json.decode(content), settings.seed)
    except msgspec.DecodeError as error:
        raise ValueError(f"--exchange-info {settings.exchange_info}: not valid JSON: {error}") from error
    except ValueError as error:
        raise ValueError(f"--exchange-info {settings.exchange_info}: {error}") from error


def _scenario(settings: Settings, universe: Universe) -> Scenario:
    if settings.scenario is None:
        return Scenario()
    if settings.scenario == INCIDENT:
        return incident(universe, settings.seed)
    try:
        return msgspec.json.decode(_read("--scenario", settings.scenario), type=Scenario)
    except msgspec.DecodeError as error:
        raise ValueError(f"--scenario {settings.scenario}: {error}") from error


def _read(option: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"{option} {path}: {error.strerror}") from error


if __name__ == "__main__":
    main()
