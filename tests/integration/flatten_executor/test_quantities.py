"""Quantities that the exchange takes: split at its maximum, in its steps and digits, on the real list too."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from contracts.flattening import PositionFate, RunVerdict
from support.invariants import assert_client_ids_never_reused, assert_orders_only_reduced
from support.processes import ServiceProcess
from support.requester import Requester
from support.scenes import exchange_info, largest, lot, market_maximum
from support.shared_data import shared_file
from support.sim import Simulator


async def test_a_quantity_above_the_market_maximum_is_split_i7_i13(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    maximum = await market_maximum(sim, "ETHUSDT")
    await sim.scenario(positions=[{"symbol": "ETHUSDT", "qty": str(maximum * 2 + Decimal("0.5"))}])

    await governor.request()
    completed = await governor.verdict()

    orders = await sim.orders()
    assert completed.verdict is RunVerdict.FLAT
    assert (completed.counts.sent, completed.counts.ok, completed.counts.orders_ok) == (1, 1, 3)
    assert sorted(Decimal(order["params"]["quantity"]) for order in orders) == [Decimal("0.5"), maximum, maximum]
    assert_client_ids_never_reused(orders)


@pytest.mark.parametrize(("mark", "verdict"), [("1000", RunVerdict.FLAT_EXCEPT_DUST), ("5000", RunVerdict.NOT_FLAT)])
async def test_what_is_below_one_step_is_reported_as_residual_i17(
    sim: Simulator, executor: ServiceProcess, governor: Requester, mark: str, verdict: RunVerdict
) -> None:
    rest = {"symbol": "ETHUSDT", "qty": "2.0004", "mark": mark}
    tiny = {"symbol": "BTCUSDT", "qty": "-0.0004", "mark": mark}
    await sim.scenario(positions=[rest, tiny])

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is verdict
    assert {left.symbol: left.quantity for left in completed.residual} == {
        "ETHUSDT": Decimal("0.0004"),
        "BTCUSDT": Decimal("-0.0004"),
    }
    assert completed.residual_notional_usd == Decimal("0.0008") * Decimal(mark)
    assert [(order["symbol"], order["quantity"]) for order in await sim.orders()] == [("ETHUSDT", "2")]


@pytest_asyncio.fixture
async def real() -> AsyncIterator[Simulator]:
    """A simulator of the test network's real list of symbols."""
    async with Simulator("--exchange-info", str(shared_file("fapi_exchange_info_660.json"))) as simulator:
        yield simulator


def odd(row: dict[str, Any]) -> bool:
    """Whether the step is not what the digits say, the two filters differ, or the name is not plain."""
    steps = {lot(row, kind)["stepSize"] for kind in ("LOT_SIZE", "MARKET_LOT_SIZE")}
    digits = Decimal(1).scaleb(-row["quantityPrecision"])
    market_is_larger = Decimal(lot(row)["maxQty"]) > Decimal(lot(row, "LOT_SIZE")["maxQty"])
    plain_name = row["symbol"].isascii() and row["symbol"].isalnum()
    return len(steps) > 1 or Decimal(steps.pop()) != digits or market_is_larger or not plain_name


def a_quantity(row: dict[str, Any], number: int) -> Decimal:
    """Every fifth more than one market order may ask for, the others some steps; every second one short."""
    step = max(Decimal(lot(row, kind)["stepSize"]) for kind in ("LOT_SIZE", "MARKET_LOT_SIZE"))
    smallest = max(Decimal(lot(row, kind)["minQty"]) for kind in ("LOT_SIZE", "MARKET_LOT_SIZE"))
    quantity = largest(row) * 2 + smallest + step if number % 5 == 0 else smallest + step * number
    return quantity if number % 2 else -quantity


async def test_positions_across_the_real_list_are_closed_in_steps_and_digits_that_the_venue_takes_i13(
    real: Simulator, env: dict[str, str], governor: Requester
) -> None:
    trading = [row for row in await exchange_info(real) if row["status"] == "TRADING"]
    chosen = [row for row in trading if odd(row)] + [row for row in trading if not odd(row)][::4]
    held = {row["symbol"]: a_quantity(row, number) for number, row in enumerate(chosen[:200])}
    await real.scenario(positions=[{"symbol": symbol, "qty": str(quantity)} for symbol, quantity in held.items()])
    await real.limits(orders_10s=2_000, orders_1m=2_000)

    settings = {"EXCHANGE_BASE_URL": real.base_url, "MIN_FLATTEN_NOTIONAL_USD": "0"}
    async with ServiceProcess("flatten_executor.main", {**env, **settings}) as executor:
        await executor.wait_ready()
        await governor.request()
        completed = await governor.verdict(timeout_s=60)

    orders = await real.orders()
    assert completed.verdict is RunVerdict.FLAT, completed.residual
    assert len(held) > 140
    assert (completed.counts.seen, completed.counts.ok, completed.counts.errors) == (660, len(held), 0)
    assert {outcome.fate for outcome in completed.outcomes} == {PositionFate.CLOSED}
    assert len(orders) > len(held) * 7 / 5 - 2, "every fifth takes three orders"
    assert {order["code"] for order in orders} == {None}
    assert_orders_only_reduced(orders)
    assert_client_ids_never_reused(orders)
