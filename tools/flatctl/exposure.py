"""The direct reading of the exchange: what is open, what it is worth, and what is missing or could not be read."""

import asyncio
from collections.abc import Iterator, Mapping
from decimal import Decimal

from msgspec import Struct

from contracts.vocabulary import PositionSide
from exchange.completeness import MissingRow, missing_rows
from exchange.errors import ExchangeError
from exchange.factory import open_reader
from exchange.model import Position, PositionReading, UnreadableRow
from exchange.ports import PositionReader
from flatctl.asking import asking, opened
from flatctl.figures import some
from flatctl.settings import FlatctlSettings

_NAMED_MAX = 5


class OpenPosition(Struct, frozen=True, kw_only=True):
    """One open position."""

    symbol: str
    position_side: PositionSide
    quantity: Decimal
    """Signed: negative is short."""
    mark_price: Decimal | None
    notional_usd: Decimal | None
    """Absolute."""


class Exposure(Struct, frozen=True, kw_only=True):
    """One reading, and whether it is whole."""

    rows_seen: int
    symbols_seen: int
    started_at_ms: int
    """When the request was sent."""
    positions: tuple[OpenPosition, ...]
    """Largest notional first; those without a price before all."""
    total_usd: Decimal
    unpriced: int
    unreadable: tuple[UnreadableRow, ...]
    missing: tuple[MissingRow, ...]
    """Rows that must be there, because the exchange lists their symbols, and are not."""
    unchecked: str
    """Why nobody knows whether rows are missing; empty when they were looked for."""

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why this reading may hide an open position, one line each; nothing when it is whole (I14)."""
        return tuple(self._doubts())

    def _doubts(self) -> Iterator[str]:
        if self.unreadable:
            names = ", ".join(row.symbol for row in self.unreadable)
            yield f"{len(self.unreadable)} rows could not be read, each may hide an open position: {names}"
        if self.missing:
            names = some([str(row) for row in self.missing], most=_NAMED_MAX)
            yield f"{len(self.missing)} rows are missing from the answer, each may hide an open position: {names}"
        if self.unchecked:
            yield f"nobody knows whether rows are missing, which symbols there are could not be read: {self.unchecked}"


async def read_exposure(settings: FlatctlSettings) -> Exposure:
    """Ask the exchange itself. Raises CommandFailed with one line; a key or secret is in none of them.

    Not knowing which symbols there are is no reason to show nothing: it is one of the reading's doubts.
    """
    reader, where = opened(open_reader, settings)
    try:
        with asking(where):
            reading, listed = await _read(reader)
            unpriced = any(row.quantity != 0 and row.mark_price is None for row in reading.positions)
            marks = await reader.marks() if unpriced else {}
    finally:
        await reader.aclose()
    return exposure_of(reading, marks, listed)


def exposure_of(
    reading: PositionReading, marks: Mapping[str, Decimal], listed: frozenset[str] | ExchangeError
) -> Exposure:
    """Every row whose quantity is not exactly zero, dust included; `listed`: the symbols there are, or why not."""
    rows = [_open(row, marks) for row in reading.positions if row.quantity != 0]
    rows.sort(key=lambda row: (row.notional_usd is not None, -(row.notional_usd or Decimal(0)), row.symbol))
    known = [row.notional_usd for row in rows if row.notional_usd is not None]
    return Exposure(
        rows_seen=reading.rows_seen,
        symbols_seen=len({row.symbol for row in reading.positions} | {row.symbol for row in reading.unreadable}),
        started_at_ms=reading.started_at_ms,
        positions=tuple(rows),
        total_usd=sum(known, Decimal(0)),
        unpriced=len(rows) - len(known),
        unreadable=reading.unreadable,
        missing=missing_rows(reading, () if isinstance(listed, ExchangeError) else listed),
        unchecked=str(listed) if isinstance(listed, ExchangeError) else "",
    )


async def _read(reader: PositionReader) -> tuple[PositionReading, frozenset[str] | ExchangeError]:
    """Positions and the symbols there are, asked for side by side: two answers that are not cut off together."""
    reading, listed = await asyncio.gather(reader.positions(), reader.listed(), return_exceptions=True)
    if isinstance(reading, BaseException):
        raise reading
    if isinstance(listed, BaseException) and not isinstance(listed, ExchangeError):
        raise listed
    return reading, listed


def _open(row: Position, marks: Mapping[str, Decimal]) -> OpenPosition:
    mark = row.mark_price if row.mark_price is not None else marks.get(row.symbol)
    return OpenPosition(
        symbol=row.symbol,
        position_side=row.side,
        quantity=row.quantity,
        mark_price=mark,
        notional_usd=None if mark is None else abs(row.quantity) * mark,
    )
