"""The generated instruments, and those read from exchangeInfo."""

from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange_sim.core.scenario import incident
from exchange_sim.core.universe import ETH_INCIDENT_MARK, Universe, generate, load
from support.sim_builders import listing

CENT = Decimal("0.01")


@pytest.fixture(scope="module")
def universe() -> Universe:
    return generate(674, 20260128)


def test_the_same_seed_makes_the_same_universe(universe: Universe) -> None:
    again = generate(674, 20260128)

    assert [entry.listing for entry in again.instruments.values()] == [
        entry.listing for entry in universe.instruments.values()
    ]
    assert again.marks == universe.marks
    assert generate(674, 7).marks != universe.marks


def test_there_are_674_symbols_and_the_four_of_the_incident_trade(universe: Universe) -> None:
    assert len(universe.instruments) == len(universe.marks) == 674
    for symbol in ("BTCUSDT", "ETHUSDT", "XRPUSDT", "ADAUSDT"):
        assert universe.instruments[symbol].status == "TRADING"


def test_nine_point_one_eth_are_31361_usd() -> None:
    assert (Decimal("9.1") * ETH_INCIDENT_MARK).quantize(CENT) == Decimal("31361.00")


def test_the_universe_has_the_variety_that_trips_clients(universe: Universe) -> None:
    instruments = universe.instruments.values()

    statuses = Counter(entry.status for entry in instruments)
    assert {"SETTLING", "PENDING_TRADING", "CLOSE", "PRE_SETTLE"} < set(statuses)
    assert statuses["TRADING"] > 640
    assert sum(entry.market_lot.maximum < entry.lot.maximum for entry in instruments) > 300
    assert any(entry.market_lot.maximum > entry.lot.maximum for entry in instruments)
    assert any(entry.lot.step != Decimal(1).scaleb(-entry.quantity_places) for entry in instruments)
    assert len({entry.tick for entry in instruments}) >= 7
    assert {entry.quantity_places for entry in instruments} == {0, 1, 2, 3}


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(6, 300))
def test_every_generated_rule_is_possible_to_obey(seed: int, count: int) -> None:
    universe = generate(count, seed)

    assert len(universe.instruments) == count
    for symbol, entry in universe.instruments.items():
        assert universe.marks[symbol] > entry.tick > 0
        for rule in (entry.lot, entry.market_lot):
            assert 0 < rule.minimum <= rule.maximum
            assert rule.minimum % rule.step == rule.maximum % rule.step == 0


def test_the_incident_is_44_positions_long_and_short_each_above_one_usd(universe: Universe) -> None:
    positions = incident(universe, 20260128).positions

    assert len(positions) == len({position.symbol for position in positions}) == 44
    assert {position.symbol: position.qty for position in positions[:4]} == {
        "ETHUSDT": Decimal("9.1"),
        "BTCUSDT": Decimal("0.002"),
        "XRPUSDT": Decimal("1830.4"),
        "ADAUSDT": Decimal("9599.0"),
    }
    assert {position.qty > 0 for position in positions} == {True, False}
    for position in positions:
        entry = universe.instruments[position.symbol]
        assert abs(position.qty) * universe.marks[position.symbol] > 1
        assert abs(position.qty) <= entry.market_lot.maximum
        assert position.qty % entry.market_lot.step == 0
        assert entry.status == "TRADING"


def test_the_incident_says_what_a_small_universe_lacks() -> None:
    with pytest.raises(ValueError, match="needs 40 more trading symbols"):
        incident(generate(20, 1), 1)


def test_an_exchange_info_is_taken_as_it_is_with_made_up_marks() -> None:
    rows = [listing("AAAUSDT"), listing("BTCUSDT"), listing("BBBUSDT", status="SETTLING")]

    universe = load({"symbols": rows}, 1)

    assert [entry.listing for entry in universe.instruments.values()] == rows
    assert universe.marks["AAAUSDT"] > Decimal("0.02")
    assert universe.marks["BTCUSDT"] > 10_000


def test_a_tick_of_zero_means_that_only_the_digits_count() -> None:
    row = listing("AAAUSDT", filters={"PRICE_FILTER": {"tickSize": "0", "minPrice": "0"}})

    universe = load({"symbols": [row]}, 1)

    assert universe.instruments["AAAUSDT"].tick == CENT
    assert universe.marks["AAAUSDT"] > 0


@pytest.mark.parametrize("document", [{}, [], {"symbols": []}, {"symbols": "x"}])
def test_a_document_without_symbols_is_refused(document: object) -> None:
    with pytest.raises(ValueError, match="no `symbols` array"):
        load(document, 1)


def test_a_row_without_a_filter_is_refused_by_name() -> None:
    row = listing("AAAUSDT")
    row["filters"] = [entry for entry in row["filters"] if entry["filterType"] != "LOT_SIZE"]

    with pytest.raises(ValueError, match="AAAUSDT has no filter LOT_SIZE"):
        load({"symbols": [row]}, 1)
