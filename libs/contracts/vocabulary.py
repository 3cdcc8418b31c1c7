"""Words that events, exchange and services share. The values are what travels on the wire."""

from enum import StrEnum


class Word(StrEnum):
    """A wire word: prints as its value wherever it is formatted."""


class PositionSide(Word):
    """Which leg of a symbol a position is: `both` in one-way mode, `long` or `short` in hedge mode."""

    BOTH = "both"
    LONG = "long"
    SHORT = "short"


class OrderSide(Word):
    """The side of an order."""

    BUY = "buy"
    SELL = "sell"


class Environment(Word):
    """What the exchange behind `EXCHANGE_BASE_URL` is. Only `live` is real money."""

    SIM = "sim"
    DEMO = "demo"
    TESTNET = "testnet"
    LIVE = "live"
