"""Whether a position list can be whole: the venue lists every symbol, held or not, so a row is never left out."""

from collections.abc import Collection

from msgspec import Struct

from contracts.vocabulary import PositionSide
from exchange.model import LEGS, PositionMode, PositionReading


class MissingRow(Struct, frozen=True, order=True):
    """A row that must be there and is not: it may be an open position."""

    symbol: str
    position_side: PositionSide

    def __str__(self) -> str:
        """The symbol, and the leg in hedge mode."""
        return self.symbol if self.position_side is PositionSide.BOTH else f"{self.symbol} {self.position_side}"


def missing_rows(reading: PositionReading, listed: Collection[str]) -> tuple[MissingRow, ...]:
    """The rows that `reading` must have and has not, by name (I14).

    There must be one of every symbol in `listed` (see `PositionReader.listed`); where any row is a leg, the account is
    in hedge mode, and there must be both legs of every symbol. An unreadable row counts as all rows of its symbol: it
    is told by itself.
    """
    shown = {(row.symbol, row.side) for row in reading.positions}
    named = {row.symbol for row in reading.unreadable}
    hedged = any(side in LEGS[PositionMode.HEDGE] for _, side in shown)
    legs = LEGS[PositionMode.HEDGE if hedged else PositionMode.ONE_WAY]
    wanted = {symbol for symbol, _ in shown}.union(listed) - named
    missing = (MissingRow(symbol, leg) for symbol in wanted for leg in legs if (symbol, leg) not in shown)
    return tuple(sorted(missing))
