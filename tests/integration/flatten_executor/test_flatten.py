"""The executor process against the simulator: what it closes, what it leaves, and what it says of either."""

from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from contracts.flattening import OrderIntended, OrderResolved, OrderState, PositionFate, RestingCancelled, RunVerdict
from support.processes import ServiceProcess
from support.requester import Requester
from support.sim import Simulator

ETH = {"symbol": "ETHUSDT", "qty": "2"}
BTC = {"symbol": "BTCUSDT", "qty": "-0.5"}


async def test_the_incident_is_flattened_and_every_position_is_accounted_for(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await governor.request()
    completed = await governor.verdict()

    counts = completed.counts
    assert completed.verdict is RunVerdict.FLAT
    assert (counts.seen, counts.nonzero, counts.filtered, counts.sent, counts.ok) == (674, 44, 44, 44, 44)
    assert (counts.orders_sent, counts.orders_ok, counts.errors, counts.unknown) == (44, 44, 0, 0)
    assert completed.residual == ()
    assert await sim.positions() == {}
    await executor.wait_line(
        "TESTNET_FLATTEN done symbols_seen=674 nonzero=44 above_notional=44 orders_sent=44 orders_ok=44 errors=0 "
        "verdict=flat"
    )


async def test_every_order_reduces_and_was_on_record_before_it_was_sent_i5_i10(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    before = await sim.positions()

    await governor.request()
    await governor.verdict()

    intended = {event.client_order_id: event for event in await governor.events(OrderIntended)}
    orders = await sim.orders()
    assert len(orders) == len(before) == 44
    for order in orders:
        held = before[order["symbol"], "BOTH"]
        assert order["reduce_only"]
        assert order["side"] == ("SELL" if held > 0 else "BUY")
        assert order["client_order_id"] in intended
        assert intended[order["client_order_id"]].intended_at_ms <= order["received_us"] / 1000


async def test_every_intended_order_is_resolved_on_record(executor: ServiceProcess, governor: Requester) -> None:
    await governor.request()
    await governor.verdict()

    intended = {event.client_order_id for event in await governor.events(OrderIntended)}
    resolved = {event.client_order_id: event.state for event in await governor.events(OrderResolved)}
    assert set(resolved) == intended
    assert set(resolved.values()) == {OrderState.FILLED}


async def test_a_row_that_cannot_be_read_forbids_flat_and_is_named_i14(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH, BTC])
    await sim.faults({"action": "nan_quantity", "match": {"symbol": "BTCUSDT"}})

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.NOT_FLAT
    assert (completed.counts.unreadable, completed.counts.ok) == (1, 1)
    assert [(left.symbol, left.quantity) for left in completed.residual] == [("BTCUSDT", None)]
    assert await sim.positions() == {("BTCUSDT", "BOTH"): Decimal("-0.5")}


async def test_a_position_without_a_mark_price_is_closed(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults({"action": "missing_mark", "match": {"symbol": "ETHUSDT"}})

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert completed.outcomes[0].notional_usd is None
    assert await sim.positions() == {}


async def test_more_positions_than_the_limit_abort_before_any_order_i17(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=await positions_in(sim, 201))

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.ABORTED
    assert completed.abort_reason == "201 positions to close are more than MAX_FLATTEN_SYMBOLS=200"
    assert len(completed.residual) == completed.counts.filtered == 201
    assert {outcome.fate for outcome in completed.outcomes} == {PositionFate.NOT_ATTEMPTED}
    assert await sim.orders() == []


async def test_two_hundred_positions_are_closed(sim: Simulator, executor: ServiceProcess, governor: Requester) -> None:
    await sim.scenario(positions=await positions_in(sim, 200))

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert (completed.counts.ok, completed.counts.orders_ok) == (200, 200)


async def test_a_truncated_reading_is_read_again(sim: Simulator, executor: ServiceProcess, governor: Requester) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults({"action": "truncated_json", "match": {"path": "/fapi/v2/positionRisk"}, "times": 2})

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert completed.counts.ok == 1


@pytest.mark.parametrize("executor_env", [{"FLATTEN_RUN_MAX_SECONDS": "1"}])
async def test_an_exchange_that_cannot_be_read_never_counts_as_flat_i14_i12(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults({"action": "truncated_json", "match": {"path": "/fapi/v2/positionRisk"}, "times": 0})

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.NOT_FLAT
    assert completed.timings.verified_at_ms is None
    assert any("could not be read" in note for note in completed.notes)
    assert await sim.orders() == []


@pytest.mark.parametrize("executor_env", [{"FLATTEN_RUN_MAX_SECONDS": "2"}])
async def test_filled_orders_alone_are_never_flat_while_the_exchange_cannot_be_read_after_them_i9(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.faults({"action": "truncated_json", "match": {"path": "/fapi/v2/positionRisk", "nth": 2}, "times": 0})

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.NOT_FLAT
    assert (completed.counts.orders_ok, completed.counts.ok) == (44, 0)
    assert completed.timings.verified_at_ms is None
    assert len(completed.residual) == 44


async def test_dust_is_left_and_said(sim: Simulator, executor: ServiceProcess, governor: Requester) -> None:
    await sim.scenario(positions=[ETH, {"symbol": "XRPUSDT", "qty": "0.1", "mark": "2"}])

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT_EXCEPT_DUST
    assert (completed.counts.dust, completed.counts.ok) == (1, 1)
    assert [left.symbol for left in completed.residual] == ["XRPUSDT"]
    assert completed.residual_notional_usd == Decimal("0.2")


@pytest.mark.parametrize("status", ["SETTLING", "PENDING_TRADING"])
async def test_a_symbol_that_takes_no_orders_is_reported_as_open(
    sim: Simulator, env: dict[str, str], governor: Requester, status: str
) -> None:
    await sim.scenario(positions=[ETH, BTC], statuses={"BTCUSDT": status})

    async with ServiceProcess("flatten_executor.main", env) as executor:
        await executor.wait_ready()
        await governor.request()
        completed = await governor.verdict()

    assert completed.verdict is RunVerdict.NOT_FLAT
    assert (completed.counts.untradable, completed.counts.ok) == (1, 1)
    assert completed.residual[0].reason == f"untradable: status {status}"
    assert [order["symbol"] for order in await sim.orders()] == ["ETHUSDT"]


async def test_both_legs_of_a_hedged_symbol_close_without_the_reduce_only_flag_i5(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    legs = [
        {"symbol": "ETHUSDT", "qty": "2", "position_side": "LONG"},
        {"symbol": "ETHUSDT", "qty": "-1", "position_side": "SHORT"},
    ]
    await sim.scenario(hedge_mode=True, positions=legs)

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert completed.counts.ok == 2
    orders = {order["position_side"]: order for order in await sim.orders()}
    assert (orders["LONG"]["side"], orders["SHORT"]["side"]) == ("SELL", "BUY")
    assert not any("reduceOnly" in order["params"] for order in orders.values())


async def test_a_scope_of_symbols_touches_only_those(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH, BTC])

    await governor.request(symbols=["BTCUSDT"])
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert completed.counts.out_of_scope == 1
    assert [order["symbol"] for order in await sim.orders()] == ["BTCUSDT"]


async def test_resting_orders_are_cancelled_confirmed_and_then_the_positions_close(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    resting = [
        {"symbol": "ETHUSDT", "side": "SELL", "qty": "2", "price": "9000", "reduce_only": True},
        {"symbol": "ETHUSDT", "side": "SELL", "type": "STOP_MARKET", "trigger_price": "1000", "close_position": True},
        {"symbol": "ADAUSDT", "side": "BUY", "qty": "100", "price": "0.01"},
    ]
    await sim.scenario(positions=[ETH, BTC], resting_orders=resting)

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert (completed.counts.resting_cancelled, completed.counts.ok, completed.counts.errors) == (3, 2, 0)
    cancelled = {event.symbol: len(event.order_ids) for event in await governor.events(RestingCancelled)}
    assert cancelled == {"ETHUSDT": 2, "ADAUSDT": 1}
    state = await sim.state()
    assert state["open_orders"] == state["algo_orders"] == []


async def test_a_quantity_above_the_market_maximum_is_split_i7_i13(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    largest = await market_maximum(sim, "ETHUSDT")
    await sim.scenario(positions=[{"symbol": "ETHUSDT", "qty": str(largest * 2 + Decimal("0.5"))}])

    await governor.request()
    completed = await governor.verdict()

    orders = await sim.orders()
    assert completed.verdict is RunVerdict.FLAT
    assert (completed.counts.sent, completed.counts.ok, completed.counts.orders_ok) == (1, 1, 3)
    assert sorted(Decimal(order["params"]["quantity"]) for order in orders) == [Decimal("0.5"), largest, largest]
    assert len({order["client_order_id"] for order in orders}) == 3


async def test_a_thin_book_is_finished_in_the_next_rounds(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults(
        {
            "action": "none",
            "match": {"path": "/fapi/v1/order", "method": "POST"},
            "effect": {"book": [{"symbol": "ETHUSDT", "qty": "1.5", "replenish": True}]},
        }
    )

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert (completed.rounds, completed.counts.ok, completed.counts.orders_ok) == (2, 1, 1)
    assert completed.outcomes[0].filled_quantity == 2


async def test_a_position_that_someone_else_closed_is_not_counted_as_ours(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults(
        {
            "action": "none",
            "match": {"path": "/fapi/v1/order", "method": "POST"},
            "effect": {"positions": [{"symbol": "ETHUSDT", "qty": "0"}]},
        }
    )

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert (completed.counts.sent, completed.counts.ok, completed.counts.errors) == (1, 0, 1)
    assert completed.outcomes[0].fate is PositionFate.GONE


async def test_one_symbol_that_never_closes_stops_no_other_and_ends_as_not_flat_i12(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.faults({"action": "code", "code": -4131, "match": {"symbol": "ETHUSDT"}, "times": 0})

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.NOT_FLAT
    assert (completed.counts.filtered, completed.counts.sent, completed.counts.ok) == (44, 44, 43)
    assert [left.symbol for left in completed.residual] == ["ETHUSDT"]
    assert completed.residual_notional_usd == completed.residual[0].notional_usd
    assert "-4131" in completed.residual[0].reason
    assert list(await sim.positions()) == [("ETHUSDT", "BOTH")]


async def positions_in(sim: Simulator, count: int) -> list[dict[str, str]]:
    """So many positions of a few dollars, in symbols that trade."""
    symbols = [row for row in await exchange_info(sim) if row["status"] == "TRADING"][:count]
    assert len(symbols) == count
    return [{"symbol": row["symbol"], "qty": _lot(row)["minQty"], "mark": _price(row)} for row in symbols]


async def market_maximum(sim: Simulator, symbol: str) -> Decimal:
    """The most that one market order may ask for: the stricter of the two filters."""
    (row,) = (row for row in await exchange_info(sim) if row["symbol"] == symbol)
    return min(Decimal(_lot(row, kind)["maxQty"]) for kind in ("LOT_SIZE", "MARKET_LOT_SIZE"))


async def exchange_info(sim: Simulator) -> list[dict[str, Any]]:
    async with (
        aiohttp.ClientSession(sim.base_url) as session,
        session.get("/fapi/v1/exchangeInfo") as answer,
    ):
        rows: list[dict[str, Any]] = (await answer.json())["symbols"]
        return rows


def _lot(row: dict[str, Any], kind: str = "MARKET_LOT_SIZE") -> dict[str, str]:
    lot: dict[str, str] = next(entry for entry in row["filters"] if entry["filterType"] == kind)
    return lot


def _price(row: dict[str, Any]) -> str:
    """A mark at which the smallest quantity is worth some ten dollars."""
    return str(round(Decimal(10) / Decimal(_lot(row)["minQty"]), 1))
