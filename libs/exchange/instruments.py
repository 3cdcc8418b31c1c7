"""Quantities and prices that a venue takes: steps, limits, digits, bands. Pure and exact."""

import math
from collections.abc import Iterable
from decimal import Clamped, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow, Underflow
from typing import Final

from msgspec import Struct

from exchange.model import Instrument

EXACT: Final = Context(prec=120, traps=[Clamped, DivisionByZero, Inexact, InvalidOperation, Overflow, Underflow])
"""Arithmetic that raises rather than rounds. Far wider than any number that the adapter lets in."""

MAGNITUDE_MAX: Final = 20
_BAND_USED: Final = Decimal("0.95")
_DIGITS: Final = Context(prec=28, traps=[])
"""Decimal's own default precision: what it would round, our arithmetic elsewhere would round as well."""


def is_sane(number: Decimal) -> bool:
    """Finite, at most 28 digits, between 1e-20 and 1e20 (or zero): nothing that rounds, overflows or fills a screen."""
    if not number.is_finite():
        return False
    if not number:
        return True
    return -MAGNITUDE_MAX <= number.adjusted() <= MAGNITUDE_MAX and _DIGITS.plus(number) == number


def floor_to_step(quantity: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of `step` that is not above `quantity`, both positive or zero quantity. Exact.

    Raises ValueError for a step that is not positive or a quantity that is negative.
    """
    if not (step.is_finite() and step > 0):
        raise ValueError(f"a step is positive and finite, not {step}")
    if not (quantity.is_finite() and quantity >= 0):
        raise ValueError(f"a quantity to floor is finite and not negative, not {quantity}")
    return EXACT.multiply(EXACT.divide_int(quantity, step), step)


def plain(quantity: Decimal) -> str:
    """A positive quantity as the venue takes it: no exponent, no trailing zeros, no sign (I13).

    Raises ValueError for what must never reach a venue: NaN, infinity, zero, anything negative.
    """
    if not quantity.is_finite() or quantity <= 0:
        raise ValueError(f"an order's quantity is positive and finite, not {quantity}")
    text = format(quantity, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def band_limit(mark: Decimal, instrument: Instrument, *, selling: bool) -> Decimal | None:
    """The worst price, a multiple of the tick, that PERCENT_PRICE surely allows an order around `mark` (quote units).

    Nothing where the venue states no band, or none that an order could be priced in. A twentieth of the band is kept
    clear: the mark moves while the order travels.
    """
    multiplier = instrument.price_multiplier_down if selling else instrument.price_multiplier_up
    if multiplier is None or instrument.tick <= 0 or mark <= 0:
        return None
    edge = mark + mark * (multiplier - 1) * _BAND_USED
    price = floor_to_step(edge, instrument.tick) if edge > 0 else Decimal(0)
    if selling and price < edge:
        price += instrument.tick
    return price if price > 0 else None


def common_step(steps: Iterable[Decimal]) -> Decimal:
    """The smallest quantity that is a multiple of every step: their least common multiple. Steps are positive."""
    numbers = tuple(steps)
    exponent = min(_exponent(number) for number in numbers)
    units = (int(EXACT.scaleb(number, -exponent)) for number in numbers)
    return EXACT.scaleb(Decimal(math.lcm(*units)), exponent)


def smallest_order(min_quantity: Decimal, step: Decimal) -> Decimal:
    """The minimum, rounded up to the step; at least one step."""
    floored = floor_to_step(min_quantity, step)
    return max(floored if floored == min_quantity else floored + step, step)


class LotSize(Struct, frozen=True, kw_only=True):
    """One lot filter. A zero means that the filter does not limit there, as the venue has it."""

    min_quantity: Decimal
    max_quantity: Decimal
    step: Decimal


def stricter(lots: Iterable[LotSize], quantity_precision: int) -> LotSize:
    """The one filter that satisfies all of `lots` and the digits after the point. At least one sets a maximum.

    Raises ValueError where none does.
    """
    filters = tuple(lots)
    maxima = [lot.max_quantity for lot in filters if lot.max_quantity > 0]
    if not maxima:
        raise ValueError("no lot filter sets a largest quantity")
    digits = Decimal(1).scaleb(-quantity_precision)
    return LotSize(
        min_quantity=max(lot.min_quantity for lot in filters),
        max_quantity=min(maxima),
        step=common_step([digits, *(lot.step for lot in filters if lot.step > 0)]),
    )


def _exponent(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int):
        raise TypeError(f"a step is finite, not {number}")
    return exponent
