"""How long orders would take to leave is worked out by the rules that they leave by."""

import pytest

from exchange.binance_pace import pace
from exchange.budget import WINDOW_GUARD_MS, OrderLimits
from exchange.model import ReducingOrder
from support.exchange_builders import position, reducing


def orders(count: int) -> list[ReducingOrder]:
    return [reducing(f"id-{number}") for number in range(count)]


@pytest.mark.parametrize(
    ("count", "requests", "held_back_ms"),
    [(0, 0, 0), (1, 1, 0), (44, 9, 0), (300, 60, 0), (301, 61, 10_500), (605, 121, 21_000)],
)
def test_orders_leave_in_batches_of_five_and_wait_for_the_window(count: int, requests: int, held_back_ms: int) -> None:
    told = pace(orders(count), OrderLimits())

    assert (told.orders, told.requests, told.held_back_ms) == (count, requests, held_back_ms)


@pytest.mark.parametrize(
    ("limits", "held_back_ms"),
    [
        (OrderLimits(orders_per_10s=5), 10_000 + WINDOW_GUARD_MS),
        (OrderLimits(orders_per_minute=1), 60_000 + WINDOW_GUARD_MS),
        (OrderLimits(weight_per_minute=5), 60_000 + WINDOW_GUARD_MS),
    ],
    ids=str,
)
def test_each_limit_that_the_venue_states_counts(limits: OrderLimits, held_back_ms: int) -> None:
    told = pace(orders(10), limits)

    assert (told.held_back_ms, told.limits) == (held_back_ms, limits)


def test_a_symbol_that_no_batch_can_carry_goes_alone() -> None:
    odd = ReducingOrder.closing(position("1", symbol="币安人生USDT"), position("1").quantity, "id-odd")

    assert pace([*orders(2), odd, *orders(4)[2:]], OrderLimits()).requests == 3
