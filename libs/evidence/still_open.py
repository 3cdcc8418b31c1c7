"""What a verdict knows about what is still open, and what it cannot know. Pure."""

from collections.abc import Iterator
from decimal import Decimal

from msgspec import Struct

from contracts.flattening import FlattenCompleted, RunVerdict
from evidence.figures import moment, money


class StillOpen(Struct, frozen=True, kw_only=True):
    """What is left inside the arm's scope, by the run's last reading of the exchange."""

    read_at_ms: int | None
    """When that reading was taken; nothing when there is none: then everything here is what was open before."""
    positions: int
    """Open in that reading, dust included; without one, those that were open before."""
    notional_usd: Decimal
    """Of those positions whose notional is known."""
    unpriced: int
    unknown: int
    """Rows that could not be read or were missing: each may hide an open position."""
    lost_orders: int
    """Orders of which nobody knows what became."""
    may_reopen: int
    """Waiting orders that may open a position again."""
    doubted: bool
    """Whether the verdict is not flat."""
    outside: int
    """Positions outside the arm's scope, which were seen and not touched."""

    @property
    def certain(self) -> bool:
        """Whether something is surely there, not only unknown."""
        return self.read_at_ms is not None and bool(self.positions or self.may_reopen)

    @property
    def heading(self) -> str:
        """What it is about: an arm for some symbols says nothing about the others."""
        return "STILL OPEN within the arm's scope" if self.outside else "STILL OPEN"

    @property
    def text(self) -> str:
        """For people: what the heading is followed by."""
        return f"{self._inside}; {self.outside} positions outside it were not touched" if self.outside else self._inside

    @property
    def _inside(self) -> str:
        if self.read_at_ms is None:
            before = f"; before that {self._worth}" if self.positions else ""
            return f"unknown, the exchange could not be read at the end{before}"
        parts = [self._worth] if self.positions else []
        if self.unknown:
            parts.append(f"unknown, {self.unknown} rows could not be read, each may hide an open position")
        if parts:
            return "; ".join(parts)
        read_at = f"(exchange read at {moment(self.read_at_ms)})"
        doubts = "".join(f"; {doubt}" for doubt in self._doubts())
        if doubts or self.doubted:
            return f"nothing was seen {read_at}, but nobody can say that it stays so{doubts}"
        return f"nothing {read_at}"

    @property
    def _worth(self) -> str:
        unpriced = f" and {self.unpriced} without a price" if self.unpriced else ""
        return f"{self.positions} positions, {money(self.notional_usd)}{unpriced}"

    def _doubts(self) -> Iterator[str]:
        if self.lost_orders:
            yield f"{self.lost_orders} orders of which nobody knows what became"
        if self.may_reopen:
            yield f"{self.may_reopen} waiting orders may open a position again"


def still_open(completed: FlattenCompleted) -> StillOpen:
    """What the verdict says of it."""
    read_at_ms = completed.timings.verified_at_ms
    rows = [row for row in completed.residual if read_at_ms is None or row.quantity is not None]
    return StillOpen(
        read_at_ms=read_at_ms,
        positions=len(rows),
        notional_usd=completed.residual_notional_usd,
        unpriced=sum(row.notional_usd is None for row in rows),
        unknown=len(completed.residual) - len(rows),
        lost_orders=completed.counts.unknown,
        may_reopen=sum(not order.reduce_only for order in completed.resting_left),
        outside=completed.counts.out_of_scope,
        doubted=completed.verdict is RunVerdict.NOT_FLAT,
    )
