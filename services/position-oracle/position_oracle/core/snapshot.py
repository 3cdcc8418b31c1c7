"""From a reading of the exchange to a snapshot event."""

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal

from contracts.positions import OpenPosition, PositionSnapshot, UnreadablePosition
from contracts.vocabulary import Environment, PositionSide
from exchange.completeness import missing_rows
from exchange.model import Position, PositionReading


def snapshot_of(  # noqa: PLR0913 - an event has that many origins, all by name
    reading: PositionReading,
    marks: Mapping[str, Decimal],
    *,
    origin: str,
    venue: str,
    environment: Environment,
    account: str,
    sequence: int,
    held: Collection[str] = (),
) -> PositionSnapshot:
    """Every row accounted for: open ones in full, unreadable ones by name, and zero ones in `symbols_seen` alone.

    `origin` names the oracle, so that two of them never give one id to two snapshots. A symbol in `held` (open at
    the reading before) without all its rows now is unreadable: zero is a row, never its absence (I14).
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
        unreadable=(
            *(
                UnreadablePosition(symbol=row.symbol, field=row.field, problem=row.problem)
                for row in reading.unreadable
            ),
            *_missing(reading, held),
        ),
    )


def held_in(snapshot: PositionSnapshot) -> frozenset[str]:
    """The symbols that are open in a snapshot, or may be."""
    unreadable = (row.symbol for row in snapshot.unreadable if " " not in row.symbol)
    return frozenset((*(row.symbol for row in snapshot.positions), *unreadable))


def _missing(reading: PositionReading, held: Collection[str]) -> Iterable[UnreadablePosition]:
    """What was open and is not accounted for by every row that it must have."""
    gone: dict[str, list[PositionSide]] = {}
    for row in missing_rows(reading, held):
        if row.symbol in held:
            gone.setdefault(row.symbol, []).append(row.position_side)
    for symbol, legs in gone.items():
        problem = f"missing: it was open at the reading before ({', '.join(legs)})"
        yield UnreadablePosition(symbol=symbol, field="row", problem=problem)


def _open(row: Position, marks: Mapping[str, Decimal]) -> OpenPosition:
    """A row that has no mark price of its own takes the symbol's."""
    return OpenPosition(
        symbol=row.symbol,
        position_side=row.side,
        quantity=row.quantity,
        entry_price=row.entry_price,
        mark_price=row.mark_price if row.mark_price is not None else marks.get(row.symbol),
    )
