"""A run does what `flatctl plan` said a moment before, order for order; `flatctl verify` agrees with its verdict."""

import json
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from contracts.flattening import FlattenCompleted, RunVerdict
from support.flatctl_process import Flatctl
from support.processes import ServiceProcess
from support.requester import Requester
from support.scenes import market_maximum
from support.sim import Simulator

TAKE_PROFIT = {"symbol": "ETHUSDT", "side": "SELL", "qty": "2", "price": "9000", "reduce_only": True}
ENTRY = {"symbol": "ADAUSDT", "side": "BUY", "qty": "1", "price": "0.01"}


@pytest.fixture
def flatctl(env: dict[str, str]) -> Flatctl:
    return Flatctl(**env)


async def scene(sim: Simulator) -> dict[str, Any]:
    """Long, short, split, dust, a rest below the step, a symbol that takes no orders, and orders that wait."""
    maximum = await market_maximum(sim, "ETHUSDT")
    return {
        "positions": [
            {"symbol": "ETHUSDT", "qty": str(maximum * 2 + Decimal("0.5"))},
            {"symbol": "XRPUSDT", "qty": "-1830.4"},
            {"symbol": "BTCUSDT", "qty": "-2.0004", "mark": "90000"},
            {"symbol": "ADAUSDT", "qty": "1", "mark": "0.5"},
        ],
        "statuses": {"XRPUSDT": "SETTLING"},
        "resting_orders": [TAKE_PROFIT, ENTRY],
    }


def sent(orders: list[dict[str, Any]]) -> Counter[tuple[str, str, Decimal, int]]:
    """Symbol, side, quantity in all, and how many orders."""
    rows: dict[tuple[str, str], list[Decimal]] = {}
    for order in orders:
        rows.setdefault((order["symbol"], order["side"].lower()), []).append(Decimal(order["params"]["quantity"]))
    return Counter((*key, sum(quantities, Decimal(0)), len(quantities)) for key, quantities in rows.items())


def left(completed: FlattenCompleted) -> set[tuple[str, Decimal | None]]:
    return {(row.symbol, row.quantity) for row in completed.residual}


async def test_a_run_does_what_was_planned_and_leaves_what_was_said(
    sim: Simulator, env: dict[str, str], governor: Requester, flatctl: Flatctl
) -> None:
    await sim.scenario(**await scene(sim))
    # Started now, so that it knows the rules that hold: those that it has read are up to five minutes old.
    async with ServiceProcess("flatten_executor.main", env) as executor:
        await executor.wait_ready()
        planned = await flatctl("plan", "--json")
        plan = json.loads(planned.out)

        await governor.request()
        completed = await governor.verdict()
        verified = await flatctl("verify", "--json")

    assert sent(await sim.orders()) == Counter(
        (row["symbol"], row["order_side"], Decimal(row["closing_quantity"]), row["orders"]) for row in plan["to_close"]
    )
    assert left(completed) == {(row["symbol"], Decimal(row["quantity"])) for row in plan["left_open"]}
    assert completed.counts.resting_cancelled == len(plan["resting"]) == 2
    for name in ("seen", "zero", "nonzero", "dust", "untradable", "filtered"):
        assert getattr(completed.counts, name) == plan["counts"][name]
    assert (completed.verdict, planned.code, verified.code) == (RunVerdict.NOT_FLAT, 2, 2)
    found = json.loads(verified.out)
    assert {(row["symbol"], Decimal(row["quantity"])) for row in found["open"]} == left(completed)
    assert found["compared"][0]["differences"] == []


async def test_a_run_of_the_incident_is_flat_as_planned(
    sim: Simulator, executor: ServiceProcess, governor: Requester, flatctl: Flatctl
) -> None:
    planned = await flatctl("plan")

    await governor.request()
    completed = await governor.verdict()

    assert (completed.verdict, planned.code, (await flatctl("verify")).code) == (RunVerdict.FLAT, 0, 0)
