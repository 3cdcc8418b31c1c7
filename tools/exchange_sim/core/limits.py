"""Request weight and order counts in fixed windows, with the venue's headers, 429 and 418.

Weights are per address (2400 a minute, 6000 on the test network), orders per account (300 in 10 s, 1200 a minute).
Who keeps asking while over the limit is banned. An attempt counts whether or not the order is then accepted.
"""

from typing import Final

from msgspec import Struct

from exchange_sim.core.errors import BANNED, VenueError, refusal

MINUTE_MS: Final = 60_000
TEN_SECONDS_MS: Final = 10_000


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much is allowed. `exchangeInfo` publishes the first three."""

    weight_1m: int = 6000
    orders_10s: int = 300
    orders_1m: int = 1200
    tolerated_429: int = 10
    """How many requests over the limit are answered 429 before the address is banned."""
    ban_s: int = 120


class Window:
    """A counter that starts anew with every full window of the server's clock."""

    def __init__(self, length_ms: int) -> None:
        self._length_ms = length_ms
        self._number = -1
        self.used = 0

    def roll(self, now_ms: int) -> None:
        """Forget what belongs to an earlier window."""
        number = now_ms // self._length_ms
        if number != self._number:
            self._number, self.used = number, 0

    def seconds_left(self, now_ms: int) -> int:
        """Whole seconds until the window ends, at least 1."""
        return max(1, -(-(self._length_ms - now_ms % self._length_ms) // 1000))


class RateLimiter:
    """The counters of one address and one account."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._weight = Window(MINUTE_MS)
        self._orders_10s = Window(TEN_SECONDS_MS)
        self._orders_1m = Window(MINUTE_MS)
        self._refused = 0
        self._banned_until_ms = 0

    def charge_weight(self, weight: int, now_ms: int) -> None:
        """Count a request; 429 when the minute is used up, 418 for who goes on."""
        if now_ms < self._banned_until_ms:
            raise self._ban(now_ms)
        self._weight.roll(now_ms)
        self._weight.used += weight
        if self._weight.used > self.limits.weight_1m:
            raise self._over(refusal(-1003, self.limits.weight_1m), self._weight, now_ms)
        self._refused = 0

    def charge_orders(self, in_10s: int, in_1m: int, now_ms: int) -> None:
        """Count orders, -1015 (HTTP 429) when they do not fit. A batch counts 5 in 10 s and 1 in the minute."""
        for window, amount, limit, name in (
            (self._orders_10s, in_10s, self.limits.orders_10s, "TEN_SECONDS"),
            (self._orders_1m, in_1m, self.limits.orders_1m, "MINUTE"),
        ):
            window.roll(now_ms)
            if window.used + amount > limit:
                raise self._over(refusal(-1015, limit, name), window, now_ms)
        self._orders_10s.used += in_10s
        self._orders_1m.used += in_1m

    def weight_header(self, now_ms: int) -> dict[str, str]:
        """Return the header that every answer carries."""
        self._weight.roll(now_ms)
        return {"X-MBX-USED-WEIGHT-1M": str(self._weight.used)}

    def order_headers(self, now_ms: int) -> dict[str, str]:
        """Return the headers of answers about new orders."""
        self._orders_10s.roll(now_ms)
        self._orders_1m.roll(now_ms)
        return {
            "X-MBX-ORDER-COUNT-10S": str(self._orders_10s.used),
            "X-MBX-ORDER-COUNT-1M": str(self._orders_1m.used),
        }

    def published(self) -> list[dict[str, object]]:
        """Return `rateLimits` of `exchangeInfo`."""
        rows = (
            ("REQUEST_WEIGHT", "MINUTE", 1, self.limits.weight_1m),
            ("ORDERS", "MINUTE", 1, self.limits.orders_1m),
            ("ORDERS", "SECOND", 10, self.limits.orders_10s),
        )
        return [
            {"rateLimitType": kind, "interval": interval, "intervalNum": count, "limit": limit}
            for kind, interval, count, limit in rows
        ]

    def _over(self, error: VenueError, window: Window, now_ms: int) -> VenueError:
        self._refused += 1
        if self._refused > self.limits.tolerated_429:
            self._banned_until_ms = now_ms + self.limits.ban_s * 1000
            return self._ban(now_ms)
        error.retry_after_s = window.seconds_left(now_ms)
        return error

    def _ban(self, now_ms: int) -> VenueError:
        msg = f"Way too many requests; IP banned until {self._banned_until_ms}. Please use the websocket."
        seconds = max(1, -(-(self._banned_until_ms - now_ms) // 1000))
        return VenueError(-1003, msg, http_status=BANNED, retry_after_s=seconds)
