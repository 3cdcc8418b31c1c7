"""What a run would do if every order filled whole: the orders of each round, and what stays open after them."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from closing.filters import Limits, PositionKey, Sieve, beyond_limit, sift
from closing.planning import PlannedOrder, plan_round
from contracts.arming import Scope
from exchange.model import Listings, Position, PositionMode, PositionReading

ROUNDS_MAX = 20
"""So many rounds are worked out: twenty times two hundred orders for one position."""


class Forecast(Struct, frozen=True, kw_only=True):
    """One reading, and what would become of it."""

    before: Sieve
    rounds: tuple[tuple[PlannedOrder, ...], ...]
    """Nothing when the run would abort."""
    after: Sieve
    """What the next reading would show, at the same prices."""
    would_abort: str
    """Why the run would send no order at all; empty when it would."""

    @property
    def orders(self) -> tuple[PlannedOrder, ...]:
        """All orders, in the order in which they would leave."""
        return tuple(order for of_round in self.rounds for order in of_round)


def forecast(
    reading: PositionReading,
    marks: Mapping[str, Decimal],
    listings: Listings,
    scope: Scope,
    limits: Limits,
    *,
    mode: PositionMode,
) -> Forecast:
    """Filter, plan, and filter what is left, as the executor does, until there is nothing more to close."""

    def sifted(shown: PositionReading) -> Sieve:
        return sift(shown, marks, listings, scope, limits, mode=mode)

    before = after = sifted(reading)
    would_abort = beyond_limit([sifted.key for sifted in before.to_close], limits.max_positions)
    rounds: list[tuple[PlannedOrder, ...]] = []
    while after.to_close and not would_abort and len(rounds) < ROUNDS_MAX:
        number = len(rounds) + 1
        rounds.append(plan_round(after.to_close, listings.instruments, request_id="plan", round_number=number))
        reading = _filled(reading, rounds[-1])
        after = sifted(reading)
    return Forecast(before=before, rounds=tuple(rounds), after=after, would_abort=would_abort)


def _filled(reading: PositionReading, orders: Iterable[PlannedOrder]) -> PositionReading:
    closed: dict[PositionKey, Decimal] = {}
    for order in orders:
        closed[order.key] = closed.get(order.key, Decimal(0)) + order.order.quantity
    return replace(reading, positions=tuple(_less(position, closed) for position in reading.positions))


def _less(position: Position, closed: Mapping[PositionKey, Decimal]) -> Position:
    quantity = closed.get(PositionKey(position.symbol, position.side))
    if quantity is None:
        return position
    left = position.quantity - quantity if position.quantity > 0 else position.quantity + quantity
    return replace(position, quantity=left)
