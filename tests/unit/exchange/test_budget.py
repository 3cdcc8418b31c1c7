"""The rate budget: never more than the venue takes, by our count or by its own, whichever is higher."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.budget import WINDOW_GUARD_MS, Cost, OrderLimits, RateBudget, Usage

BATCH = Cost(orders_10s=5, orders_1m=1, weight=5)
READING = Cost(weight=5)


class Clock:
    def __init__(self) -> None:
        self.ms = 1_000_000

    def __call__(self) -> int:
        return self.ms


def test_three_hundred_orders_fit_into_ten_seconds_and_the_next_waits_for_the_window() -> None:
    clock = Clock()
    budget = RateBudget(clock)

    taken = [budget.take(BATCH) for _ in range(60)]
    wait_ms = budget.take(BATCH)
    clock.ms += wait_ms

    assert taken == [0] * 60
    assert wait_ms == 10_000 + WINDOW_GUARD_MS
    assert budget.take(BATCH) == 0


def test_a_refused_take_uses_nothing_up() -> None:
    clock = Clock()
    budget = RateBudget(clock, OrderLimits(orders_per_10s=5))
    budget.take(BATCH)

    waits = [budget.take(BATCH) for _ in range(10)]
    clock.ms += waits[-1]

    assert set(waits) == {10_000 + WINDOW_GUARD_MS}
    assert budget.take(BATCH) == 0


def test_a_batch_counts_once_in_the_minutes_limit() -> None:
    budget = RateBudget(Clock(), OrderLimits(orders_per_10s=1_000, orders_per_minute=10))

    taken = [budget.take(BATCH) for _ in range(11)]

    assert taken == [0] * 10 + [60_000 + WINDOW_GUARD_MS]


def test_the_venues_higher_count_corrects_ours() -> None:
    budget = RateBudget(Clock())

    budget.observe(Usage(orders_10s=298))

    assert budget.take(BATCH) > 0
    assert budget.take(Cost(orders_10s=2, orders_1m=1)) == 0


@pytest.mark.parametrize("usage", [Usage(orders_10s=300), Usage(orders_1m=1_200), Usage(weight_1m=2_400)], ids=str)
def test_each_of_the_venues_counts_holds_orders_back_on_its_own(usage: Usage) -> None:
    budget = RateBudget(Clock())

    budget.observe(usage)

    assert budget.take(BATCH) > 0


@pytest.mark.parametrize(
    "limits",
    [OrderLimits(orders_per_10s=5), OrderLimits(orders_per_minute=1), OrderLimits(weight_per_minute=5)],
    ids=str,
)
def test_each_limit_that_the_venue_states_is_taken_over(limits: OrderLimits) -> None:
    budget = RateBudget(Clock())

    budget.set_limits(limits)

    assert budget.take(BATCH) == 0
    assert budget.take(BATCH) > 0


def test_the_venues_lower_count_does_not_loosen_ours() -> None:
    budget = RateBudget(Clock(), OrderLimits(orders_per_10s=5))
    budget.take(BATCH)

    budget.observe(Usage(orders_10s=0, orders_1m=0, weight_1m=0))

    assert budget.take(BATCH) > 0


def test_a_missing_header_says_nothing() -> None:
    budget = RateBudget(Clock())

    budget.observe(Usage())

    assert budget.take(BATCH) == 0


def test_silence_holds_everything_and_held_orders_only_orders() -> None:
    clock = Clock()
    budget = RateBudget(clock)

    budget.hold_orders(2_000)
    assert (budget.take(BATCH), budget.take(READING)) == (2_000, 0)

    budget.keep_silent(3_000)
    assert (budget.take(BATCH), budget.take(READING)) == (3_000, 3_000)

    clock.ms += 3_000
    assert (budget.take(BATCH), budget.take(READING)) == (0, 0)


def test_a_later_shorter_silence_does_not_shorten_a_longer_one() -> None:
    budget = RateBudget(Clock())

    budget.keep_silent(60_000)
    budget.keep_silent(1_000)

    assert budget.take(READING) == 60_000


def test_new_limits_keep_what_was_used() -> None:
    budget = RateBudget(Clock())
    budget.take(BATCH)

    budget.set_limits(OrderLimits(orders_per_10s=6))

    assert budget.take(BATCH) > 0


def test_one_request_larger_than_the_whole_limit_goes_once_the_window_is_empty() -> None:
    clock = Clock()
    budget = RateBudget(clock, OrderLimits(orders_per_10s=3))

    assert budget.take(BATCH) == 0
    wait_ms = budget.take(BATCH)
    clock.ms += wait_ms

    assert wait_ms > 0
    assert budget.take(BATCH) == 0


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3_000)), max_size=60), st.integers(5, 30))
def test_no_window_ever_holds_more_than_the_limit(steps: list[tuple[int, int]], limit: int) -> None:
    clock = Clock()
    budget = RateBudget(clock, OrderLimits(orders_per_10s=limit))
    sent: list[tuple[int, int]] = []
    for count, pause_ms in steps:
        clock.ms += pause_ms
        while wait_ms := budget.take(Cost(orders_10s=count, orders_1m=1)):
            clock.ms += wait_ms
        sent.append((clock.ms, count))

    for end_ms, _ in sent:
        assert sum(count for at_ms, count in sent if end_ms - 10_000 < at_ms <= end_ms) <= limit
