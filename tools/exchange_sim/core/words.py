"""The venue's own words."""

from typing import Final, Literal

Side = Literal["BUY", "SELL"]
PositionSide = Literal["BOTH", "LONG", "SHORT"]

SIDES: Final = ("BUY", "SELL")
POSITION_SIDES: Final[tuple[PositionSide, ...]] = ("BOTH", "LONG", "SHORT")
TIMES_IN_FORCE: Final = ("GTC", "IOC", "FOK", "GTX")
CONDITIONAL_TYPES: Final = ("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")
LIVE: Final = ("NEW", "PARTIALLY_FILLED")
