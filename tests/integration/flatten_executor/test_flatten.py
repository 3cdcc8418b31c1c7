"""The executor process against the simulator: what it closes, what it leaves, and what it says of either."""

from decimal import Decimal

import pytest

from contracts.flattening import OrderIntended, OrderResolved, OrderState, PositionFate, RunVerdict
from support.processes import ServiceProcess
from support.requester import Requester
from support.scenes import BTC, ETH, positions_in
from support.sim import Simulator


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


@pytest.mark.parametrize("executor_env", [{"FLATTEN_RUN_MAX_SECONDS": "8"}])
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


async def test_a_symbol_that_only_takes_reducing_orders_before_its_end_is_closed(
    sim: Simulator, env: dict[str, str], governor: Requester
) -> None:
    await sim.scenario(positions=[ETH], statuses={"ETHUSDT": "PRE_SETTLE"})

    async with ServiceProcess("flatten_executor.main", env) as executor:
        await executor.wait_ready()
        await governor.request()
        completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert completed.counts.ok == 1


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


async def test_a_scope_of_symbols_touches_only_those(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    resting = [
        {"symbol": "ETHUSDT", "side": "SELL", "qty": "2", "price": "9000", "reduce_only": True},
        {"symbol": "BTCUSDT", "side": "BUY", "qty": "0.1", "price": "10000"},
        {"symbol": "ADAUSDT", "side": "BUY", "qty": "100", "price": "0.01"},
    ]
    await sim.scenario(positions=[ETH, BTC], resting_orders=resting)

    await governor.request(symbols=["BTCUSDT"])
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert (completed.counts.out_of_scope, completed.counts.resting_cancelled, completed.residual) == (1, 1, ())
    assert [order["symbol"] for order in await sim.orders()] == ["BTCUSDT"]
    assert await sim.positions() == {("ETHUSDT", "BOTH"): Decimal(2)}
    assert sorted(order["symbol"] for order in (await sim.state())["open_orders"]) == ["ADAUSDT", "ETHUSDT"]
    touched = {request["symbol"] for request in await sim.requests() if request["method"] == "DELETE"}
    assert touched == {"BTCUSDT"}


async def test_a_scope_of_symbols_that_hold_nothing_is_flat_and_says_what_is_outside(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])

    await governor.request(symbols=["BTCUSDT", "ADAUSDT"])
    completed = await governor.verdict()

    assert (completed.verdict, completed.counts.out_of_scope) == (RunVerdict.FLAT, 1)
    assert await sim.orders() == []
