"""How many requests the venue still takes. Pure but for what it remembers; the clock is handed in.

The venue counts in fixed windows whose start we do not know; here every window slides, which is never looser. The
venue's own counts, from its response headers, correct ours upward: others may use the same account or address.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from msgspec import Struct

WINDOW_GUARD_MS: Final = 500
"""Requests may reach the venue closer together than they left us, so each window is held this much longer."""


class OrderLimits(Struct, frozen=True, kw_only=True):
    """What the venue allows. The defaults are Binance's published ones."""

    orders_per_10s: int = 300
    orders_per_minute: int = 1_200
    weight_per_minute: int = 2_400


class Usage(Struct, frozen=True, kw_only=True):
    """What the venue says is used, from one answer's headers; nothing where a header is missing."""

    orders_10s: int | None = None
    orders_1m: int | None = None
    weight_1m: int | None = None


class Cost(Struct, frozen=True, kw_only=True):
    """What one request uses up."""

    orders_10s: int = 0
    orders_1m: int = 0
    weight: int = 0


class Pace(Struct, frozen=True, kw_only=True):
    """How orders leave under the venue's limits, worked out beforehand."""

    orders: int
    requests: int
    """Batches, and orders that go alone."""
    held_back_ms: int
    """How long the limits keep the last of them back."""
    limits: OrderLimits


class _Window:
    """Uses within the last `length_ms`, at most `limit` of them."""

    def __init__(self, limit: int, length_ms: int) -> None:
        self.limit = limit
        self._length_ms = length_ms + WINDOW_GUARD_MS
        self._uses: deque[tuple[int, int]] = deque()
        self._used = 0

    def used(self, now_ms: int) -> int:
        while self._uses and self._uses[0][0] <= now_ms - self._length_ms:
            self._used -= self._uses.popleft()[1]
        return self._used

    def use(self, now_ms: int, count: int) -> None:
        if count > 0:
            self._uses.append((now_ms, count))
            self._used += count

    def correct(self, now_ms: int, seen: int | None) -> None:
        if seen is not None:
            self.use(now_ms, seen - self.used(now_ms))

    def wait_ms(self, now_ms: int, count: int) -> int:
        """How long until `count` more fit. More than the whole limit fits once the window is empty."""
        excess = min(self.used(now_ms) + count - self.limit, self._used)
        wait = 0
        for used_at_ms, used in self._uses:
            if excess <= 0:
                break
            excess -= used
            wait = used_at_ms + self._length_ms - now_ms
        return wait


class RateBudget:
    """Counts what leaves, and says how long the next request has to wait. `now_ms` is a monotonic clock."""

    def __init__(self, now_ms: Callable[[], int], limits: OrderLimits | None = None) -> None:
        allowed = limits or OrderLimits()
        self._now_ms = now_ms
        self._orders_10s = _Window(allowed.orders_per_10s, 10_000)
        self._orders_1m = _Window(allowed.orders_per_minute, 60_000)
        self._weight_1m = _Window(allowed.weight_per_minute, 60_000)
        self._silent_until_ms = 0
        self._no_orders_until_ms = 0

    def set_limits(self, limits: OrderLimits) -> None:
        """Take over what the venue's exchangeInfo says. What was used stays counted."""
        self._orders_10s.limit = limits.orders_per_10s
        self._orders_1m.limit = limits.orders_per_minute
        self._weight_1m.limit = limits.weight_per_minute

    def take(self, cost: Cost) -> int:
        """Use up `cost` and return 0, or leave it untouched and return how many milliseconds to wait."""
        now_ms = self._now_ms()
        wait_ms = max(
            self._silent_until_ms - now_ms,
            self._no_orders_until_ms - now_ms if cost.orders_10s else 0,
            self._orders_10s.wait_ms(now_ms, cost.orders_10s) if cost.orders_10s else 0,
            self._orders_1m.wait_ms(now_ms, cost.orders_1m) if cost.orders_1m else 0,
            self._weight_1m.wait_ms(now_ms, cost.weight) if cost.weight else 0,
            0,
        )
        if wait_ms == 0:
            self._orders_10s.use(now_ms, cost.orders_10s)
            self._orders_1m.use(now_ms, cost.orders_1m)
            self._weight_1m.use(now_ms, cost.weight)
        return wait_ms

    def observe(self, usage: Usage) -> None:
        """Correct the counts by what an answer's headers say."""
        now_ms = self._now_ms()
        self._orders_10s.correct(now_ms, usage.orders_10s)
        self._orders_1m.correct(now_ms, usage.orders_1m)
        self._weight_1m.correct(now_ms, usage.weight_1m)

    def keep_silent(self, wait_ms: int) -> None:
        """The venue wants no request at all for so long."""
        self._silent_until_ms = max(self._silent_until_ms, self._now_ms() + wait_ms)

    def hold_orders(self, wait_ms: int) -> None:
        """The venue wants no order for so long; readings go on."""
        self._no_orders_until_ms = max(self._no_orders_until_ms, self._now_ms() + wait_ms)
