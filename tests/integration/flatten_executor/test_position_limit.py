"""MAX_FLATTEN_SYMBOLS bounds what a run closes altogether, however the positions come to light (I17)."""

from decimal import Decimal

import pytest

from contracts.flattening import RunVerdict
from support.processes import ServiceProcess
from support.requester import Requester
from support.scenes import POSITIONS, positions_in
from support.sim import Simulator

LIMIT = 6
pytestmark = pytest.mark.parametrize("executor_env", [{"MAX_FLATTEN_SYMBOLS": str(LIMIT)}], ids=["six"])


async def test_positions_that_come_to_light_later_count_with_those_that_were_closed_i17(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    positions = await positions_in(sim, 10)
    await sim.scenario(positions=positions)
    hidden = [position["symbol"] for position in positions[4:]]
    await sim.faults(
        *({"action": "drop_row", "match": {**POSITIONS, "symbol": symbol}, "times": 4} for symbol in hidden)
    )

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.ABORTED
    assert completed.abort_reason == "10 positions to close are more than MAX_FLATTEN_SYMBOLS=6"
    assert (len(await sim.orders()), len(await sim.positions()), len(completed.residual)) == (4, 6, 6)


async def test_entries_that_fill_while_they_are_cancelled_count_too_i17(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    wanted = await positions_in(sim, 10)
    entries = [
        {"symbol": one["symbol"], "side": "BUY", "qty": one["qty"], "price": str(Decimal(one["mark"]) / 2)}
        for one in wanted
    ]
    await sim.scenario(resting_orders=entries, marks={one["symbol"]: one["mark"] for one in wanted})
    fill = {"marks": {one["symbol"]: str(Decimal(one["mark"]) / 3) for one in wanted}}
    await sim.faults({"match": {"path": "/fapi/v1/allOpenOrders", "method": "DELETE"}, "effect": fill})

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.ABORTED
    assert completed.abort_reason == "10 positions to close are more than MAX_FLATTEN_SYMBOLS=6"
    assert (await sim.orders(), len(await sim.positions())) == ([], 10)


async def test_a_position_that_is_seen_in_both_modes_counts_once(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=await positions_in(sim, LIMIT))
    await sim.faults({"action": "none", "match": {"path": "/fapi/v1/batchOrders"}, "effect": {"hedge_mode": True}})

    await governor.request()
    completed = await governor.verdict()

    assert (completed.verdict, await sim.positions()) == (RunVerdict.FLAT, {})
