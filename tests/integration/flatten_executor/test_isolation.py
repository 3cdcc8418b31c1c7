"""Answers that mix everything: one leg's trouble is its own, and the run ends in a verdict all the same."""

from decimal import Decimal
from typing import Any

import pytest

from contracts.flattening import OrderResolved, OrderState, PositionFate, RunVerdict
from support.invariants import assert_orders_only_reduced
from support.processes import ServiceProcess
from support.requester import Requester
from support.scenes import BATCH, SINGLE
from support.sim import Simulator

RECV_WINDOW_US = 5_000_000
FIVE = [
    {"symbol": "ETHUSDT", "qty": "2", "mark": "5000"},
    {"symbol": "BTCUSDT", "qty": "-0.1", "mark": "90000"},
    {"symbol": "XRPUSDT", "qty": "4000", "mark": "2"},
    {"symbol": "ADAUSDT", "qty": "-9000", "mark": "0.5"},
    {"symbol": "BTCUSDT_270326", "qty": "0.01", "mark": "90000"},
]


def leg(symbol: str, **fault: Any) -> dict[str, Any]:
    return {"match": {**BATCH, "symbol": symbol}, **fault}


async def test_one_batch_that_fills_refuses_fails_and_loses_is_sorted_out_leg_by_leg(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=FIVE)
    await sim.faults(
        leg("BTCUSDT", action="code", code=-2022),
        leg("XRPUSDT", action="code", code=-1007, execute=True),
        leg("ADAUSDT", action="code", code=-1001),
        leg("BTCUSDT_270326", action="ack"),
    )

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert (completed.counts.filtered, completed.counts.ok) == (5, 5)
    states: dict[str, list[OrderState]] = {}
    for event in await governor.events(OrderResolved):
        states.setdefault(event.symbol, []).append(event.state)
    assert states == {
        "ETHUSDT": [OrderState.FILLED],
        "BTCUSDT": [OrderState.REFUSED, OrderState.FILLED],
        "XRPUSDT": [OrderState.UNKNOWN, OrderState.FILLED],
        "ADAUSDT": [OrderState.FAILED, OrderState.FILLED],
        "BTCUSDT_270326": [OrderState.UNKNOWN, OrderState.FILLED],
    }
    sent = [order["symbol"] for order in await sim.orders()]
    assert {symbol: sent.count(symbol) for symbol in set(sent)} == {
        "ETHUSDT": 1,
        "BTCUSDT": 2,
        "XRPUSDT": 1,
        "ADAUSDT": 2,
        "BTCUSDT_270326": 1,
    }


@pytest.mark.parametrize("executed", [True, False], ids=["executed", "not executed"])
async def test_one_leg_of_five_that_times_out_is_looked_up_before_anything_else_is_sent_for_it_i7(
    sim: Simulator, executor: ServiceProcess, governor: Requester, *, executed: bool
) -> None:
    await sim.scenario(positions=FIVE)
    await sim.faults(leg("XRPUSDT", action="code", code=-1007, execute=executed))

    await governor.request()
    completed = await governor.verdict()

    counts, again = completed.counts, 0 if executed else 1
    assert completed.verdict is RunVerdict.FLAT
    assert (counts.sent, counts.ok, counts.unknown) == (5, 5, 0)
    assert (counts.orders_sent, counts.orders_ok, counts.errors) == (5 + again, 5, again)
    assert await filled(sim) == sorted(position["symbol"] for position in FIVE), "each once"
    requests = await sim.requests()
    looked_up = [one for one in requests if (one["method"], one["path"]) == ("GET", SINGLE["path"])]
    batch, *later = [one["received_us"] for one in requests if one["method"] == "POST"]
    assert {one["symbol"] for one in looked_up} == {"XRPUSDT"}
    assert len(later) == again
    assert all(looked_up[0]["received_us"] < at_us > batch + RECV_WINDOW_US for at_us in later), "it can arrive no more"


async def filled(sim: Simulator) -> list[str]:
    return sorted(order["symbol"] for order in await sim.orders() if Decimal(order["executed_qty"] or 0) > 0)


@pytest.mark.parametrize("code", [-2022, -4131, -2019])
async def test_one_symbol_that_never_closes_stops_no_other_and_ends_as_not_flat_i12(
    sim: Simulator, executor: ServiceProcess, governor: Requester, code: int
) -> None:
    held = (await sim.positions())["ETHUSDT", "BOTH"]
    await sim.faults({"action": "code", "code": code, "match": {"symbol": "ETHUSDT"}, "times": 0})

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.NOT_FLAT
    assert (completed.counts.filtered, completed.counts.sent, completed.counts.ok) == (44, 44, 43)
    assert [(left.symbol, left.quantity) for left in completed.residual] == [("ETHUSDT", held)]
    assert completed.residual_notional_usd == completed.residual[0].notional_usd
    assert round(completed.residual_notional_usd, 2) == Decimal("31361.00")
    assert str(code) in completed.residual[0].reason
    assert list(await sim.positions()) == [("ETHUSDT", "BOTH")]
    assert await governor.unacknowledged() == 0
    assert_orders_only_reduced(await sim.orders())
    await executor.wait_line("verdict=not_flat")


async def test_a_whole_batch_that_is_refused_leaves_the_others_alone(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.faults({"action": "code", "code": -1102, "status": 400, "match": {**BATCH, "nth": 2}})

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert (completed.counts.ok, completed.counts.errors, completed.rounds) == (44, 5, 2)
    assert {outcome.fate for outcome in completed.outcomes} == {PositionFate.CLOSED}
