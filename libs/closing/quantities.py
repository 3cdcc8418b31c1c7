"""Quantities that the venue takes: multiples of the step, inside the limits of one market order. Exact decimals."""

from decimal import Decimal

from exchange.instruments import floor_to_step, smallest_order
from exchange.model import Instrument


def closable_quantity(quantity: Decimal, instrument: Instrument) -> Decimal:
    """How much of `quantity` (positive) market orders can close; zero when it is less than one order may ask for."""
    floored = floor_to_step(quantity, instrument.step)
    return floored if floored >= smallest_order(instrument.min_quantity, instrument.step) else Decimal(0)


ORDERS_PER_POSITION = 200
"""So many orders at most for one position in one round; what is left over waits for the next round's reading."""


def split(quantity: Decimal, instrument: Instrument) -> tuple[Decimal, ...]:
    """Cut a closable quantity into market orders, none above the maximum nor below the minimum; they sum to it.

    Where the rest after full orders is below the minimum, the last full order gives it what it lacks; where that one
    would then be too small itself, the rest is left. A quantity that would take more than `ORDERS_PER_POSITION` is cut
    short there.
    """
    largest = floor_to_step(instrument.max_quantity, instrument.step)
    smallest = smallest_order(instrument.min_quantity, instrument.step)
    if quantity <= largest:
        return (quantity,)
    if quantity > largest * ORDERS_PER_POSITION:
        return (largest,) * ORDERS_PER_POSITION
    full_orders = int(quantity // largest)
    rest = quantity - full_orders * largest
    orders = [largest] * full_orders
    if rest == 0:
        return tuple(orders)
    if rest < smallest and largest - (smallest - rest) < smallest:
        return tuple(orders)
    if rest < smallest:
        orders[-1] -= smallest - rest
        rest = smallest
    return (*orders, rest)
