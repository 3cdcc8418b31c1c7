"""exchangeInfo as instruments: documented samples, and the real list where it lies beside the project."""

from decimal import Decimal
from typing import Any

import pytest

from exchange.binance_instruments import catalogue
from exchange.budget import OrderLimits
from exchange.errors import ReadUnusable
from exchange.model import Instrument, InstrumentStatus
from support.venue_samples import body, exchange_info, symbol_row


def lots(*filters: dict[str, Any]) -> list[dict[str, Any]]:
    price = {"filterType": "PRICE_FILTER", "minPrice": "1", "maxPrice": "2", "tickSize": "0.01"}
    return [price, *filters]


def lot(kind: str, low: str, high: str, step: str) -> dict[str, Any]:
    return {"filterType": kind, "minQty": low, "maxQty": high, "stepSize": step}


def test_a_documented_symbol_is_read_in_full() -> None:
    read = catalogue(body(exchange_info()))

    assert read.listings.unreadable == {}
    assert read.listings.instruments == {
        "ETHUSDT": Instrument(
            symbol="ETHUSDT",
            status=InstrumentStatus.TRADING,
            venue_status="TRADING",
            step=Decimal("0.001"),
            min_quantity=Decimal("0.001"),
            max_quantity=Decimal(2000),
            quantity_precision=3,
            tick=Decimal("0.01"),
            quote_asset="USDT",
            price_multiplier_up=Decimal("1.0500"),
            price_multiplier_down=Decimal("0.9500"),
        )
    }


def test_the_venues_limits_are_taken_over() -> None:
    limits = catalogue(body(exchange_info())).limits

    assert limits == OrderLimits(orders_per_10s=290, orders_per_minute=1100, weight_per_minute=6000)


def test_limits_that_are_not_said_are_the_published_ones() -> None:
    info = {**exchange_info(), "rateLimits": [{"rateLimitType": "X", "interval": "DAY", "intervalNum": 1, "limit": 1}]}

    assert catalogue(body(info)).limits == OrderLimits()


@pytest.mark.parametrize(
    ("venue", "status"),
    [
        ("TRADING", InstrumentStatus.TRADING),
        ("PENDING_TRADING", InstrumentStatus.PENDING),
        ("PRE_SETTLE", InstrumentStatus.REDUCE_ONLY),
        ("SETTLING", InstrumentStatus.SETTLING),
        ("PRE_DELIVERING", InstrumentStatus.CLOSED),
        ("DELIVERING", InstrumentStatus.CLOSED),
        ("DELIVERED", InstrumentStatus.CLOSED),
        ("CLOSE", InstrumentStatus.CLOSED),
        ("BREAK", InstrumentStatus.CLOSED),
        ("SOMETHING_NEW", InstrumentStatus.UNKNOWN),
    ],
)
def test_the_venues_states_are_ours_and_its_word_is_kept(venue: str, status: InstrumentStatus) -> None:
    instrument = catalogue(body(exchange_info(symbol_row(status=venue)))).listings.instruments["ETHUSDT"]

    assert (instrument.status, instrument.venue_status) == (status, venue)


def test_a_market_order_gets_the_stricter_of_both_lot_filters() -> None:
    filters = lots(lot("LOT_SIZE", "0.001", "1000", "0.001"), lot("MARKET_LOT_SIZE", "0.01", "5000", "0.01"))

    instrument = catalogue(body(exchange_info(symbol_row(filters=filters)))).listings.instruments["ETHUSDT"]

    assert (instrument.step, instrument.min_quantity, instrument.max_quantity) == (
        Decimal("0.01"),
        Decimal("0.01"),
        Decimal(1000),
    )


def test_without_a_market_filter_the_lot_filter_holds() -> None:
    filters = lots(lot("LOT_SIZE", "1", "500", "1"))

    instrument = catalogue(body(exchange_info(symbol_row(filters=filters)))).listings.instruments["ETHUSDT"]

    assert (instrument.step, instrument.max_quantity, instrument.price_multiplier_up) == (
        Decimal(1),
        Decimal(500),
        None,
    )


@pytest.mark.parametrize(
    ("row", "named", "problem"),
    [
        (symbol_row("AUSDT", filters=lots()), "AUSDT", "LOT_SIZE"),
        (symbol_row("AUSDT", filters=lots(lot("LOT_SIZE", "1", "NaN", "1"))), "AUSDT", "maxQty"),
        (symbol_row("AUSDT", filters=lots(lot("LOT_SIZE", "1", "9", "-1"))), "AUSDT", "stepSize"),
        (symbol_row("AUSDT", filters=lots(lot("LOT_SIZE", "1", "0.5", "1"))), "AUSDT", "no order is possible"),
        (symbol_row("AUSDT", filters=lots(lot("LOT_SIZE", "5", "4", "1"))), "AUSDT", "no order is possible"),
        (symbol_row("AUSDT", filters=lots(lot("LOT_SIZE", "1", "9", "10"))), "AUSDT", "no order is possible"),
        (symbol_row("AUSDT", filters=[{"filterType": "LOT_SIZE"}]), "AUSDT", "minQty"),
        (symbol_row("AUSDT", quantityPrecision=-1), "AUSDT", "quantityPrecision"),
        (symbol_row("AUSDT", quantityPrecision="3"), "row 0", "quantityPrecision"),
        (symbol_row("A\tUSDT"), "A\tUSDT", "symbol"),
        ({}, "row 0", "symbol"),
    ],
)
def test_a_symbol_that_cannot_be_read_is_left_out_and_named(row: dict[str, Any], named: str, problem: str) -> None:
    read = catalogue(body(exchange_info(row, symbol_row())))

    assert set(read.listings.instruments) == {"ETHUSDT"}
    assert set(read.listings.unreadable) == {named}
    assert problem in read.listings.unreadable[named]


def test_a_market_order_needs_no_price_filter() -> None:
    read = catalogue(body(exchange_info(symbol_row(filters=[lot("LOT_SIZE", "1", "9", "1")]))))

    assert read.listings.instruments["ETHUSDT"].tick == 0


@pytest.mark.parametrize("answer", [b"", b"{}", b"[]", b'{"symbols": []}', b'{"symbols": [4]}'])
def test_an_answer_without_a_readable_symbol_is_unusable(answer: bytes) -> None:
    with pytest.raises(ReadUnusable, match="exchangeInfo"):
        catalogue(answer)
