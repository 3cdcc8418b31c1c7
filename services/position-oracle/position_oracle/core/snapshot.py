"""From a reading of the exchange to a snapshot event."""

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from contracts.positions import OpenPosition, PositionSnapshot, UnreadablePosition
from contracts.vocabulary import Environment, PositionSide
from exchange.model import Position, PositionReading

_ONE_WAY = {PositionSide.BOTH}
_HEDGE = {PositionSide.LONG, PositionSide.SHORT}


class Leg(NamedTuple):
    """A position of its own: a symbol, and in hedge mode its side."""

    symbol: str
    side: PositionSide


def snapshot_of(  # noqa: PLR0913 - an event has that many origins, all by name
    reading: PositionReading,
    marks: Mapping[str, Decimal],
    *,
    origin: str,
    venue: str,
    environment: Environment,
    account: str,
    sequence: int,
    held: Collection[Leg] = (),
) -> PositionSnapshot:
    """Every row accounted for: open ones in full, unreadable ones by name, and zero ones in `symbols_seen` alone.

    `origin` names the oracle, so that two of them never give one id to two snapshots. A leg in `held` (open at the
    reading before) without its row now is unreadable: zero is a row, never its absence (I14).
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


def held_in(snapshot: PositionSnapshot) -> frozenset[Leg]:
    """The legs that are open in a snapshot, or may be."""
    named = (Leg(row.symbol, PositionSide.BOTH) for row in snapshot.unreadable if " " not in row.symbol)
    return frozenset((*(Leg(row.symbol, row.position_side) for row in snapshot.positions), *named))


def _missing(reading: PositionReading, held: Collection[Leg]) -> Iterable[UnreadablePosition]:
    """What was open and is not accounted for. One position is both legs, and both legs are the one position."""
    shown: dict[str, set[PositionSide]] = {}
    for row in reading.positions:
        shown.setdefault(row.symbol, set()).add(row.side)
    for unread in reading.unreadable:
        shown.setdefault(unread.symbol, set()).update(PositionSide)
    missed: dict[str, list[PositionSide]] = {}
    for leg in sorted(held):
        sides = shown.get(leg.symbol, set())
        if leg.side not in sides and sides != _ONE_WAY and not sides >= _HEDGE:
            missed.setdefault(leg.symbol, []).append(leg.side)
    for symbol, legs in missed.items():
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
