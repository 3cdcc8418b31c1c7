"""Weights, order counts, 429 and 418."""

import pytest

from exchange_sim.core.errors import VenueError
from exchange_sim.core.limits import Limits, RateLimiter

MINUTE_START_MS = 1_769_571_480_000


def refused(limiter: RateLimiter, now_ms: int, weight: int = 1) -> VenueError:
    with pytest.raises(VenueError) as caught:
        limiter.charge_weight(weight, now_ms)
    return caught.value


def test_the_used_weight_is_told_and_forgotten_with_the_minute() -> None:
    limiter = RateLimiter(Limits())

    limiter.charge_weight(5, MINUTE_START_MS)
    limiter.charge_weight(10, MINUTE_START_MS + 59_999)

    assert limiter.weight_header(MINUTE_START_MS + 59_999) == {"X-MBX-USED-WEIGHT-1M": "15"}
    assert limiter.weight_header(MINUTE_START_MS + 60_000) == {"X-MBX-USED-WEIGHT-1M": "0"}


def test_too_much_weight_is_429_with_the_seconds_that_are_left() -> None:
    limiter = RateLimiter(Limits(weight_1m=10))
    limiter.charge_weight(10, MINUTE_START_MS)

    error = refused(limiter, MINUTE_START_MS + 17_500)

    assert (error.code, error.http_status, error.retry_after_s) == (-1003, 429, 43)


def test_who_goes_on_over_the_limit_is_banned_beyond_the_minute() -> None:
    limiter = RateLimiter(Limits(weight_1m=1, tolerated_429=2, ban_s=120))
    limiter.charge_weight(1, MINUTE_START_MS)

    statuses = [refused(limiter, MINUTE_START_MS + at).http_status for at in range(4)]

    assert statuses == [429, 429, 418, 418]
    assert refused(limiter, MINUTE_START_MS + 60_000).retry_after_s == 61
    limiter.charge_weight(1, MINUTE_START_MS + 120_002)


def test_orders_are_counted_in_ten_seconds_and_in_the_minute() -> None:
    limiter = RateLimiter(Limits())

    limiter.charge_orders(5, 1, MINUTE_START_MS)
    limiter.charge_orders(1, 1, MINUTE_START_MS + 9_999)

    assert limiter.order_headers(MINUTE_START_MS + 9_999) == {"X-MBX-ORDER-COUNT-10S": "6", "X-MBX-ORDER-COUNT-1M": "2"}
    assert limiter.order_headers(MINUTE_START_MS + 10_000)["X-MBX-ORDER-COUNT-10S"] == "0"
    assert limiter.order_headers(MINUTE_START_MS + 10_000)["X-MBX-ORDER-COUNT-1M"] == "2"


def test_an_order_too_many_is_refused_and_not_counted() -> None:
    limiter = RateLimiter(Limits(orders_10s=7))
    limiter.charge_orders(5, 1, MINUTE_START_MS)

    with pytest.raises(VenueError) as caught:
        limiter.charge_orders(5, 1, MINUTE_START_MS)

    assert (caught.value.code, caught.value.http_status, caught.value.retry_after_s) == (-1015, 429, 10)
    assert limiter.order_headers(MINUTE_START_MS) == {"X-MBX-ORDER-COUNT-10S": "5", "X-MBX-ORDER-COUNT-1M": "1"}


def test_what_exchange_info_publishes_is_what_is_enforced() -> None:
    published = RateLimiter(Limits(weight_1m=7, orders_10s=3, orders_1m=9)).published()

    assert {(row["rateLimitType"], row["interval"], row["intervalNum"]): row["limit"] for row in published} == {
        ("REQUEST_WEIGHT", "MINUTE", 1): 7,
        ("ORDERS", "MINUTE", 1): 9,
        ("ORDERS", "SECOND", 10): 3,
    }
