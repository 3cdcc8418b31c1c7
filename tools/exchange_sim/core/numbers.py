"""Exact decimals as the venue writes them: plain digits, fixed places, never an exponent or a minus zero."""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from typing import Final

ZERO: Final = Decimal(0)
MARK_PLACES: Final = 8
LARGEST: Final = Decimal(10) ** 14
"""Scenarios stay below this, so that no product of price and quantity outgrows the arithmetic."""


def plain(value: Decimal, places: int) -> str:
    """Format `value` with exactly `places` digits after the point."""
    return format(value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN) + ZERO, "f")


def short(value: Decimal) -> str:
    """Format `value` with as many digits as it needs, and no exponent."""
    text = format(value + ZERO, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def decimals(value: Decimal) -> int:
    """Count the digits after the point that `value` needs, trailing zeros left out."""
    text = short(value)
    return len(text.partition(".")[2])


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """Round a non-negative `value` down to a multiple of `step`."""
    return (value / step).to_integral_value(rounding=ROUND_DOWN) * step


def is_multiple(value: Decimal, step: Decimal) -> bool:
    """Whether `value` is a whole number of steps."""
    return value % step == 0
