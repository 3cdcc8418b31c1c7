"""What the console says of open positions."""

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from contracts.positions import AllocationCheck, AllocationMode, AllocationVerdict, UnreadablePosition
from contracts.vocabulary import PositionSide
from governor.core.shown.holdings import NOT_CHECKED, Holdings, holdings, holdings_of, ordered, sides, unchecked
from support.snapshots import a_snapshot, leg


def check(
    symbol: str, usd: str | None, verdict: AllocationVerdict = AllocationVerdict.WITHIN_TARGET
) -> AllocationCheck:
    return AllocationCheck(
        symbol=symbol,
        verdict=verdict,
        position_usd=None if usd is None else Decimal(usd),
        target_usd=Decimal(1820),
        burst_cap_usd=Decimal(3640),
        ratio=Decimal("17.23"),
        mode=AllocationMode.ENFORCE,
    )


def shown(checks: Sequence[AllocationCheck], *, checked: bool = True) -> Holdings:
    kept = ordered(checks)
    return holdings(kept, holdings_of(kept, {}, checked=checked), checked=checked)


def test_the_largest_stands_first_and_the_unknown_before_it() -> None:
    seen = shown([check("A", "1"), check("B", "31361"), check("C", None, AllocationVerdict.UNPRICED), check("D", "7")])

    assert [row.symbol for row in seen.rows] == ["C", "B", "D", "A"]
    assert (seen.total_usd, seen.unknown) == ("31369.00", 1)


def test_what_is_closed_is_not_shown() -> None:
    seen = shown([check("A", "0", AllocationVerdict.FLAT), check("B", "5", AllocationVerdict.BREACH)])

    assert [row.symbol for row in seen.rows] == ["B"]
    assert seen.verdicts == {"breach": 1}


def test_a_row_tells_notional_target_cap_and_ratio_in_cents() -> None:
    (row,) = shown([check("ETHUSDT", "31361.0049", AllocationVerdict.BREACH)]).rows

    assert (row.usd, row.target_usd, row.cap_usd, row.ratio) == ("31361.00", "1820.00", "3640.00", "17.23")


def test_a_target_that_is_only_watched_is_marked() -> None:
    watched = AllocationCheck(
        symbol="A", verdict=AllocationVerdict.BREACH, position_usd=Decimal(1), mode=AllocationMode.SHADOW
    )

    assert [row.shadow for row in shown([watched, check("B", "1")]).rows] == [True, False]


def test_legs_of_both_sides_are_neither_long_nor_short() -> None:
    legs = [
        leg("A", "1"),
        leg("B", "-1"),
        leg("C", "1", side=PositionSide.LONG),
        leg("C", "-1", side=PositionSide.SHORT),
    ]

    assert sides(legs) == {"A": "long", "B": "short", "C": "both"}


def test_without_a_check_the_snapshot_alone_is_shown_and_said_to_be_unchecked() -> None:
    snapshot = a_snapshot(leg("A", "2", "10"), leg("B", "1", None), leg("C", "-3", None), marks={"C": Decimal(5)})

    seen = shown(unchecked(snapshot), checked=False)

    assert [(row.symbol, row.usd, row.verdict) for row in seen.rows] == [
        ("B", None, "unpriced"),
        ("A", "20.00", NOT_CHECKED),
        ("C", "15.00", NOT_CHECKED),
    ]
    assert not seen.checked
    assert shown(unchecked(None), checked=False).rows == ()


def test_a_row_that_cannot_be_read_is_open_of_unknown_size_i14() -> None:
    snapshot = a_snapshot(unreadable=(UnreadablePosition(symbol="A", field="positionAmt", problem="no number"),))

    assert [(row.symbol, row.usd) for row in shown(unchecked(snapshot), checked=False).rows] == [("A", None)]


@given(st.lists(st.tuples(st.text("ABC", min_size=1), st.none() | st.decimals(0, 10**9, places=2)), max_size=20))
def test_every_open_symbol_is_shown_once_and_the_sum_is_that_of_the_rows(
    drawn: list[tuple[str, Decimal | None]],
) -> None:
    amounts = dict(drawn)

    seen = shown([check(symbol, None if usd is None else str(usd)) for symbol, usd in amounts.items()])

    assert sorted(row.symbol for row in seen.rows) == sorted(amounts)
    assert Decimal(seen.total_usd) == sum((usd for usd in amounts.values() if usd is not None), Decimal(0))
