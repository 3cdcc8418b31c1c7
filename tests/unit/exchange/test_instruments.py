"""Steps, limits and digits: exact, and always the stricter side."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from exchange.instruments import LotSize, band_limit, common_step, floor_to_step, is_sane, plain, stricter
from exchange.model import Instrument
from support.exchange_builders import instrument

STEPS = st.builds(lambda digits, exponent: Decimal(digits).scaleb(exponent), st.integers(1, 5_000), st.integers(-8, 3))
QUANTITIES = st.decimals(min_value=0, max_value=10**12, allow_nan=False, allow_infinity=False, places=10)


@given(QUANTITIES, STEPS)
def test_a_floored_quantity_is_a_multiple_within_one_step_below(quantity: Decimal, step: Decimal) -> None:
    floored = floor_to_step(quantity, step)

    assert floored % step == 0
    assert floored <= quantity < floored + step


@given(QUANTITIES, STEPS)
def test_flooring_twice_changes_nothing(quantity: Decimal, step: Decimal) -> None:
    assert floor_to_step(floor_to_step(quantity, step), step) == floor_to_step(quantity, step)


@pytest.mark.parametrize(("quantity", "step", "floored"), [("9.199", "0.01", "9.19"), ("0.0009", "0.001", "0")])
def test_flooring_goes_towards_zero(quantity: str, step: str, floored: str) -> None:
    assert floor_to_step(Decimal(quantity), Decimal(step)) == Decimal(floored)


@pytest.mark.parametrize(("quantity", "step"), [("1", "0"), ("1", "-1"), ("1", "NaN"), ("-1", "1"), ("NaN", "1")])
def test_flooring_nonsense_raises(quantity: str, step: str) -> None:
    with pytest.raises(ValueError, match="finite"):
        floor_to_step(Decimal(quantity), Decimal(step))


@given(st.decimals(min_value=Decimal("1e-18"), max_value=10**18, allow_nan=False, allow_infinity=False))
def test_a_plain_quantity_reads_back_as_itself_and_has_no_exponent(quantity: Decimal) -> None:
    text = plain(quantity)

    assert Decimal(text) == quantity
    assert set(text) <= set("0123456789.")
    assert not text.endswith(".")
    assert "." not in text or not text.endswith("0")


@pytest.mark.parametrize(
    ("quantity", "text"),
    [("1E+3", "1000"), ("9.100", "9.1"), ("100", "100"), ("0.00100", "0.001"), ("1E-7", "0.0000001")],
)
def test_a_plain_quantity_has_no_needless_digit(quantity: str, text: str) -> None:
    assert plain(Decimal(quantity)) == text


@pytest.mark.parametrize("quantity", ["0", "-0", "-1", "NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_must_never_reach_a_venue_cannot_be_written(quantity: str) -> None:
    with pytest.raises(ValueError, match="positive and finite"):
        plain(Decimal(quantity))


@pytest.mark.parametrize(
    ("steps", "common"),
    [(["0.1", "0.1"], "0.1"), (["0.001", "1"], "1"), (["0.4", "0.6"], "1.2"), (["5", "0.01"], "5"), (["10"], "10")],
)
def test_the_common_step_is_the_least_common_multiple(steps: list[str], common: str) -> None:
    assert common_step(Decimal(step) for step in steps) == Decimal(common)


@given(st.lists(STEPS, min_size=1, max_size=4))
def test_every_multiple_of_the_common_step_fits_every_step(steps: list[Decimal]) -> None:
    common = common_step(steps)

    assert all(common % step == 0 for step in steps)


def lot(low: str, high: str, step: str) -> LotSize:
    return LotSize(min_quantity=Decimal(low), max_quantity=Decimal(high), step=Decimal(step))


def test_the_stricter_filter_wins_on_every_side() -> None:
    both = stricter([lot("0.001", "1000", "0.001"), lot("0.01", "120", "0.005")], quantity_precision=3)

    assert both == lot("0.01", "120", "0.005")


def test_a_market_maximum_above_the_lot_maximum_does_not_count() -> None:
    assert stricter([lot("1", "1000000", "1"), lot("1", "10000000", "1")], 0).max_quantity == 1_000_000


def test_a_zero_step_or_maximum_does_not_limit() -> None:
    both = stricter([lot("0.001", "1000", "0.001"), lot("0", "0", "0")], quantity_precision=3)

    assert both == lot("0.001", "1000", "0.001")


def test_the_venues_digits_are_a_step_too() -> None:
    assert stricter([lot("0.001", "10", "0.001")], quantity_precision=1).step == Decimal("0.1")
    assert stricter([lot("1", "10", "1")], quantity_precision=1).step == 1


def test_steps_of_which_neither_divides_the_other_are_both_kept() -> None:
    assert stricter([lot("2", "100", "2"), lot("3", "100", "3")], quantity_precision=0).step == 6


def test_filters_without_any_maximum_raise() -> None:
    with pytest.raises(ValueError, match="largest"):
        stricter([lot("0", "0", "1")], 0)


@pytest.mark.parametrize("number", ["0", "-0", "0E-30", "9.1", "-9.1", "1E-20", "1E+20", "0." + "1" * 19])
def test_ordinary_numbers_are_sane(number: str) -> None:
    assert is_sane(Decimal(number))


@pytest.mark.parametrize(
    "number", ["NaN", "sNaN", "Infinity", "-Infinity", "1E+999999", "1E-999999", "1E+21", "1." + "1" * 28]
)
def test_numbers_that_round_overflow_or_fill_a_screen_are_not_sane(number: str) -> None:
    assert not is_sane(Decimal(number))


def listed(tick: Decimal, up: Decimal | None, down: Decimal | None) -> Instrument:
    return replace(instrument(), tick=tick, price_multiplier_up=up, price_multiplier_down=down)


TICKS = st.sampled_from([Decimal(tick) for tick in ("0.0000001", "0.00005", "0.01", "0.5", "10")])
WIDTHS = st.decimals(min_value=Decimal("0.01"), max_value=Decimal("0.5"), places=4)


@given(ticks=st.integers(100, 10**7), tick=TICKS, width=WIDTHS, selling=st.booleans())
def test_a_price_at_the_band_is_a_multiple_of_the_tick_inside_the_band_and_on_the_taking_side_i13(
    ticks: int, tick: Decimal, width: Decimal, *, selling: bool
) -> None:
    mark = ticks * tick + tick / 3

    price = band_limit(mark, listed(tick, 1 + width, 1 - width), selling=selling)

    assert price is not None
    assert price % tick == 0
    assert mark * (1 - width) <= price <= mark * (1 + width)
    assert price <= mark + tick if selling else price >= mark - tick


@pytest.mark.parametrize("selling", [True, False])
def test_where_the_venue_states_no_band_there_is_no_price_at_it(*, selling: bool) -> None:
    assert band_limit(Decimal(100), listed(Decimal("0.01"), None, None), selling=selling) is None
    assert band_limit(Decimal(100), listed(Decimal(0), Decimal("1.05"), Decimal("0.95")), selling=selling) is None


def test_the_price_at_the_band_keeps_a_twentieth_of_it_clear() -> None:
    rules = listed(Decimal("0.01"), Decimal("1.05"), Decimal("0.95"))

    assert band_limit(Decimal(2000), rules, selling=True) == Decimal("1905.00")
    assert band_limit(Decimal(2000), rules, selling=False) == Decimal("2095.00")
