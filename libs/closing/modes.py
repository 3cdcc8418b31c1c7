"""Rows and position mode brought together: they come from two answers, and the mode may change between them."""

from msgspec.structs import replace

from exchange.errors import ReadUnusable
from exchange.model import LEGS, PositionMode, PositionReading, UnreadableRow


def shown_mode(reading: PositionReading) -> PositionMode:
    """The mode by the rows: in hedge mode there are legs. Where there is none, legs may be missing."""
    hedged = any(row.side in LEGS[PositionMode.HEDGE] for row in reading.positions)
    return PositionMode.HEDGE if hedged else PositionMode.ONE_WAY


def of_one_mode(reading: PositionReading, mode: PositionMode, *, strict: bool) -> PositionReading:
    """The reading, its open rows all of one mode.

    One that does not fit may come from a mode that changed between the two answers: `strict` raises ReadUnusable, for
    the account to be read again. Where it stays so, the row is unreadable, and keeps no other position open.
    """
    odd = [row for row in reading.positions if row.quantity and row.side not in LEGS[mode]]
    if not odd:
        return reading
    if strict:
        symbols = ", ".join(row.symbol for row in odd[:3])
        raise ReadUnusable("positions", f"the mode is {mode}, but the rows of {symbols} are not")
    unreadable = tuple(
        UnreadableRow(symbol=row.symbol, field="positionSide", problem=f"a {row.side} row in {mode} mode")
        for row in odd
    )
    return replace(
        reading,
        positions=tuple(row for row in reading.positions if row not in odd),
        unreadable=(*reading.unreadable, *unreadable),
    )
