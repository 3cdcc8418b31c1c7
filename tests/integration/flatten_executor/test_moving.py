"""Positions and books that move while we work: never flipped by us, and the exchange has the last word."""

from decimal import Decimal
from typing import Any

import pytest

from contracts.flattening import PositionFate, RunVerdict
from support.invariants import assert_orders_only_reduced
from support.processes import ServiceProcess
from support.requester import Requester
from support.scenes import ETH, POSITIONS, when_sent
from support.sim import Simulator


def becomes(quantity: str) -> dict[str, Any]:
    return {"positions": [{"symbol": "ETHUSDT", "qty": quantity}]}


@pytest.mark.parametrize("ends_as", ["EXPIRED", "EXPIRED_IN_MATCH"])
async def test_a_thin_book_is_finished_in_the_next_rounds(
    sim: Simulator, executor: ServiceProcess, governor: Requester, ends_as: str
) -> None:
    await sim.scenario(positions=[ETH])
    thin = {"symbol": "ETHUSDT", "qty": "1.5", "replenish": True, "expire_as": ends_as}
    await sim.faults(when_sent(book=[thin]))

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert (completed.rounds, completed.counts.ok, completed.counts.orders_ok) == (2, 1, 1)
    assert completed.outcomes[0].filled_quantity == 2
    assert [(order["quantity"], order["executed_qty"]) for order in await sim.orders()] == [
        ("2", "1.5"),
        ("0.5", "0.5"),
    ]


async def test_an_empty_book_is_reported_after_the_last_round(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH], book=[{"symbol": "ETHUSDT", "qty": "0"}])

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.NOT_FLAT
    assert (completed.rounds, completed.residual[0].quantity) == (3, Decimal(2))


async def test_a_position_that_shrinks_is_closed_by_the_order_that_was_cut_to_it(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults(when_sent(**becomes("0.7")))

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert (completed.rounds, completed.counts.orders_ok, completed.counts.errors) == (1, 1, 0)
    assert completed.outcomes[0].fate is PositionFate.GONE
    assert completed.outcomes[0].filled_quantity == Decimal("0.7")


async def test_a_hedge_leg_that_shrinks_refuses_too_much_and_the_rest_is_closed(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    leg = {"symbol": "ETHUSDT", "position_side": "SHORT"}
    await sim.scenario(hedge_mode=True, positions=[{**leg, "qty": "-2"}])
    await sim.faults(when_sent(positions=[{**leg, "qty": "-0.7"}]))

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert [(order["code"], order["quantity"]) for order in await sim.orders()] == [(-2022, "2"), (None, "0.7")]


async def test_a_position_that_grows_is_closed_whole(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults(when_sent(**becomes("5")))

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert (completed.rounds, completed.counts.ok) == (2, 1)
    assert completed.outcomes[0].filled_quantity == 5


async def test_a_position_that_someone_else_closed_is_not_counted_as_ours(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults(when_sent(**becomes("0")))

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert (completed.counts.sent, completed.counts.ok, completed.counts.errors) == (1, 0, 1)
    assert completed.outcomes[0].fate is PositionFate.GONE


async def test_a_position_that_changes_sign_is_closed_from_its_new_side_and_never_flipped_by_us_i6(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults(when_sent(**becomes("-3")))

    await governor.request()
    completed = await governor.verdict()

    orders = await sim.orders()
    assert completed.verdict is RunVerdict.FLAT
    assert [(order["side"], order["quantity"], order["code"]) for order in orders] == [
        ("SELL", "2", -2022),
        ("BUY", "3", None),
    ]
    assert_orders_only_reduced(orders)


async def test_a_position_that_is_opened_after_our_close_is_seen_and_closed_i9(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults({"action": "delay", "hold_ms": 0, "match": {**POSITIONS, "nth": 2}, "effect": becomes("-1")})

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert [order["side"] for order in await sim.orders()] == ["SELL", "BUY"]


async def test_a_position_that_someone_keeps_opening_is_not_flat_whatever_we_filled_i9_i12(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults(
        {"action": "delay", "hold_ms": 0, "match": {**POSITIONS, "nth": 2}, "times": 0, "effect": becomes("4")}
    )

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.NOT_FLAT
    assert (completed.rounds, completed.counts.orders_ok, completed.residual[0].quantity) == (3, 3, Decimal(4))
    assert await sim.positions() == {("ETHUSDT", "BOTH"): Decimal(4)}
    assert_orders_only_reduced(await sim.orders())
