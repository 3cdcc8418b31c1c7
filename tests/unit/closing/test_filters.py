from decimal import Decimal

import pytest
from hypothesis import given

from closing.filters import Bucket, Limits, PositionKey
from contracts.arming import Scope
from contracts.vocabulary import PositionSide
from exchange.model import Instrument, InstrumentStatus, PositionMode, PositionReading
from support.exchange_builders import instrument, position, reading, sieved, universes, unreadable_row

LIMITS = Limits(quantity_epsilon=Decimal("1e-8"), min_notional_usd=Decimal("1.0"), max_positions=200, max_rounds=3)
ACCOUNT = Scope()
LISTED = {"ETHUSDT": instrument()}


@given(universes())
def test_every_row_that_was_seen_ends_in_exactly_one_place_i8(
    universe: tuple[PositionReading, dict[str, Instrument]],
) -> None:
    rows, listed = universe

    sieve = sieved(rows, {}, listed, ACCOUNT, LIMITS)

    assert sieve.seen == sieve.zero + len(sieve.unreadable) + len(sieve.nonzero)
    assert len(sieve.nonzero) == sum(len(sieve.in_bucket(bucket)) for bucket in Bucket)


@given(universes())
def test_whatever_is_set_aside_says_why_i17(universe: tuple[PositionReading, dict[str, Instrument]]) -> None:
    rows, listed = universe

    sieve = sieved(rows, {}, listed, ACCOUNT, LIMITS)

    assert all(sifted.why for sifted in sieve.nonzero if sifted.bucket is not Bucket.TO_CLOSE)


@pytest.mark.parametrize("quantity", ["0.00000001", "-0.00000001", "0"])
def test_at_most_epsilon_is_zero(quantity: str) -> None:
    assert sieved(reading(position(quantity)), {}, LISTED, ACCOUNT, LIMITS).zero == 1


def test_just_above_epsilon_is_not_zero() -> None:
    assert sieved(reading(position("0.000000011")), {}, LISTED, ACCOUNT, LIMITS).zero == 0


@pytest.mark.parametrize(("mark", "bucket"), [("0.9999", Bucket.DUST), ("1", Bucket.TO_CLOSE)])
def test_below_one_dollar_is_dust_and_one_dollar_is_not(mark: str, bucket: Bucket) -> None:
    (sifted,) = sieved(reading(position("-1", mark=mark)), {}, LISTED, ACCOUNT, LIMITS).nonzero

    assert sifted.bucket is bucket


def test_a_position_without_any_mark_price_is_closed() -> None:
    (sifted,) = sieved(reading(position("0.001", mark=None)), {}, LISTED, ACCOUNT, LIMITS).nonzero

    assert sifted.bucket is Bucket.TO_CLOSE
    assert sifted.notional_usd is None


def test_a_mark_price_from_elsewhere_fills_in_for_a_row_without_one() -> None:
    (sifted,) = sieved(reading(position("0.001", mark=None)), {"ETHUSDT": Decimal(5)}, LISTED, ACCOUNT, LIMITS).nonzero

    assert sifted.bucket is Bucket.DUST


def test_a_notional_that_is_not_in_dollars_is_never_dust() -> None:
    rows = reading(position("10", symbol="ETHBTC", mark="0.035"))

    (sifted,) = sieved(rows, {}, {"ETHBTC": instrument("ETHBTC", quote="BTC")}, ACCOUNT, LIMITS).nonzero

    assert sifted.bucket is Bucket.TO_CLOSE
    assert sifted.notional_usd is None


@pytest.mark.parametrize("status", [InstrumentStatus.PENDING, InstrumentStatus.SETTLING, InstrumentStatus.CLOSED])
def test_a_symbol_that_takes_no_orders_is_untradable(status: InstrumentStatus) -> None:
    (sifted,) = sieved(reading(position()), {}, {"ETHUSDT": instrument(status=status)}, ACCOUNT, LIMITS).nonzero

    assert sifted.bucket is Bucket.UNTRADABLE


@pytest.mark.parametrize("status", [InstrumentStatus.UNKNOWN, InstrumentStatus.REDUCE_ONLY])
def test_a_status_that_nobody_knows_or_that_takes_reducing_orders_is_attempted(status: InstrumentStatus) -> None:
    listed = {"ETHUSDT": instrument(status=status)}

    assert len(sieved(reading(position()), {}, listed, ACCOUNT, LIMITS).to_close) == 1


def test_less_than_one_step_is_below_step() -> None:
    (sifted,) = sieved(reading(position("0.5")), {}, {"ETHUSDT": instrument(step="1")}, ACCOUNT, LIMITS).nonzero

    assert sifted.bucket is Bucket.BELOW_STEP


def test_a_scope_of_symbols_leaves_the_others_alone() -> None:
    rows = reading(position(), position(symbol="BTCUSDT"))
    listed = {symbol: instrument(symbol) for symbol in ("ETHUSDT", "BTCUSDT")}

    sieve = sieved(rows, {}, listed, Scope(symbols=("BTCUSDT",)), LIMITS)

    assert [sifted.position.symbol for sifted in sieve.to_close] == ["BTCUSDT"]
    assert [sifted.position.symbol for sifted in sieve.in_bucket(Bucket.OUT_OF_SCOPE)] == ["ETHUSDT"]


def test_both_legs_of_a_hedged_symbol_are_closed() -> None:
    rows = reading(position("2", side=PositionSide.LONG), position("-1", side=PositionSide.SHORT))

    assert len(sieved(rows, {}, LISTED, ACCOUNT, LIMITS, mode=PositionMode.HEDGE).to_close) == 2


def test_an_unreadable_row_is_neither_zero_nor_forgotten_i14() -> None:
    sieve = sieved(reading(unreadable=(unreadable_row(),)), {}, LISTED, ACCOUNT, LIMITS)

    assert (sieve.seen, sieve.zero, len(sieve.unreadable)) == (1, 0, 1)


def test_every_trading_armed_or_known_symbol_inside_the_scope_must_have_a_row_i14() -> None:
    statuses = {
        "TRADES": InstrumentStatus.TRADING,
        "SETTLES": InstrumentStatus.SETTLING,
        "SHOWN": InstrumentStatus.TRADING,
    }
    listed = {symbol: instrument(symbol, status=status) for symbol, status in statuses.items()}
    rows = reading(position("0", symbol="SHOWN"), unreadable=(unreadable_row("ODD"),))

    account = sieved(rows, {}, listed, ACCOUNT, LIMITS, known=["GONE", "ODD"])
    scoped = sieved(rows, {}, listed, Scope(symbols=("SHOWN", "NOSUCH")), LIMITS, known=["GONE"])

    assert [(row.symbol, row.why) for row in account.missing] == [
        ("GONE", "the exchange lists no such symbol"),
        ("TRADES", "the answer has no row of it, or not of both legs"),
    ]
    assert [row.symbol for row in scoped.missing] == ["NOSUCH"]
    assert (account.whole, scoped.whole) == (False, False)


@pytest.mark.parametrize(("symbol", "hidden"), [("ETHUSDT", 1), ("BTCUSDT", 0), ("row 17", 1)])
def test_an_unreadable_row_hides_something_unless_it_surely_lies_outside_the_scope_i14(
    symbol: str, hidden: int
) -> None:
    rows = reading(position("0"), unreadable=(unreadable_row(symbol),))

    assert len(sieved(rows, {}, LISTED, Scope(symbols=("ETHUSDT",)), LIMITS).hidden) == hidden


def test_zero_is_a_row_and_never_its_absence_i14() -> None:
    sieve = sieved(reading(position("0"), unreadable=(unreadable_row("BTCUSDT"),)), {}, LISTED, ACCOUNT, LIMITS)

    quantities = [
        sieve.quantity_of(PositionKey(symbol, PositionSide.BOTH)) for symbol in ("ETHUSDT", "BTCUSDT", "ADAUSDT")
    ]
    assert quantities == [Decimal(0), None, None]


@pytest.mark.parametrize("shown", [["long"], ["short"], ["both"], ["both", "long"], ["both", "short"]], ids=str)
def test_in_hedge_mode_a_symbol_without_a_row_of_each_leg_is_missing_i14(shown: list[str]) -> None:
    rows = reading(*(position("0", side=PositionSide(side)) for side in shown))

    sieve = sieved(rows, {}, LISTED, ACCOUNT, LIMITS, mode=PositionMode.HEDGE)

    assert [row.symbol for row in sieve.missing] == ["ETHUSDT"]
    assert sieve.quantity_of(PositionKey("ETHUSDT", PositionSide.SHORT)) is None


def test_in_one_way_mode_legs_are_not_the_symbols_row_i14() -> None:
    rows = reading(position("0", side=PositionSide.LONG), position("0", side=PositionSide.SHORT))

    assert [row.symbol for row in sieved(rows, {}, LISTED, ACCOUNT, LIMITS).missing] == ["ETHUSDT"]


def test_a_hedged_symbol_with_both_legs_is_whole() -> None:
    rows = reading(position("0", side=PositionSide.LONG), position("0", side=PositionSide.SHORT))

    assert sieved(rows, {}, LISTED, ACCOUNT, LIMITS, mode=PositionMode.HEDGE).whole


def test_a_symbol_whose_rules_cannot_be_read_must_have_a_row_i14_i17() -> None:
    unreadable = {"ODDUSDT": "no LOT_SIZE filter", "row 17": "not a symbol"}

    sieve = sieved(reading(position("0")), {}, LISTED, ACCOUNT, LIMITS, unreadable=unreadable)

    assert [(row.symbol, row.why) for row in sieve.missing] == [
        ("ODDUSDT", "the answer has no row of it, or not of both legs")
    ]


@pytest.mark.parametrize(
    ("mark", "entry", "bucket"),
    [
        ("0.00000001", "3400", Bucket.TO_CLOSE),
        ("3400", "0.00000001", Bucket.TO_CLOSE),
        ("0.9", "0.9", Bucket.DUST),
        ("0.9", "1", Bucket.TO_CLOSE),
    ],
)
def test_dust_is_dust_by_mark_and_by_entry_price(mark: str, entry: str, bucket: Bucket) -> None:
    (sifted,) = sieved(reading(position("1", mark=mark, entry=entry)), {}, LISTED, ACCOUNT, LIMITS).nonzero

    assert sifted.bucket is bucket


@pytest.mark.parametrize("status", [InstrumentStatus.REDUCE_ONLY, InstrumentStatus.UNKNOWN])
def test_whatever_would_be_closed_must_have_a_row_i14(status: InstrumentStatus) -> None:
    listed = {**LISTED, "ENDING": instrument("ENDING", status=status)}

    assert [row.symbol for row in sieved(reading(position("0")), {}, listed, ACCOUNT, LIMITS).missing] == ["ENDING"]
