"""What the governor shows of the present: the outlook for an arm, and the newest P2.9 check of each symbol.

Both are kept as they are and put into numbers when somebody scrapes: a check costs nothing more, and a symbol that is
closed is not shown any more.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal

from contracts.positions import AllocationCheck, AllocationVerdict
from governor.core.outlook import Outlook
from runtime.metrics import Metrics, Rows


class AllocationGauges:
    """The newest P2.9 check of each symbol that holds a position, or may hold one."""

    def __init__(self, metrics: Metrics) -> None:
        self._checks: Sequence[AllocationCheck] = ()
        symbol = ("symbol",)
        for name, meaning, amount in (
            ("gov_p29_position_usd", "Gross notional of an open symbol", lambda check: check.position_usd),
            ("gov_p29_target_usd", "Its allocation target", lambda check: check.target_usd),
            ("gov_p29_burst_cap_usd", "Its burst cap: beyond it is a breach", lambda check: check.burst_cap_usd),
        ):
            metrics.live_gauge(name, f"{meaning}; absent while unknown", symbol, self._amounts(amount))
        metrics.live_gauge(
            "gov_p29_verdict", "1 for the newest verdict of an open symbol", ("symbol", "verdict"), self._verdicts
        )
        metrics.live_gauge("gov_p29_symbols", "Open symbols by their newest verdict", ("verdict",), self._count)

    def show(self, checks: Sequence[AllocationCheck]) -> None:
        """All checks of one snapshot, in place of those before."""
        self._checks = checks

    def _open(self) -> list[AllocationCheck]:
        return [check for check in self._checks if check.verdict is not AllocationVerdict.FLAT]

    def _amounts(self, amount: Callable[[AllocationCheck], Decimal | None]) -> Callable[[], Rows]:
        """A gauge is a float by definition."""
        return lambda: [((check.symbol,), float(usd)) for check in self._open() if (usd := amount(check)) is not None]

    def _verdicts(self) -> Rows:
        return [((check.symbol, check.verdict.value), 1) for check in self._open()]

    def _count(self) -> Rows:
        counted = Counter(check.verdict for check in self._open())
        return [((word.value,), counted[word]) for word in AllocationVerdict if word is not AllocationVerdict.FLAT]


class OutlookGauges:
    """What the next arm would meet."""

    def __init__(self, metrics: Metrics) -> None:
        self._outlook: Outlook | None = None
        metrics.live_gauge(
            "gov_gate_passes",
            "1 for a gate that would let an arm pass now; of those that can be asked without an arm",
            ("gate",),
            self._passes,
        )
        metrics.live_gauge(
            "gov_cooldown_left_seconds", "How long the cooldown still refuses; NaN: cannot be read", (), self._left
        )
        metrics.live_gauge(
            "gov_run_in_flight_timestamp_seconds",
            "When the request in flight was accepted; 0: none is in flight, NaN: cannot be read",
            (),
            self._in_flight,
        )

    def show(self, outlook: Outlook) -> None:
        """The newest look, in place of the one before."""
        self._outlook = outlook

    def _passes(self) -> Rows:
        """Nothing before the first look."""
        return [((gate.value,), passed) for gate, passed in self._outlook.passes.items()] if self._outlook else []

    def _left(self) -> Rows:
        return [((), _seconds(self._outlook.cooldown_left_ms))] if self._outlook else []

    def _in_flight(self) -> Rows:
        return [((), _seconds(self._outlook.in_flight_since_ms))] if self._outlook else []


def _seconds(ms: int | None) -> float:
    return math.nan if ms is None else ms / 1000
