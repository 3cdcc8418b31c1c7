"""The command line. A mistake is one clear line on stderr and exit code 2."""

import argparse
import os
import sys
from typing import Final, NoReturn

from msgspec import Struct

PROGRAM: Final = "exchange-sim"
PORT_DEFAULT: Final = 8090
PORT_MAX: Final = 65_535
SYMBOLS_DEFAULT: Final = 674
SYMBOLS_MIN: Final = 4
SYMBOLS_MAX: Final = 5000
INCIDENT: Final = "incident"


class Settings(Struct, frozen=True, kw_only=True):
    """How to run the simulator."""

    host: str = "127.0.0.1"
    port: int = PORT_DEFAULT
    symbols: int = SYMBOLS_DEFAULT
    seed: int = 20260128
    scenario: str | None = None
    """`incident` or the path of a JSON file."""
    exchange_info: str | None = None
    api_key: str = "sim-key"
    api_secret: str = "sim-secret"  # noqa: S105 - a dummy, for a local simulator
    read_key: str = "sim-read-key"
    read_secret: str = "sim-read-secret"  # noqa: S105 - a dummy, for a local simulator
    can_withdraw: bool = False
    round_trip_ms: float = 0.0
    access_log: bool = False


def fail(problem: str) -> NoReturn:
    """Say what is wrong in one line and stop."""
    sys.stderr.write(f"{PROGRAM}: {problem}\n")
    raise SystemExit(2)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        fail(f"{message} (see {PROGRAM} --help)")


def parse(arguments: list[str] | None = None) -> Settings:
    """Read the command line; the port falls back to HTTP_PORT."""
    default = Settings()
    parser = _Parser(
        prog=PROGRAM, description="A local exchange that speaks the Binance USD-M REST API. Control: /sim/…"
    )
    add = parser.add_argument
    add("--host", default=default.host, help="address to listen on (%(default)s)")
    add("--port", type=_whole(0, PORT_MAX), help=f"0 picks a free one and prints it (HTTP_PORT, else {PORT_DEFAULT})")
    add(
        "--symbols",
        type=_whole(SYMBOLS_MIN, SYMBOLS_MAX),
        default=default.symbols,
        help="how many to make up (%(default)s)",
    )
    add("--seed", type=int, default=default.seed, help="same seed, same universe and positions (%(default)s)")
    add("--scenario", metavar="FILE", help=f"JSON as for POST /sim/scenario, or `{INCIDENT}`: 44 positions")
    add("--exchange-info", metavar="FILE", help="an answer of GET /fapi/v1/exchangeInfo to take the symbols from")
    add("--api-key", default=default.api_key, help="the key that may trade (%(default)s)")
    add("--api-secret", default=default.api_secret, help="its secret (%(default)s)")
    add("--read-key", default=default.read_key, help="the key that may only read (%(default)s)")
    add("--read-secret", default=default.read_secret, help="its secret (%(default)s)")
    add("--can-withdraw", action="store_true", help="the trading key may withdraw, as no such key should")
    add("--round-trip-ms", type=float, default=default.round_trip_ms, help="latency of every request (%(default)s)")
    add("--access-log", action="store_true", help="one line on stderr per request")
    values = vars(parser.parse_args(arguments))
    if values["port"] is None:
        values["port"] = _port_from_environment()
    if values["round_trip_ms"] < 0:
        fail(f"--round-trip-ms: must not be negative, got {values['round_trip_ms']}")
    return Settings(**values)


def _port_from_environment() -> int:
    text = os.environ.get("HTTP_PORT", str(PORT_DEFAULT))
    try:
        return _whole(0, PORT_MAX)(text)
    except argparse.ArgumentTypeError as error:
        fail(f"HTTP_PORT: {error}")


class _whole:  # noqa: N801 - reads as a type in add_argument
    def __init__(self, lowest: int, highest: int) -> None:
        self._lowest, self._highest = lowest, highest

    def __call__(self, text: str) -> int:
        if not text.isdecimal() or not self._lowest <= int(text) <= self._highest:
            raise argparse.ArgumentTypeError(
                f"must be a whole number from {self._lowest} to {self._highest}, got {text!r}"
            )
        return int(text)
