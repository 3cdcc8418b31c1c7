"""The adapter against the running simulator: what it reads and sends is what a venue understands."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from contracts.vocabulary import Environment, OrderSide, PositionSide
from exchange.config import ExchangeConfig
from exchange.errors import KeyRejected, ReadFailed, ReadUnusable
from exchange.factory import open_gateway, open_reader
from exchange.instruments import floor_to_step
from exchange.model import (
    Accepted,
    Failed,
    InstrumentStatus,
    NotFound,
    Position,
    PositionMode,
    ReducingOrder,
    Refused,
    Unknown,
)
from exchange.ports import OrderGateway, PositionReader
from support.sim import Simulator

POSITION_RISK = "/fapi/v2/positionRisk"
BATCH_ORDERS = "/fapi/v1/batchOrders"


def config(sim: Simulator, **more: Any) -> ExchangeConfig:
    return ExchangeConfig(
        **{
            "environment": Environment.SIM,
            "base_url": sim.base_url,
            "api_key": sim.api_key,
            "api_secret": sim.api_secret,
            **more,
        }
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator("--scenario", "incident") as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def sim(simulator: Simulator) -> Simulator:
    await simulator.reset()
    return simulator


@pytest_asyncio.fixture(loop_scope="module")
async def gateway(sim: Simulator) -> AsyncIterator[OrderGateway]:
    opened = open_gateway(config(sim))
    yield opened
    await opened.aclose()


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def open_positions(reader: PositionReader) -> list[Position]:
    return [position for position in (await reader.positions()).positions if position.quantity]


def closing(positions: list[Position], prefix: str = "close") -> list[ReducingOrder]:
    return [
        ReducingOrder.closing(position, abs(position.quantity), f"{prefix}-{number}")
        for number, position in enumerate(positions)
    ]


async def test_every_symbol_is_seen_and_the_incident_is_as_it_was(gateway: OrderGateway) -> None:
    reading, marks = await asyncio.gather(gateway.positions(), gateway.marks())

    held = {position.symbol: position for position in reading.positions if position.quantity}
    assert (reading.rows_seen, len(held), reading.unreadable) == (674, 44, ())
    assert held["ETHUSDT"].quantity == Decimal("9.1")
    assert held["ETHUSDT"].mark_price == marks["ETHUSDT"]


async def test_all_positions_close_and_a_new_reading_shows_it(sim: Simulator, gateway: OrderGateway) -> None:
    await gateway.warm()
    instruments = (await gateway.instruments()).instruments
    held = await open_positions(gateway)

    results = await gateway.place_reducing(closing(held))

    assert all(floor_to_step(abs(one.quantity), instruments[one.symbol].step) == abs(one.quantity) for one in held)
    assert {type(result) for result in results} == {Accepted}
    assert [result.client_order_id for result in results] == [f"close-{number}" for number in range(44)]
    assert await open_positions(gateway) == []
    assert await sim.positions() == {}
    assert all(order["reduce_only"] for order in await sim.orders())


async def test_forty_four_orders_are_nine_requests(sim: Simulator, gateway: OrderGateway) -> None:
    held = await open_positions(gateway)
    before = len(await sim.requests())

    await gateway.place_reducing(closing(held))

    after = (await sim.requests())[before:]
    assert [request["path"] for request in after] == [BATCH_ORDERS] * 9


async def test_hedge_mode_closes_both_legs_without_reduce_only(sim: Simulator, gateway: OrderGateway) -> None:
    await sim.scenario(
        hedge_mode=True,
        positions=[
            {"symbol": "ETHUSDT", "qty": "2", "position_side": "LONG"},
            {"symbol": "ETHUSDT", "qty": "-1.5", "position_side": "SHORT"},
        ],
    )

    assert await gateway.position_mode() is PositionMode.HEDGE
    held = await open_positions(gateway)
    results = await gateway.place_reducing(closing(held))

    assert {(one.side, one.quantity) for one in held} == {
        (PositionSide.LONG, Decimal(2)),
        (PositionSide.SHORT, Decimal("-1.5")),
    }
    assert [type(result) for result in results] == [Accepted, Accepted]
    assert await sim.positions() == {}


async def test_what_the_venue_refuses_comes_back_with_its_code(sim: Simulator, gateway: OrderGateway) -> None:
    await sim.scenario(positions=[{"symbol": "ETHUSDT", "qty": "2"}])
    (position,) = await open_positions(gateway)
    wrong_side = ReducingOrder(
        symbol="ETHUSDT",
        side=OrderSide.BUY,
        position_side=PositionSide.BOTH,
        quantity=Decimal(1),
        client_order_id="wrong-side",
    )
    off_step = ReducingOrder.closing(position, Decimal("0.00001"), "off-step")
    good = ReducingOrder.closing(position, Decimal(2), "good")

    results = await gateway.place_reducing([wrong_side, off_step, good])

    assert isinstance(results[0], Refused)
    assert isinstance(results[1], Refused)
    assert isinstance(results[2], Accepted)
    assert (results[0].code, results[1].code) in {(-2022, -1111), (-2022, -4023)}


async def test_resting_orders_of_both_kinds_are_found_and_cancelled(sim: Simulator, gateway: OrderGateway) -> None:
    await sim.scenario(
        positions=[{"symbol": "ETHUSDT", "qty": "2"}],
        resting_orders=[
            {"symbol": "ETHUSDT", "side": "SELL", "type": "LIMIT", "qty": "1", "price": "999999", "reduce_only": True},
            {"symbol": "ETHUSDT", "side": "SELL", "type": "STOP_MARKET", "trigger_price": "1", "close_position": True},
            {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "qty": "0.01", "price": "1"},
        ],
    )

    resting = await gateway.resting_orders()
    assert {(one.symbol, one.conditional, one.kind, one.reduce_only) for one in resting} == {
        ("ETHUSDT", False, "LIMIT", True),
        ("ETHUSDT", True, "STOP_MARKET", True),
        ("BTCUSDT", False, "LIMIT", False),
    }

    await gateway.cancel_resting("ETHUSDT", conditional=True)
    await gateway.cancel_resting("ETHUSDT", conditional=False)
    await gateway.cancel_resting("ETHUSDT", conditional=False)  # nothing is left: that is no error
    assert [one.symbol for one in await gateway.resting_orders()] == ["BTCUSDT"]


@pytest.mark.parametrize("action", ["drop_after", "truncate_body", "truncated_json", "empty_200"])
async def test_a_lost_answer_is_unknown_and_the_look_up_finds_what_happened(
    sim: Simulator, gateway: OrderGateway, action: str
) -> None:
    await sim.scenario(positions=[{"symbol": "ETHUSDT", "qty": "2"}, {"symbol": "BTCUSDT", "qty": "0.002"}])
    held = await open_positions(gateway)
    await sim.faults({"action": action, "match": {"method": "POST"}})

    results = await gateway.place_reducing(closing(held, action))
    found = [await gateway.look_up(one.symbol, f"{action}-{number}") for number, one in enumerate(held)]

    assert [type(result) for result in results] == [Unknown, Unknown]
    assert [(one.status, one.filled) for one in found if isinstance(one, Accepted)] == [
        ("FILLED", abs(position.quantity)) for position in held
    ]
    assert await open_positions(gateway) == []


async def test_an_order_that_never_arrived_is_not_found(sim: Simulator, gateway: OrderGateway) -> None:
    await sim.scenario(positions=[{"symbol": "ETHUSDT", "qty": "2"}])
    held = await open_positions(gateway)
    await sim.faults({"action": "drop_before", "match": {"method": "POST"}})

    (result,) = await gateway.place_reducing(closing(held, "lost"))

    assert isinstance(result, Unknown)
    assert await gateway.look_up("ETHUSDT", "lost-0") == NotFound(client_order_id="lost-0")


async def test_a_skewed_clock_is_set_by_the_first_reading(sim: Simulator, gateway: OrderGateway) -> None:
    await sim.clock(-60_000)

    reading = await gateway.positions()

    assert reading.rows_seen == 674


async def test_orders_under_a_skewed_clock_fail_once_and_then_pass(sim: Simulator, gateway: OrderGateway) -> None:
    held = await open_positions(gateway)
    await sim.clock(60_000)

    failed = await gateway.place_reducing(closing(held))
    passed = await gateway.place_reducing(closing(held))

    assert {(type(result), getattr(result, "code", None)) for result in failed} == {(Failed, -1021)}
    assert {type(result) for result in passed} == {Accepted}


async def test_an_unreadable_row_is_named_and_a_missing_mark_left_out(sim: Simulator, gateway: OrderGateway) -> None:
    await sim.faults(
        {"action": "nan_quantity", "match": {"path": POSITION_RISK, "symbol": "ETHUSDT"}, "times": 0},
        {"action": "missing_mark", "match": {"symbol": "BTCUSDT"}, "times": 0},
    )

    reading, marks = await asyncio.gather(gateway.positions(), gateway.marks())

    assert [(row.symbol, row.field) for row in reading.unreadable] == [("ETHUSDT", "positionAmt")]
    assert reading.rows_seen == 674
    assert "BTCUSDT" not in marks
    assert [one.mark_price for one in reading.positions if one.symbol == "BTCUSDT"] == [None]


@pytest.mark.parametrize(
    ("action", "raised"),
    [
        ("truncate_body", ReadUnusable),
        ("truncated_json", ReadUnusable),
        ("empty_200", ReadUnusable),
        ("drop_before", ReadFailed),
    ],
)
async def test_a_reading_that_is_not_whole_raises(
    sim: Simulator, gateway: OrderGateway, action: str, raised: type[Exception]
) -> None:
    await sim.faults({"action": action, "match": {"path": POSITION_RISK}, "times": 2})

    with pytest.raises(raised):
        await gateway.positions()


async def test_a_wrong_secret_and_a_wrong_key_are_rejected(sim: Simulator) -> None:
    for wrong in ({"api_secret": "not-it"}, {"api_key": "not-it"}):
        reader = open_reader(config(sim, **wrong))
        with pytest.raises(KeyRejected):
            await reader.positions()
        await reader.aclose()


async def test_a_reading_key_reads_and_cannot_trade(sim: Simulator) -> None:
    gateway = open_gateway(config(sim, api_key=sim.read_key, api_secret=sim.read_secret))

    held = await open_positions(gateway)
    results = await gateway.place_reducing(closing(held))
    await gateway.aclose()

    assert len(held) == 44
    assert {(type(result), getattr(result, "code", None)) for result in results} == {(Refused, -2015)}


async def test_instruments_have_rules_and_states(sim: Simulator, gateway: OrderGateway) -> None:
    await sim.change(statuses={"BTCUSDT": "SETTLING"})

    instruments = (await gateway.instruments()).instruments

    assert len(instruments) == 674
    assert instruments["BTCUSDT"].status is InstrumentStatus.SETTLING
    assert instruments["ETHUSDT"].status is InstrumentStatus.TRADING
    assert instruments["ETHUSDT"].price_multiplier_up is not None
