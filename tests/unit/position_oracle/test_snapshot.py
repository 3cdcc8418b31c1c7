"""From a reading to a snapshot: every row accounted for."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import codec
from contracts.positions import PositionSnapshot
from contracts.vocabulary import Environment, PositionSide
from exchange.model import Position, PositionReading, UnreadableRow
from position_oracle.core.snapshot import held_in, snapshot_of
from support.exchange_builders import position, reading, unreadable_row


def make(
    what: PositionReading, marks: dict[str, Decimal] | None = None, *, held: frozenset[str] = frozenset()
) -> PositionSnapshot:
    return snapshot_of(
        what,
        marks or {},
        origin="position-oracle-1",
        venue="binanceusdm",
        environment=Environment.SIM,
        account="main",
        sequence=7,
        held=held,
    )


def test_zero_rows_count_as_seen_and_are_left_out() -> None:
    snapshot = make(reading(position("0"), position("0.000", symbol="BTCUSDT"), position("-2", symbol="XRPUSDT")))

    assert snapshot.symbols_seen == 3
    assert [(row.symbol, row.quantity) for row in snapshot.positions] == [("XRPUSDT", Decimal(-2))]


def test_dust_is_not_zero() -> None:
    assert len(make(reading(position("0.000000001"))).positions) == 1


def test_i14_a_row_that_cannot_be_read_is_named_and_counts_as_seen() -> None:
    snapshot = make(reading(position("1"), unreadable=(unreadable_row("NANUSDT"),)))

    assert snapshot.symbols_seen == 2
    assert [(row.symbol, row.field) for row in snapshot.unreadable] == [("NANUSDT", "positionAmt")]


def test_i14_a_symbol_that_was_open_and_has_no_row_now_is_unreadable_and_not_counted_as_seen() -> None:
    before = make(reading(position("1"), position("2", symbol="BTCUSDT"), unreadable=(unreadable_row("NANUSDT"),)))

    after = make(reading(position("0")), held=held_in(before))

    assert [(row.symbol, row.field) for row in after.unreadable] == [("BTCUSDT", "row"), ("NANUSDT", "row")]
    assert after.symbols_seen == 1
    assert held_in(after) == {"BTCUSDT", "NANUSDT"}


LONG, SHORT, BOTH = PositionSide.LONG, PositionSide.SHORT, PositionSide.BOTH


@pytest.mark.parametrize(
    ("after", "missing"),
    [
        ([SHORT], "long"),
        ([LONG], "short"),
        ([BOTH, SHORT], "long"),
        ([BOTH], "long, short"),
        ([], "long, short"),
        ([LONG, SHORT], ""),
        ([BOTH, LONG, SHORT], ""),
    ],
    ids=str,
)
def test_i14_in_hedge_mode_what_was_open_must_have_a_row_of_each_leg(after: list[PositionSide], missing: str) -> None:
    held = held_in(make(reading(position(side=LONG))))
    others = (position("0", symbol="BTCUSDT", side=side) for side in PositionSide)

    snapshot = make(reading(*others, *(position("0", side=side) for side in after)), held=held)

    assert [row.problem for row in snapshot.unreadable] == (
        [f"missing: it was open at the reading before ({missing})"] if missing else []
    )


@pytest.mark.parametrize(("after", "missing"), [([BOTH], False), ([], True)], ids=str)
def test_i14_in_one_way_mode_what_was_open_must_have_its_row(after: list[PositionSide], *, missing: bool) -> None:
    held = held_in(make(reading(position())))

    snapshot = make(reading(position("0", symbol="BTCUSDT"), *(position("0", side=side) for side in after)), held=held)

    assert [row.symbol for row in snapshot.unreadable] == (["ETHUSDT"] if missing else [])


@pytest.mark.parametrize(("before", "after"), [([LONG], [BOTH]), ([BOTH], [BOTH, LONG, SHORT])], ids=str)
def test_a_mode_that_changed_is_no_missing_row(before: list[PositionSide], after: list[PositionSide]) -> None:
    held = held_in(make(reading(*(position(side=side) for side in before))))
    symbols = ("ETHUSDT", "BTCUSDT")

    rows = reading(*(position("0", symbol=symbol, side=side) for symbol in symbols for side in after))

    assert make(rows, held=held).unreadable == ()


def test_i14_what_stays_missing_stays_under_suspicion_until_all_its_rows_are_there() -> None:
    others = [position("0", symbol="BTCUSDT", side=side) for side in PositionSide]
    first = make(reading(*others, position("0", side=BOTH)), held=frozenset({"ETHUSDT"}))
    second = make(reading(*others, position("0", side=SHORT)), held=held_in(first))
    third = make(reading(*others, position("0", side=SHORT), position("0", side=LONG)), held=held_in(second))

    assert [len(snapshot.unreadable) for snapshot in (first, second, third)] == [1, 1, 0]


def test_i14_a_row_without_a_symbol_is_nobodys_and_not_missed_later() -> None:
    assert held_in(make(reading(unreadable=(unreadable_row("row 17"),)))) == frozenset()


def test_a_row_without_a_mark_takes_the_symbol_s_and_keeps_its_own_otherwise() -> None:
    rows = reading(position(mark=None), position(symbol="BTCUSDT", mark="5"), position(symbol="XRPUSDT", mark=None))

    snapshot = make(rows, {"ETHUSDT": Decimal(3446), "BTCUSDT": Decimal(6)})

    assert [row.mark_price for row in snapshot.positions] == [Decimal(3446), Decimal(5), None]
    assert snapshot.marks == {"ETHUSDT": Decimal(3446), "BTCUSDT": Decimal(6)}


def test_the_snapshot_is_as_old_as_the_moment_before_the_request() -> None:
    snapshot = make(reading(position()))

    assert (snapshot.taken_at_ms, snapshot.read_ms, snapshot.sequence) == (1_000, 5, 7)
    assert snapshot.snapshot_id == "position-oracle-1-1000-7"


quantities = st.decimals(min_value=Decimal("-1e6"), max_value=Decimal("1e6"), places=8)
rows = st.builds(
    Position,
    symbol=st.sampled_from(["AUSDT", "BUSDT", "CUSDT"]),
    side=st.sampled_from(PositionSide),
    quantity=quantities,
    entry_price=st.none() | quantities,
    mark_price=st.none() | st.decimals(min_value=0, max_value=Decimal("1e6"), places=8),
)
bad_rows = st.builds(UnreadableRow, symbol=st.text(max_size=5), field=st.just("positionAmt"), problem=st.text())


@given(st.lists(rows), st.lists(bad_rows))
def test_i14_every_row_is_zero_open_or_unreadable_and_survives_the_wire(
    good: list[Position], bad: list[UnreadableRow]
) -> None:
    snapshot = make(reading(*good, unreadable=tuple(bad)))

    zero = sum(row.quantity == 0 for row in good)
    assert snapshot.symbols_seen == zero + len(snapshot.positions) + len(snapshot.unreadable)
    fields = codec.encode(snapshot, source="/t", subject="main", event_id="1", time_ms=1, traceparent=None)
    assert codec.decode(fields).event == snapshot
