"""What else is asked of the account over real HTTP: its mode, resting orders and their end, one order by its id."""

import asyncio
from decimal import Decimal

import pytest

from exchange.binance import BinanceGateway
from exchange.errors import ReadFailed, ReadUnusable
from exchange.model import Accepted, NotFound, PositionMode
from support.stub_exchange import Reply, StubExchange, error, ok
from support.venue_samples import body, open_algo_order_row, open_order_row, order_row


async def test_the_position_mode_is_read_and_never_assumed(stub: StubExchange, gateway: BinanceGateway) -> None:
    call = "GET /fapi/v1/positionSide/dual"
    stub.script(call, ok({"dualSidePosition": True}), ok({"dualSidePosition": False}), ok({}))

    assert await gateway.position_mode() is PositionMode.HEDGE
    assert await gateway.position_mode() is PositionMode.ONE_WAY
    with pytest.raises(ReadUnusable, match="dualSidePosition"):
        await gateway.position_mode()


async def test_resting_orders_are_both_kinds_read_at_the_same_time(stub: StubExchange, gateway: BinanceGateway) -> None:
    together = asyncio.Event()
    stub.script("GET /fapi/v1/openOrders", Reply(body=body([open_order_row()]), hold=together))
    stub.script("GET /fapi/v1/openAlgoOrders", Reply(body=body([open_algo_order_row()]), hold=together))

    reading = asyncio.create_task(gateway.resting_orders())
    await stub.wait_requests(2)
    together.set()

    assert [(order.order_id, order.conditional) for order in await reading] == [("1917641", False), ("2148627", True)]
    assert [set(request.parameters) for request in stub.requests] == [{"timestamp", "recvWindow", "signature"}] * 2


async def test_one_kind_of_resting_orders_alone_is_no_answer(stub: StubExchange, gateway: BinanceGateway) -> None:
    stub.script("GET /fapi/v1/openOrders", ok([open_order_row()]))
    stub.script("GET /fapi/v1/openAlgoOrders", Reply(status=500))

    with pytest.raises(ReadFailed, match="openAlgoOrders"):
        await gateway.resting_orders()


@pytest.mark.parametrize(
    ("conditional", "call"),
    [(False, "DELETE /fapi/v1/allOpenOrders"), (True, "DELETE /fapi/v1/algoOpenOrders")],
)
async def test_each_kind_of_resting_order_is_cancelled_by_its_own_call(
    stub: StubExchange,
    gateway: BinanceGateway,
    conditional: bool,  # noqa: FBT001 - a table's column
    call: str,
) -> None:
    stub.script(call, ok({"code": 200, "msg": "The operation of cancel all open order is done."}))

    await gateway.cancel_resting("ETHUSDT", conditional=conditional)

    assert [request.call for request in stub.requests] == [call]
    assert stub.requests[0].parameters["symbol"] == "ETHUSDT"


async def test_nothing_to_cancel_is_cancelled_and_a_refused_cancel_raises(
    stub: StubExchange, gateway: BinanceGateway
) -> None:
    stub.script(
        "DELETE /fapi/v1/allOpenOrders", error(400, -2011, "Unknown order sent."), error(400, -1121, "Invalid symbol.")
    )

    await gateway.cancel_resting("ETHUSDT", conditional=False)
    with pytest.raises(ReadFailed, match="Invalid symbol"):
        await gateway.cancel_resting("ETHUSDT", conditional=False)


async def test_an_order_is_looked_up_by_its_client_order_id(stub: StubExchange, gateway: BinanceGateway) -> None:
    call = "GET /fapi/v1/order"
    stub.script(
        call,
        ok(order_row("mine", filled="0.4", status="EXPIRED", avgPrice="3446.20")),
        error(400, -2013, "Order does not exist."),
        ok(order_row("yours")),
        ok({}),
        Reply(status=500),
    )

    found = await gateway.look_up("ETHUSDT", "mine")
    missing = await gateway.look_up("ETHUSDT", "mine")

    assert found == Accepted(
        client_order_id="mine",
        exchange_order_id="22542179",
        status="EXPIRED",
        filled=Decimal("0.4"),
        average_price=Decimal("3446.20"),
        final=True,
    )
    assert missing == NotFound(client_order_id="mine")
    assert stub.requests[0].parameters["origClientOrderId"] == "mine"
    with pytest.raises(ReadUnusable, match="another order"):
        await gateway.look_up("ETHUSDT", "mine")
    with pytest.raises(ReadUnusable, match="orderId is missing"):
        await gateway.look_up("ETHUSDT", "mine")
    with pytest.raises(ReadFailed, match="HTTP 500"):
        await gateway.look_up("ETHUSDT", "mine")
