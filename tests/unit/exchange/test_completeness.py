"""Which rows a position list must have, and which of them it has not (I14)."""

import pytest

from contracts.vocabulary import PositionSide
from exchange.binance_instruments import listed
from exchange.completeness import MissingRow, missing_rows
from exchange.errors import ReadUnusable
from support.exchange_builders import position, reading, unreadable_row
from support.venue_samples import body, exchange_info, symbol_row

LONG, SHORT, BOTH = PositionSide.LONG, PositionSide.SHORT, PositionSide.BOTH


def test_a_listed_symbol_without_its_row_is_missing_i14() -> None:
    read = reading(position("0", symbol="AUSDT"), position("1", symbol="CUSDT"))

    assert missing_rows(read, {"AUSDT", "CUSDT", "DUSDT", "BUSDT"}) == (
        MissingRow("BUSDT", BOTH),
        MissingRow("DUSDT", BOTH),
    )


def test_a_whole_reading_misses_nothing_however_many_unlisted_rows_it_has() -> None:
    assert missing_rows(reading(position("0", symbol="AUSDT"), position("0", symbol="OLDUSDT")), {"AUSDT"}) == ()


def test_an_unreadable_row_is_not_missing_too() -> None:
    assert missing_rows(reading(position("0"), unreadable=(unreadable_row("BUSDT"),)), {"ETHUSDT", "BUSDT"}) == ()


def test_a_single_leg_makes_both_legs_of_every_symbol_due_i14() -> None:
    read = reading(position("2", symbol="AUSDT", side=LONG), position("0", symbol="BUSDT"))

    assert [str(row) for row in missing_rows(read, {"CUSDT"})] == [
        "AUSDT short",
        "BUSDT long",
        "BUSDT short",
        "CUSDT long",
        "CUSDT short",
    ]


def test_in_hedge_mode_the_row_of_both_legs_together_may_be_there_or_not() -> None:
    legs = [position("0", side=side) for side in (LONG, SHORT)]

    assert missing_rows(reading(*legs), {"ETHUSDT"}) == ()
    assert missing_rows(reading(*legs, position("0")), {"ETHUSDT"}) == ()


def test_what_takes_closing_orders_is_listed_and_what_is_over_or_not_begun_is_not() -> None:
    states = ("TRADING", "PRE_SETTLE", "NEW_WORD", "PENDING_TRADING", "SETTLING", "CLOSE", "DELIVERED")
    info = exchange_info(*(symbol_row(f"{state}USDT", status=state) for state in states))

    assert listed(body(info)) == {"TRADINGUSDT", "PRE_SETTLEUSDT", "NEW_WORDUSDT"}


def test_a_symbol_whose_rules_cannot_be_read_is_listed_all_the_same() -> None:
    assert listed(body(exchange_info(symbol_row(filters="none", quantityPrecision=-1)))) == {"ETHUSDT"}


@pytest.mark.parametrize(
    "symbols",
    [
        [],
        [symbol_row(status="SETTLING")],
        [symbol_row(), symbol_row("")],
        [symbol_row(), {**symbol_row(), "symbol": None}],
        [symbol_row(), symbol_row("AUSDT", status=None)],
        [symbol_row(), 7],
        "none",
    ],
)
def test_a_list_of_symbols_that_is_not_whole_is_unusable_i14(symbols: object) -> None:
    with pytest.raises(ReadUnusable, match="exchangeInfo"):
        listed(body({**exchange_info(), "symbols": symbols}))
