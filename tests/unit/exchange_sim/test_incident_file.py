"""The built-in incident is the one that happened, where its record lies beside the project."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from demo.targets import INCIDENT_SYMBOL, INCIDENT_TARGET_USD
from exchange_sim.core.scenario import Scenario, incident
from exchange_sim.core.universe import Universe, generate
from exchange_sim.settings import Settings
from support.shared_data import shared_file

CENT = Decimal("0.01")


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    """What was logged, numbers that are not counts as texts."""
    found: dict[str, Any] = msgspec.json.decode(shared_file("flatten_case.json").read_bytes())
    return found


@pytest.fixture(scope="module")
def universe() -> Universe:
    """What the simulator lists when nobody says otherwise."""
    return generate(Settings().symbols, Settings().seed)


@pytest.fixture(scope="module")
def scenario(universe: Universe) -> Scenario:
    return incident(universe, Settings().seed)


def test_as_many_symbols_are_listed_and_held_as_were_seen(
    record: dict[str, Any], universe: Universe, scenario: Scenario
) -> None:
    assert (record["symbols_seen"], record["nonzero"]) == (674, 44)
    assert len(universe.instruments) == record["symbols_seen"]
    assert len(scenario.positions) == record["nonzero"]


def test_every_position_that_is_on_record_is_held_to_the_last_digit(record: dict[str, Any], scenario: Scenario) -> None:
    held = {position.symbol: position.qty for position in scenario.positions}
    told = {row["symbol"]: Decimal(row["qty"]) for row in record["positions"]}

    assert told["ETHUSDT"] == Decimal("9.1")
    assert {symbol: held.get(symbol) for symbol in told} == told


def test_what_was_logged_in_dollars_is_what_it_is_worth(
    record: dict[str, Any], universe: Universe, scenario: Scenario
) -> None:
    held = {position.symbol: position.qty for position in scenario.positions}
    told = {
        row["symbol"]: Decimal(row["notional_usd_logged"])
        for row in record["positions"]
        if "notional_usd_logged" in row
    }

    assert told["ETHUSDT"] == Decimal(record["allocation"]["position_before_usd"])
    assert {symbol: (held[symbol] * universe.marks[symbol]).quantize(CENT) for symbol in told} == told


def test_every_position_was_above_the_smallest_that_is_closed(
    record: dict[str, Any], universe: Universe, scenario: Scenario
) -> None:
    least = Decimal(record["guards"]["min_flatten_notional_usd"])
    above = [row for row in scenario.positions if abs(row.qty) * universe.marks[row.symbol] >= least]

    assert len(above) == record["above_notional"]


def test_the_demo_sets_the_target_that_was_breached(record: dict[str, Any]) -> None:
    allocation = record["allocation"]

    assert Decimal(allocation["target_usd"]) == 1820
    assert (allocation["symbol"], Decimal(allocation["target_usd"])) == (INCIDENT_SYMBOL, INCIDENT_TARGET_USD)
