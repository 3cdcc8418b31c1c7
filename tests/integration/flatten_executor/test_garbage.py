"""One symbol's nonsense, in its rules or in its row, keeps no other position open and never becomes "flat" (I14)."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from contracts.flattening import FlattenCompleted, PositionFate, RunVerdict
from support.edited_exchange import edited
from support.processes import ServiceProcess
from support.requester import Requester
from support.scenes import BTC, ETH, exchange_info, largest
from support.sim import Simulator

RULES = "/fapi/v1/exchangeInfo"
ROWS = "/fapi/v2/positionRisk"
Edit = Callable[[Any], None]


async def flattened(
    sim: Simulator, env: dict[str, str], governor: Requester, path: str, edit: Edit
) -> FlattenCompleted:
    async with (
        edited(sim, path, edit) as url,
        ServiceProcess("flatten_executor.main", {**env, "EXCHANGE_BASE_URL": url}) as executor,
    ):
        await executor.wait_ready()
        await governor.request()
        return await governor.verdict()


def rules_of(symbol: str, change: Edit) -> Edit:
    def edit(info: Any) -> None:
        for row in info["symbols"]:
            if row["symbol"] == symbol:
                change(row)

    return edit


def row_of(symbol: str, **fields: str) -> Edit:
    def edit(rows: Any) -> None:
        for row in rows:
            if row["symbol"] == symbol:
                row.update(fields)

    return edit


def no_market_order_fits(row: Any) -> None:
    for entry in row["filters"]:
        if entry["filterType"] == "MARKET_LOT_SIZE":
            entry["maxQty"] = "0.0000001"


async def test_rules_that_let_no_order_through_make_one_symbol_untradable_and_end_nothing_i13(
    sim: Simulator, env: dict[str, str], governor: Requester
) -> None:
    await sim.scenario(positions=[ETH, BTC])

    completed = await flattened(sim, env, governor, RULES, rules_of("ETHUSDT", no_market_order_fits))

    fates = {outcome.symbol: outcome.fate for outcome in completed.outcomes}
    assert fates == {"ETHUSDT": PositionFate.UNTRADABLE, "BTCUSDT": PositionFate.CLOSED}
    assert completed.verdict is RunVerdict.NOT_FLAT
    assert "no order is possible" in completed.notes[0]


async def test_a_market_order_needs_no_price_filter(sim: Simulator, env: dict[str, str], governor: Requester) -> None:
    await sim.scenario(positions=[ETH])

    def without_prices(row: Any) -> None:
        row["filters"] = [entry for entry in row["filters"] if entry["filterType"] != "PRICE_FILTER"]

    completed = await flattened(sim, env, governor, RULES, rules_of("ETHUSDT", without_prices))

    assert (completed.verdict, await sim.positions()) == (RunVerdict.FLAT, {})


async def test_a_quote_asset_that_nobody_knows_is_no_dollar_and_its_position_no_dust(
    sim: Simulator, env: dict[str, str], governor: Requester
) -> None:
    await sim.scenario(positions=[{"symbol": "XRPUSDT", "qty": "10", "mark": "0.05", "entry_price": "0.05"}])

    def unreadable(row: Any) -> None:
        row.update(quoteAsset="BTC", filters=[])

    completed = await flattened(sim, env, governor, RULES, rules_of("XRPUSDT", unreadable))

    assert (completed.verdict, completed.residual_unpriced) == (RunVerdict.NOT_FLAT, 1)


async def test_a_symbol_that_states_no_quote_asset_is_not_taken_for_dollars_i14(
    sim: Simulator, env: dict[str, str], governor: Requester
) -> None:
    await sim.scenario(positions=[{"symbol": "ETHUSDT", "qty": "20", "mark": "0.03"}])

    def without_quote_asset(row: Any) -> None:
        del row["quoteAsset"]

    completed = await flattened(sim, env, governor, "/fapi/v1/exchangeInfo", rules_of("ETHUSDT", without_quote_asset))

    assert (completed.verdict, completed.counts.dust, completed.counts.ok) == (RunVerdict.FLAT, 0, 1)


async def test_without_an_entry_price_a_small_mark_price_is_no_proof_of_dust_i14(
    sim: Simulator, env: dict[str, str], governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])

    edit = row_of("ETHUSDT", markPrice="0.0001", entryPrice="0.0")
    completed = await flattened(sim, env, governor, ROWS, edit)

    assert (completed.verdict, completed.counts.ok, await sim.positions()) == (RunVerdict.FLAT, 1, {})


async def test_a_row_of_another_mode_is_unreadable_and_the_rest_is_closed_i14(
    sim: Simulator, env: dict[str, str], governor: Requester
) -> None:
    await sim.scenario(positions=[ETH, BTC, {"symbol": "XRPUSDT", "qty": "100"}])

    completed = await flattened(sim, env, governor, ROWS, row_of("XRPUSDT", positionSide="LONG"))

    assert (completed.verdict, completed.counts.ok) == (RunVerdict.NOT_FLAT, 2)
    assert [left.reason for left in completed.residual] == ["unreadable: positionSide a long row in one_way mode"]
    assert await sim.positions() == {("XRPUSDT", "BOTH"): Decimal(100)}


async def test_a_row_that_comes_twice_is_unreadable_and_the_rest_is_closed_i14(
    sim: Simulator, env: dict[str, str], governor: Requester
) -> None:
    await sim.scenario(positions=[ETH, BTC])

    def doubled(rows: Any) -> None:
        rows.append(next(row for row in rows if row["symbol"] == "XRPUSDT"))

    completed = await flattened(sim, env, governor, ROWS, doubled)

    assert (completed.verdict, completed.counts.ok, completed.counts.unreadable) == (RunVerdict.NOT_FLAT, 2, 2)
    assert await sim.positions() == {}


@pytest.mark.parametrize("executor_env", [{"FLATTEN_RUN_MAX_SECONDS": "60"}], ids=["a minute"])
async def test_more_than_all_rounds_may_close_goes_on_while_everything_fills(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    """Three rounds of 200 orders, and twenty more."""
    await sim.scenario(positions=[{"symbol": "XRPUSDT", "qty": str(await most_in_one_order(sim) * 620), "mark": "1"}])
    await sim.limits(orders_10s=100_000, orders_1m=100_000, weight_1m=100_000)

    await governor.request()
    completed = await governor.verdict()

    assert (completed.verdict, completed.counts.orders_ok) == (RunVerdict.FLAT, 620)


async def most_in_one_order(sim: Simulator) -> Decimal:
    (row,) = [row for row in await exchange_info(sim) if row["symbol"] == "XRPUSDT"]
    return largest(row)


async def test_rules_that_are_minutes_old_keep_no_position_from_being_tried(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH, BTC], statuses={"ETHUSDT": "PENDING_TRADING"})
    await governor.request("arm-1", symbols=["ADAUSDT"])  # whatever was read by now is kept for minutes
    await governor.verdict()
    await sim.change(statuses={"ETHUSDT": "TRADING"})

    await governor.request("arm-2")
    completed = await governor.verdict(2)

    assert (completed.verdict, completed.counts.ok) == (RunVerdict.FLAT, 2)
