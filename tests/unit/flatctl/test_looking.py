"""What `status` and `positions` compute."""

from decimal import Decimal

import pytest

from contracts.vocabulary import PositionSide
from exchange.model import Position, PositionReading, UnreadableRow
from flatctl.exposure import exposure_of
from flatctl.looking import cooldown_left_ms

NOW_MS = 1_769_571_500_000


@pytest.mark.parametrize(
    ("last_ts", "left_ms"),
    [
        (None, 0),
        ("1769571479", 39_000),
        ("1769571440", 0),
        ("1769571440.001", 1),
        ("yesterday", None),
        ("NaN", None),
        ("Infinity", None),
        ("1e999999", None),
    ],
)
def test_the_cooldown_left_is_known_or_said_to_be_unknown(last_ts: str | None, left_ms: int | None) -> None:
    assert cooldown_left_ms(last_ts, NOW_MS, Decimal(60)) == left_ms


def a_row(symbol: str, quantity: str, mark: str | None) -> Position:
    return Position(
        symbol=symbol,
        side=PositionSide.BOTH,
        quantity=Decimal(quantity),
        entry_price=None,
        mark_price=None if mark is None else Decimal(mark),
    )


def a_reading(*rows: Position, unreadable: tuple[UnreadableRow, ...] = ()) -> PositionReading:
    return PositionReading(positions=rows, unreadable=unreadable, started_at_ms=NOW_MS, read_ms=12)


def test_exposure_adds_absolute_notionals_largest_first() -> None:
    exposure = exposure_of(
        a_reading(a_row("A", "1", "10"), a_row("B", "-3", "20"), a_row("C", "0", "5")), {}, frozenset()
    )

    assert [(row.symbol, row.notional_usd) for row in exposure.positions] == [("B", Decimal(60)), ("A", Decimal(10))]
    assert (exposure.total_usd, exposure.rows_seen) == (Decimal(70), 3)


def test_a_position_without_a_price_comes_first_and_is_counted() -> None:
    exposure = exposure_of(a_reading(a_row("A", "1", "10"), a_row("B", "1", None)), {}, frozenset())

    assert [row.symbol for row in exposure.positions] == ["B", "A"]
    assert (exposure.total_usd, exposure.unpriced) == (Decimal(10), 1)


def test_a_price_that_the_row_lacks_is_taken_from_the_marks() -> None:
    exposure = exposure_of(a_reading(a_row("B", "2", None)), {"B": Decimal(7)}, frozenset())

    assert (exposure.total_usd, exposure.unpriced) == (Decimal(14), 0)


def test_the_smallest_quantity_is_shown() -> None:
    exposure = exposure_of(a_reading(a_row("A", "1e-18", "1")), {}, frozenset())

    assert len(exposure.positions) == 1
