"""How long orders would take to leave: the sender's own groups and budget, on a clock that only waiting moves. Pure."""

from collections.abc import Sequence

from exchange.binance_orders import cost_of, groups
from exchange.budget import OrderLimits, Pace, RateBudget
from exchange.model import ReducingOrder


def pace(orders: Sequence[ReducingOrder], limits: OrderLimits) -> Pace:
    """As if nothing of the limits were used yet, and nobody else used them."""
    now_ms = 0
    requests = 0
    budget = RateBudget(lambda: now_ms, limits)
    for group in groups(orders):
        requests += 1
        while wait_ms := budget.take(cost_of(len(group))):
            now_ms += wait_ms
    return Pace(orders=len(orders), requests=requests, held_back_ms=now_ms, limits=limits)
