"""The real list of the test network's 660 symbols, where it lies beside the project."""

import json
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.binance_instruments import Catalogue, catalogue
from exchange.budget import OrderLimits
from exchange.instruments import floor_to_step, plain
from exchange.model import Instrument, InstrumentStatus
from support.shared_data import shared_file


@pytest.fixture(scope="module")
def answer() -> bytes:
    return shared_file("fapi_exchange_info_660.json").read_bytes()


@pytest.fixture(scope="module")
def real(answer: bytes) -> Catalogue:
    return catalogue(answer)


@pytest.fixture(scope="module")
def rows(answer: bytes) -> dict[str, dict[str, Any]]:
    return {row["symbol"]: row for row in json.loads(answer)["symbols"]}


def lots(row: dict[str, Any]) -> list[dict[str, str]]:
    return [one for one in row["filters"] if one["filterType"] in ("LOT_SIZE", "MARKET_LOT_SIZE")]


def test_every_symbol_is_read(real: Catalogue) -> None:
    assert (len(real.listings.instruments), real.listings.unreadable) == (660, {})
    assert real.limits == OrderLimits(weight_per_minute=6000)


def test_states_are_told_apart(real: Catalogue) -> None:
    states = [instrument.status for instrument in real.listings.instruments.values()]

    assert {status: states.count(status) for status in set(states)} == {
        InstrumentStatus.TRADING: 559,
        InstrumentStatus.SETTLING: 49,
        InstrumentStatus.REDUCE_ONLY: 1,
        InstrumentStatus.PENDING: 45,
        InstrumentStatus.CLOSED: 6,
    }


def test_every_limit_is_within_both_lot_filters(real: Catalogue, rows: dict[str, dict[str, Any]]) -> None:
    for symbol, instrument in real.listings.instruments.items():
        for lot in lots(rows[symbol]):
            assert instrument.min_quantity >= Decimal(lot["minQty"]), symbol
            assert instrument.max_quantity <= Decimal(lot["maxQty"]), symbol
            assert instrument.step % Decimal(lot["stepSize"]) == 0, symbol


@given(st.decimals(min_value=0, max_value=10**9, allow_nan=False, allow_infinity=False, places=9))
def test_a_floored_quantity_fits_step_and_digits_of_every_symbol(quantity: Decimal) -> None:
    for row, instrument in one_of_each_kind():
        floored = floor_to_step(quantity, instrument.step)
        if floored:
            _, _, digits = plain(floored).partition(".")
            assert len(digits) <= row["quantityPrecision"], instrument.symbol
            assert all(floored % Decimal(lot["stepSize"]) == 0 for lot in lots(row)), instrument.symbol


@cache
def one_of_each_kind() -> list[tuple[dict[str, Any], Instrument]]:
    """One symbol for each combination of steps and digits."""
    text = shared_file("fapi_exchange_info_660.json").read_bytes()
    instruments = catalogue(text).listings.instruments
    kinds = {
        (row["quantityPrecision"], *(lot["stepSize"] for lot in lots(row))): row for row in json.loads(text)["symbols"]
    }
    return [(row, instruments[row["symbol"]]) for row in kinds.values()]
