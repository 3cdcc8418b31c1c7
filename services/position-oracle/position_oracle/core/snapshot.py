"""From a reading of the exchange to a snapshot event."""

from collections.abc import Mapping
from decimal import Decimal

from contracts.positions import OpenPosition, PositionSnapshot, UnreadablePosition
from contracts.vocabulary import Environment
from exchange.model import Position, PositionReading


def snapshot_of(
    reading: PositionReading,
    marks: Mapping[str, Decimal],
    *,
    origin: str,
    venue: str,
    environment: Environment,
    account: str,
    sequence: int,
) -> PositionSnapshot:
    """Every row accounted for: open ones in full, unreadable ones by name, and zero ones in `symbols_seen` alone.

    `origin` names the oracle, so that two of them never give one id to two snapshots.
    """
    return PositionSnapshot(
        snapshot_id=f"{origin}-{reading.started_at_ms}-{sequence}",
        venue=venue,
        environment=environment,
        account=account,
        sequence=sequence,
        taken_at_ms=reading.started_at_ms,
        read_ms=reading.read_ms,
        symbols_seen=reading.rows_seen,
        positions=tuple(_open(row, marks) for row in reading.positions if row.quantity != 0),
        marks=dict(marks),
        unreadable=tuple(
            UnreadablePosition(symbol=row.symbol, field=row.field, problem=row.problem) for row in reading.unreadable
        ),
    )


def _open(row: Position, marks: Mapping[str, Decimal]) -> OpenPosition:
    """A row that has no mark price of its own takes the symbol's."""
    return OpenPosition(
        symbol=row.symbol,
        position_side=row.side,
        quantity=row.quantity,
        entry_price=row.entry_price,
        mark_price=row.mark_price if row.mark_price is not None else marks.get(row.symbol),
    )
