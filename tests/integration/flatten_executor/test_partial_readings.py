"""Partial answers, refusals before a crash, verdicts that cannot be published: none becomes a wrong word."""

import json
from decimal import Decimal
from pathlib import Path

from contracts.flattening import FlattenCompleted, PositionFate, RunStarted, RunVerdict
from runtime.redis_client import raw
from support.processes import ServiceProcess
from support.requester import Requester
from support.scenes import BTC, ETH, POSITIONS, SINGLE, exchange_info
from support.sim import Simulator

DROP = {"action": "drop_row", "times": 0}


async def test_rows_that_are_missing_at_first_are_read_again_before_the_first_order(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH, BTC])
    await sim.faults({"action": "drop_row", "match": {**POSITIONS, "symbol": "BTCUSDT"}, "times": 1})

    await governor.request()
    completed = await governor.verdict()

    assert (completed.verdict, completed.rounds) == (RunVerdict.FLAT, 1)
    assert (completed.counts.seen, completed.counts.ok) == (674, 2)


async def test_a_row_that_stays_missing_keeps_no_other_position_open_and_forbids_flat_i14(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH, BTC])
    await sim.faults({**DROP, "match": {**POSITIONS, "symbol": "BTCUSDT"}})

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.NOT_FLAT
    assert (completed.counts.seen, completed.counts.nonzero, completed.counts.ok) == (673, 1, 1)
    assert [(left.symbol, left.quantity, left.reason) for left in completed.residual] == [
        ("BTCUSDT", None, "the answer has no row of it, or not of both legs")
    ]
    assert await sim.positions() == {("BTCUSDT", "BOTH"): Decimal("-0.5")}


async def test_a_symbol_that_takes_no_orders_and_was_never_shown_is_told_by_name_i14(
    sim: Simulator, env: dict[str, str], governor: Requester
) -> None:
    await sim.scenario(positions=[ETH, BTC], statuses={"BTCUSDT": "SETTLING"})
    await sim.faults({**DROP, "match": {**POSITIONS, "symbol": "BTCUSDT"}})

    async with ServiceProcess("flatten_executor.main", env) as executor:
        await executor.wait_ready()
        await governor.request()
        completed = await governor.verdict()

    assert (completed.verdict, completed.counts.seen) == (RunVerdict.FLAT, 673)
    note = "symbols that take no orders and have no position row, taken as not held: 1 (BTCUSDT)"
    assert note in completed.notes


async def test_a_row_that_vanishes_after_its_order_leaves_its_quantity_unknown_i14(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults({**DROP, "match": {**POSITIONS, "symbol": "ETHUSDT", "nth": 2}})

    await governor.request()
    completed = await governor.verdict()

    (outcome,) = completed.outcomes
    assert completed.verdict is RunVerdict.NOT_FLAT
    assert (outcome.fate, outcome.quantity_after, outcome.filled_quantity) == (PositionFate.OPEN, None, Decimal(2))
    assert [left.symbol for left in completed.residual] == ["ETHUSDT"]


async def test_in_hedge_mode_the_row_that_is_no_leg_says_nothing_of_the_legs_i14(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(hedge_mode=True, positions=[{**ETH, "position_side": "LONG"}])
    legs = [{**POSITIONS, "symbol": "ETHUSDT", "position_side": side, "nth": 2} for side in ("LONG", "SHORT")]
    await sim.faults({"action": "code", "code": -2022, "match": SINGLE}, *({**DROP, "match": leg} for leg in legs))

    await governor.request()
    completed = await governor.verdict()

    (outcome,) = completed.outcomes
    assert completed.verdict is RunVerdict.NOT_FLAT
    assert (outcome.fate, outcome.quantity_after) == (PositionFate.OPEN, None)
    assert [(left.symbol, left.quantity) for left in completed.residual] == [("ETHUSDT", None)]


async def test_a_symbol_whose_rules_cannot_be_read_must_have_its_row_all_the_same_i14_i17(
    sim: Simulator, env: dict[str, str], governor: Requester, tmp_path: Path
) -> None:
    listing = {"symbols": await exchange_info(sim), "rateLimits": []}
    for row in listing["symbols"]:
        if row["symbol"] == "ETHUSDT":
            row["quantityPrecision"] = 21
    file = tmp_path / "exchange-info.json"
    file.write_text(json.dumps(listing))
    async with Simulator("--exchange-info", str(file)) as odd:
        await odd.scenario(positions=[ETH, BTC])
        await odd.faults({**DROP, "match": {**POSITIONS, "symbol": "ETHUSDT"}})
        async with ServiceProcess("flatten_executor.main", {**env, "EXCHANGE_BASE_URL": odd.base_url}):
            await governor.request()
            completed = await governor.verdict()

    assert (completed.verdict, completed.counts.ok) == (RunVerdict.NOT_FLAT, 1)
    assert [left.symbol for left in completed.residual] == ["ETHUSDT"]
    assert completed.notes[0] == "symbols whose rules cannot be read: 1 (ETHUSDT: quantityPrecision is 21)"


async def test_one_absurd_mark_price_makes_no_dust_of_a_position_i14(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults({"action": "patch", "match": {**POSITIONS, "symbol": "ETHUSDT"}, "patch": {"markPrice": "1e-8"}})

    await governor.request()
    completed = await governor.verdict()

    assert (completed.verdict, completed.counts.ok, await sim.positions()) == (RunVerdict.FLAT, 1, {})


async def test_a_row_that_cannot_be_read_for_a_moment_is_closed_all_the_same(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH, BTC])
    await sim.faults({"action": "nan_quantity", "match": {**POSITIONS, "symbol": "BTCUSDT"}, "times": 2})

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert (completed.counts.unreadable, completed.counts.ok) == (0, 2)


async def test_a_symbol_that_was_armed_and_is_not_listed_forbids_flat_i17(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])

    await governor.request(symbols=["ETHUSD"])
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.NOT_FLAT
    assert [(left.symbol, left.reason) for left in completed.residual] == [
        ("ETHUSD", "the exchange lists no such symbol")
    ]
    assert await sim.orders() == []


async def test_an_unreadable_row_outside_the_scope_is_no_trouble_of_the_run(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH, BTC])
    await sim.faults({"action": "nan_quantity", "match": {**POSITIONS, "symbol": "BTCUSDT"}})

    await governor.request(symbols=["ETHUSDT"])
    completed = await governor.verdict()

    assert (completed.verdict, completed.counts.unreadable, completed.counts.ok) == (RunVerdict.FLAT, 1, 1)


async def test_a_request_refused_for_its_age_stays_refused_after_a_crash_i3(
    sim: Simulator, env: dict[str, str], governor: Requester
) -> None:
    await sim.faults({"action": "hang", "match": {"path": "/fapi/v2/positionRisk"}, "times": 0})
    async with ServiceProcess("flatten_executor.main", env) as first:
        await first.wait_ready()
        await governor.request(requested_at_ms=await governor.now_ms() - 121_000)
        await first.wait_line("more than 120000")
        await governor.wait_for(RunStarted)
        first.sigkill()
        await first.wait()
    await sim.clear_faults()

    async with ServiceProcess("flatten_executor.main", env):
        completed = await governor.verdict()

    assert completed.verdict is RunVerdict.ABORTED
    assert await sim.orders() == []


async def test_a_verdict_that_cannot_be_published_is_not_taken_for_published_i11(
    sim: Simulator, env: dict[str, str], governor: Requester
) -> None:
    completed_key = governor.keys.of(FlattenCompleted)
    await raw(governor.redis, "SET", completed_key, "no stream")
    async with ServiceProcess("flatten_executor.main", env) as first:
        await governor.request()
        assert await first.wait() == 1
        assert "nothing was written" in first.text
    await raw(governor.redis, "DEL", completed_key)

    async with ServiceProcess("flatten_executor.main", env):
        completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert len(await sim.orders()) == 44
