"""From configuration to a port."""

import asyncio
import time
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from contracts.vocabulary import Environment
from exchange.binance import BinanceGateway
from exchange.binance_inspector import BinanceInspector
from exchange.binance_reader import BinanceAccountReader, BinanceReader
from exchange.config import ExchangeConfig
from exchange.ports import AccountReader, KeyInspector, OrderGateway, PositionReader

__all__ = [
    "SUPPORTED",
    "ExchangeConfig",
    "open_account_reader",
    "open_gateway",
    "open_inspector",
    "open_reader",
    "problems_with",
]

SUPPORTED = ("binanceusdm",)


def open_reader(config: ExchangeConfig) -> PositionReader:
    """A port that can only look. Opens no connection yet. Raises ValueError with one line when the config is wrong."""
    _check(config)
    return BinanceReader(config, now_ms=_unix_ms, monotonic_ms=_monotonic_ms)


def open_account_reader(config: ExchangeConfig) -> AccountReader:
    """A port that can look at all that a flatten decides on, and no more. Raises ValueError as `open_reader` does."""
    _check(config)
    return BinanceAccountReader(config, now_ms=_unix_ms, monotonic_ms=_monotonic_ms)


def open_gateway(config: ExchangeConfig) -> OrderGateway:
    """A port that can look and reduce. Opens no connection yet. Raises ValueError as `open_reader` does."""
    _check(config)
    return BinanceGateway(config, now_ms=_unix_ms, monotonic_ms=_monotonic_ms, sleep=asyncio.sleep)


def open_inspector(config: ExchangeConfig) -> KeyInspector:
    """A port that asks about the key and the clock. Opens no connection yet. Raises ValueError as `open_reader` does.

    Without a key it still can ask for the time.
    """
    for problem in problems_with(config):
        if not problem.startswith(("EXCHANGE_API_KEY", "EXCHANGE_API_SECRET")):
            raise ValueError(problem)
    return BinanceInspector(config, now_ms=_unix_ms, monotonic_ms=_monotonic_ms)


def problems_with(config: ExchangeConfig) -> Iterator[str]:
    """What is wrong with the configuration: one line each, which begins with the variable's name."""
    if config.exchange_id not in SUPPORTED:
        yield f"EXCHANGE_ID: {config.exchange_id!r} is not supported; use one of {', '.join(SUPPORTED)}"
    if config.base_url is None and config.environment is Environment.SIM:
        yield "EXCHANGE_BASE_URL: missing; EXCHANGE_ENV=sim needs the simulator's address"
    if config.base_url is not None:
        parts = _split(config.base_url)
        if (
            parts is None
            or parts.scheme not in ("http", "https")
            or not parts.hostname
            or parts.port == 0
            or parts.query
            or parts.username
        ):
            yield "EXCHANGE_BASE_URL: not an http or https address of a server"
    for name, value in (("EXCHANGE_API_KEY", config.api_key), ("EXCHANGE_API_SECRET", config.api_secret)):
        if not value.strip():
            yield f"{name}: empty; the exchange answers nothing about an account without it"


def _check(config: ExchangeConfig) -> None:
    for problem in problems_with(config):
        raise ValueError(problem)


def _split(address: str) -> SplitResult | None:
    if not address.isprintable() or " " in address:
        return None
    try:
        parts = urlsplit(address)
        _ = parts.port  # raises for what is no number
    except ValueError:
        return None
    return parts


def _unix_ms() -> int:
    return time.time_ns() // 1_000_000


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000
