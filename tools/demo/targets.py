"""Allocation targets for the incident: ETHUSDT far beyond its cap, everything else inside. Pure."""

from collections.abc import Iterable, Mapping
from decimal import ROUND_UP, Decimal

INCIDENT_SYMBOL = "ETHUSDT"
INCIDENT_TARGET_USD = Decimal(1820)
"""What the incident's allocation was."""
_WITHIN_BURST = Decimal("1.5")
"""Position over target of those that use their burst: the cap is twice the target."""
_EVERY = 5


def targets(holdings: Iterable[tuple[str, Decimal]], now_s: int) -> Mapping[str, Mapping[str, str]]:
    """The target hash of each symbol that holds a position, by symbol: every fifth uses its burst, the others don't.

    `holdings`: symbol and notional in USD. Two legs of one symbol add up.
    """
    worth: dict[str, Decimal] = {}
    for symbol, notional_usd in holdings:
        worth[symbol] = worth.get(symbol, Decimal(0)) + notional_usd
    return {
        symbol: {
            "target_usd": str(_target(symbol, worth[symbol], burst=index % _EVERY == 0)),
            "mode": "enforce",
            "confidence": "0.8",
            "timestamp": str(now_s),
        }
        for index, symbol in enumerate(sorted(worth))
    }


def _target(symbol: str, notional_usd: Decimal, *, burst: bool) -> Decimal:
    if symbol == INCIDENT_SYMBOL:
        return INCIDENT_TARGET_USD
    wanted = notional_usd / _WITHIN_BURST if burst else notional_usd
    return max(Decimal("0.01"), wanted.quantize(Decimal("0.01"), ROUND_UP))
