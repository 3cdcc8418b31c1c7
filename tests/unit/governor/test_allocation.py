"""The P2.9 check: verdicts, notes, the line that people grep, and properties."""

from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.positions import (
    AllocationCheck,
    AllocationMode,
    AllocationVerdict,
    PositionSnapshot,
    UnreadablePosition,
)
from contracts.vocabulary import PositionSide
from governor.core.allocation import Rules, blocks, check_allocations, log_line
from governor.core.targets import parse_decimal
from support.snapshots import TAKEN_AT_MS, a_snapshot, leg

NOW_MS = TAKEN_AT_MS
RULES = Rules(burst_factor=Decimal(2), stale_after_ms=300_000)


def target(usd: str = "1820", mode: str = "enforce", timestamp: str = str(NOW_MS // 1000)) -> dict[str, str]:
    return {"target_usd": usd, "mode": mode, "confidence": "0.8", "timestamp": timestamp}


def check(
    what: PositionSnapshot,
    targets: Mapping[str, Mapping[str, str] | None],
    previous: Mapping[str, AllocationVerdict] | None = None,
) -> list[AllocationCheck]:
    return list(check_allocations(what, targets, previous or {}, now_ms=NOW_MS, rules=RULES))


def only(what: PositionSnapshot, hash_: Mapping[str, str] | None) -> AllocationCheck:
    (result,) = check(what, {"ETHUSDT": hash_})
    return result


def test_the_incident_is_a_breach_and_reads_as_it_always_did() -> None:
    result = only(a_snapshot(leg()), target())

    assert log_line(result) == (
        "P2.9 ETHUSDT position=$31361.00 target=$1820.00 burst_cap=$3640.00 verdict=breach ratio=17.23"
    )
    assert blocks(result)


@pytest.mark.parametrize(
    ("quantity", "verdict"),
    [
        ("1", AllocationVerdict.WITHIN_TARGET),
        ("-1820", AllocationVerdict.WITHIN_TARGET),
        ("1820.01", AllocationVerdict.WITHIN_BURST),
        ("-3640", AllocationVerdict.WITHIN_BURST),
        ("3640.00000001", AllocationVerdict.BREACH),
        ("-3640.01", AllocationVerdict.BREACH),
    ],
)
def test_the_limits_belong_to_the_lenient_side(quantity: str, verdict: AllocationVerdict) -> None:
    assert only(a_snapshot(leg(quantity=quantity, mark="1")), target()).verdict is verdict


def test_a_long_and_a_short_leg_add_up() -> None:
    long, short = leg(quantity="1", mark="1000", side=PositionSide.LONG), leg(quantity="-1", mark="1000")

    assert only(a_snapshot(long, short), target()).position_usd == 2000


def test_a_leg_without_a_price_takes_the_symbol_s_mark() -> None:
    result = only(a_snapshot(leg(quantity="2", mark=None), marks={"ETHUSDT": Decimal(100)}), target())

    assert result.position_usd == 200


@pytest.mark.parametrize("price", [None, "0", "-1"])
def test_without_a_mark_price_nothing_is_said_about_the_notional(price: str | None) -> None:
    result = only(a_snapshot(leg(mark=price)), target())

    assert result.verdict is AllocationVerdict.UNPRICED
    assert log_line(result) == (
        "P2.9 ETHUSDT position=none target=$1820.00 burst_cap=$3640.00 verdict=unpriced ratio=none"
        ' note="no mark price for the both leg"'
    )


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        ({}, "no target"),
        (None, "the target's key is not a hash"),
        ({"mode": "enforce"}, "target_usd is missing"),
        (target("NaN"), "target_usd 'NaN' is no amount"),
        (target("Infinity"), "target_usd 'Infinity' is no amount"),
        (target("-1"), "target_usd '-1' is no amount"),
        (target("1e99"), "target_usd '1e99' is no amount"),
        (target("a lot"), "target_usd 'a lot' is no amount"),
        (target(""), "target_usd '' is no amount"),
    ],
)
def test_a_target_that_cannot_be_read_is_a_missing_one(fields: Mapping[str, str] | None, note: str) -> None:
    result = only(a_snapshot(leg()), fields)

    assert (result.verdict, result.note) == (AllocationVerdict.MISSING, note)
    assert f'target=none burst_cap=none verdict=missing_target ratio=none note="{note}"' in log_line(result)


def test_i13_a_target_of_zero_is_a_target_and_has_no_ratio() -> None:
    result = only(a_snapshot(leg()), target("0"))

    assert (result.verdict, result.ratio) == (AllocationVerdict.BREACH, None)


@pytest.mark.parametrize(
    ("timestamp", "stale"),
    [
        (str(NOW_MS // 1000 - 300), False),
        (str(NOW_MS // 1000 - 301), True),
        (f"{NOW_MS // 1000}.25", False),
        (str(NOW_MS // 1000 + 60), False),
        (str(NOW_MS), True),
        ("", True),
        ("nan", True),
        (f"-{'9' * 30}", True),
    ],
)
def test_a_target_whose_age_is_too_high_or_unknown_is_stale(timestamp: str, *, stale: bool) -> None:
    result = only(a_snapshot(leg()), target(timestamp=timestamp))

    assert (result.verdict is AllocationVerdict.STALE) is stale
    assert result.ratio == Decimal("17.23")


def test_a_target_without_a_timestamp_is_stale() -> None:
    assert only(a_snapshot(leg()), {"target_usd": "1820", "mode": "enforce"}).verdict is AllocationVerdict.STALE


def test_a_shadow_target_is_computed_and_reported_and_does_not_count() -> None:
    result = only(a_snapshot(leg()), target(mode="shadow"))

    assert (result.verdict, result.mode) == (AllocationVerdict.BREACH, AllocationMode.SHADOW)
    assert log_line(result).endswith("verdict=breach ratio=17.23 mode=shadow")
    assert not blocks(result)


def test_an_unknown_mode_binds() -> None:
    result = only(a_snapshot(leg()), target(mode="off"))

    assert blocks(result)
    assert result.note == "mode 'off' is not known: taken as enforce"


def test_a_position_that_is_gone_is_flat_once_and_shows_its_target() -> None:
    (result,) = check(a_snapshot(), {"ETHUSDT": target()}, {"ETHUSDT": AllocationVerdict.BREACH})

    assert log_line(result) == (
        "P2.9 ETHUSDT position=$0.00 target=$1820.00 burst_cap=$3640.00 verdict=flat ratio=0.00"
    )
    assert check(a_snapshot(), {"ETHUSDT": target()}, {"ETHUSDT": AllocationVerdict.FLAT}) == []


def test_i14_a_row_that_cannot_be_read_is_never_flat() -> None:
    row = UnreadablePosition(symbol="ETHUSDT", field="positionAmt", problem="'NaN' is not a number")

    (result,) = check(a_snapshot(unreadable=(row,)), {"ETHUSDT": target()}, {"ETHUSDT": AllocationVerdict.BREACH})

    assert result.verdict is AllocationVerdict.UNREADABLE
    assert "positionAmt: 'NaN' is not a number" in log_line(result)


def test_i14_a_nameless_row_may_hide_any_position_that_is_gone() -> None:
    row = UnreadablePosition(symbol="row 17", field="symbol", problem="missing")

    results = check(a_snapshot(unreadable=(row,)), {}, {"ETHUSDT": AllocationVerdict.BREACH})

    assert {result.symbol: result.verdict for result in results} == {
        "ETHUSDT": AllocationVerdict.UNREADABLE,
        "row 17": AllocationVerdict.UNREADABLE,
    }


def test_i13_a_notional_beyond_any_account_is_not_believed() -> None:
    result = only(a_snapshot(leg(quantity="9E+59", mark="9E+59")), target())

    assert (result.verdict, result.position_usd) == (AllocationVerdict.UNREADABLE, None)
    assert "the notional is beyond any account" in log_line(result)


def test_a_note_cannot_break_the_log_line() -> None:
    row = UnreadablePosition(symbol="ETHUSDT", field="positionAmt", problem='a\n"P2.9 fake')

    (result,) = check(a_snapshot(unreadable=(row,)), {})

    assert log_line(result).count("\n") == 0
    assert "'P2.9 fake" in log_line(result)


numbers = st.decimals(allow_nan=False, allow_infinity=False) | st.decimals(
    min_value=Decimal("-1e9"), max_value=Decimal("1e9"), places=8
)
texts = (
    st.text(alphabet='0123456789.-+eENaIf_ \n"', max_size=12)
    | numbers.map(str)
    | st.sampled_from(["NaN", "-Infinity", "1e400", "0x10", "\uff11"])
)
hashes = st.none() | st.dictionaries(st.sampled_from(["target_usd", "mode", "timestamp"]), texts)


@given(quantity=numbers, mark_price=st.none() | numbers, fields=hashes)
def test_i13_whatever_redis_and_the_exchange_hold_the_check_is_finite_and_prints_one_line(
    quantity: Decimal, mark_price: Decimal | None, fields: Mapping[str, str] | None
) -> None:
    result = only(a_snapshot(leg(quantity=quantity, mark=mark_price)), fields)

    assert len(log_line(result).splitlines()) == 1
    assert len(log_line(result)) < 400


@given(
    quantity=st.decimals(min_value=Decimal("0.00000001"), max_value=Decimal("1e6"), places=8),
    price=st.decimals(min_value=Decimal("0.0001"), max_value=Decimal("1e6"), places=4),
    usd=st.decimals(min_value=0, max_value=Decimal("1e9"), places=2),
    short=st.booleans(),
)
def test_the_verdict_follows_from_the_numbers_that_are_shown(
    quantity: Decimal, price: Decimal, usd: Decimal, *, short: bool
) -> None:
    result = only(a_snapshot(leg(quantity=-quantity if short else quantity, mark=price)), target(str(usd)))

    assert result.position_usd is not None
    assert result.target_usd is not None
    assert result.burst_cap_usd == usd * 2
    assert result.position_usd >= 0
    expected = {
        (True, True): AllocationVerdict.WITHIN_TARGET,
        (False, True): AllocationVerdict.WITHIN_BURST,
        (False, False): AllocationVerdict.BREACH,
    }
    assert result.verdict is expected[(result.position_usd <= usd, result.position_usd <= result.burst_cap_usd)]


@given(st.lists(st.sampled_from(["AUSDT", "BUSDT", "CUSDT"]), max_size=6), st.sets(st.sampled_from(["BUSDT", "DUSDT"])))
def test_i17_every_symbol_that_holds_or_held_a_position_is_checked_exactly_once(
    held: list[str], before: set[str]
) -> None:
    previous = dict.fromkeys(before, AllocationVerdict.WITHIN_TARGET)

    results = check(a_snapshot(*(leg(symbol) for symbol in held)), {}, previous)

    assert [result.symbol for result in results] == sorted({*held, *before})


@pytest.mark.parametrize("text", ["1e-99", "0e99", "1e61", "NaN"])
def test_i13_a_target_with_an_absurd_exponent_is_no_amount(text: str) -> None:
    assert parse_decimal(text) is None
