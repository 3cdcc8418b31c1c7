"""Orders over real HTTP: each gets one result, a lost answer is unknown, and nothing is sent twice."""

import asyncio
import socket
from decimal import Decimal

import pytest
from msgspec.structs import replace

from contracts.vocabulary import Environment, PositionSide
from exchange.binance import BinanceGateway
from exchange.config import ExchangeConfig
from exchange.model import Accepted, Failed, Refused, Unknown, Unsent
from support.patience import HANG_S
from support.sending import BATCH, SINGLE, all_filled, filled, legs, names, order, orders
from support.stub_exchange import Reply, StubExchange, error, ok
from support.venue_samples import body, order_row, position_row

from .conftest import NOW_MS, POSITIONS, Time

TIME = "GET /fapi/v1/time"


async def test_orders_leave_in_batches_of_five_and_the_last_one_alone(
    stub: StubExchange, gateway: BinanceGateway
) -> None:
    stub.script(BATCH, all_filled)
    stub.script(SINGLE, ok(order_row("o10")))

    results = await gateway.place_reducing(orders(11))

    assert sorted(names(request) for request in stub.seen(BATCH)) == [
        ["o0", "o1", "o2", "o3", "o4"],
        ["o5", "o6", "o7", "o8", "o9"],
    ]
    assert [request.parameters["newClientOrderId"] for request in stub.seen(SINGLE)] == ["o10"]
    assert [result.client_order_id for result in results] == [f"o{number}" for number in range(11)]
    assert {type(result) for result in results} == {Accepted}


async def test_every_order_on_the_wire_only_reduces(stub: StubExchange, gateway: BinanceGateway) -> None:
    stub.script(BATCH, ok(filled("a", "b")))

    await gateway.place_reducing([order("a"), order("b", leg=PositionSide.LONG)])

    one_way, hedge = legs(stub.seen(BATCH)[0])
    assert (one_way["reduceOnly"], "positionSide" in one_way) == ("true", False)
    assert (hedge["positionSide"], "reduceOnly" in hedge) == ("LONG", False)


async def test_batches_are_all_on_the_wire_at_the_same_time(stub: StubExchange, gateway: BinanceGateway) -> None:
    answer = asyncio.Event()
    stub.script(BATCH, Reply(body=b"[]", hold=answer))

    placing = asyncio.create_task(gateway.place_reducing(orders(50)))
    await stub.wait_requests(10)
    answer.set()
    await placing

    assert len({request.connection for request in stub.requests}) == 10


async def test_a_symbol_that_only_the_single_call_carries_goes_alone(
    stub: StubExchange, gateway: BinanceGateway
) -> None:
    stub.script(SINGLE, ok(order_row("a", symbol="币安人生USDT")))
    stub.script(BATCH, ok(filled("b", "c")))

    results = await gateway.place_reducing([order("a", symbol="币安人生USDT"), order("b"), order("c")])

    assert stub.seen(SINGLE)[0].parameters["symbol"] == "币安人生USDT"
    assert [result.client_order_id for result in results] == ["a", "b", "c"]


WHOLE = body(filled("o0", "o1"))


@pytest.mark.parametrize(
    "reply",
    [
        Reply(disconnect=True),
        Reply(body=WHOLE, cut_after=len(WHOLE) // 2),
        Reply(body=WHOLE, cut_after=0),
        Reply(body=b""),
        Reply(body=WHOLE[:-1]),
        Reply(body=b"{}"),
        Reply(body=b"[]"),
        Reply(body=b"<html></html>"),
        Reply(status=500, body=b"oops"),
        Reply(status=302, headers={"Location": "/fapi/v1/order"}),
        Reply(status=408),
        Reply(status=503, body=b"Unknown error, please check your request or try again later."),
        error(503, -1000, "Unknown error, please check your request or try again later."),
        error(400, -1007, "Timeout waiting for response from backend server. Send status unknown."),
        error(400, -1006, "An unexpected response was received from the message bus."),
    ],
)
async def test_a_lost_answer_makes_all_of_its_orders_unknown_and_sends_nothing_again(
    stub: StubExchange, gateway: BinanceGateway, reply: Reply
) -> None:
    stub.script(BATCH, reply)

    results = await gateway.place_reducing(orders(2))

    assert [type(result) for result in results] == [Unknown, Unknown]
    assert len(stub.requests) == 1


async def test_a_lost_order_may_arrive_for_the_receive_window_and_the_clocks_error(
    stub: StubExchange, gateway: BinanceGateway
) -> None:
    stub.script(SINGLE, Reply(disconnect=True))

    (result,) = await gateway.place_reducing(orders(1))

    assert isinstance(result, Unknown)
    assert result.may_arrive_for_ms == gateway.order_lifetime_ms == 6_000


async def test_a_lost_batch_leaves_the_other_batches_results_alone(stub: StubExchange, gateway: BinanceGateway) -> None:
    stub.script(BATCH, Reply(disconnect=True), Reply(body=b"", cut_after=0))
    stub.script(SINGLE, ok(order_row("o5")))

    results = await gateway.place_reducing(orders(6))

    assert [type(result) for result in results] == [Unknown] * 5 + [Accepted]


async def test_an_order_without_an_answer_in_time_is_unknown(stub: StubExchange, time: Time) -> None:
    config = ExchangeConfig(
        environment=Environment.SIM,
        base_url=stub.url,
        api_key="k",
        api_secret="s",
        request_timeout_ms=int(HANG_S * 1000),
        order_timeout_ms=50,
    )
    impatient = BinanceGateway(config, now_ms=time.now_ms, monotonic_ms=time.monotonic_ms, sleep=time.sleep)
    stub.script(POSITIONS, ok([position_row()]))
    stub.script(SINGLE, Reply(hold=asyncio.Event()))

    await impatient.positions()  # leaves an open connection: the order surely goes out
    (result,) = await impatient.place_reducing(orders(1))
    await impatient.aclose()

    assert isinstance(result, Unknown)
    assert len(stub.seen(SINGLE)) == 1


async def test_an_order_that_found_no_server_never_left(time: Time) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        base_url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        config = ExchangeConfig(environment=Environment.SIM, base_url=base_url, api_key="k", api_secret="s")
        gateway = BinanceGateway(config, now_ms=time.now_ms, monotonic_ms=time.monotonic_ms, sleep=time.sleep)

        (result,) = await gateway.place_reducing(orders(1))
        await gateway.aclose()

    assert isinstance(result, Unsent)


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(status=503, body=b"Service Unavailable."), None),
        (error(503, -1001, "Internal error; unable to process your request. Please try again."), -1001),
        (error(503, -1008, "Server is currently overloaded with other requests."), -1008),
    ],
)
async def test_a_definite_failure_may_be_sent_again(
    stub: StubExchange, gateway: BinanceGateway, reply: Reply, code: int | None
) -> None:
    stub.script(BATCH, reply)

    results = await gateway.place_reducing(orders(2))

    assert [(type(result), getattr(result, "code", "")) for result in results] == [(Failed, code)] * 2


@pytest.mark.parametrize("code", [-2022, -4131, -1106, -2015, -1022])
async def test_a_refusal_carries_the_venues_code(stub: StubExchange, gateway: BinanceGateway, code: int) -> None:
    stub.script(SINGLE, error(400, code, "No."))

    (result,) = await gateway.place_reducing(orders(1))

    assert result == Refused(
        client_order_id="o0", code=code, reason=f"HTTP 400 code {code}: No.", outside_band=code == -4131
    )


@pytest.mark.parametrize("code", [-1021, -5028])
async def test_when_the_clock_was_off_it_is_set_before_the_orders_come_back_as_failed(
    stub: StubExchange, gateway: BinanceGateway, code: int
) -> None:
    late = error(400, code, "Timestamp for this request is outside of the recvWindow.")
    stub.script(BATCH, late, late, ok(filled("o0", "o1")))
    stub.script(TIME, ok({"serverTime": NOW_MS + 9_000}))

    failed = await gateway.place_reducing(orders(10))
    again = await gateway.place_reducing(orders(2))

    assert [(type(result), getattr(result, "code", "")) for result in failed] == [(Failed, code)] * 10
    assert [type(result) for result in again] == [Accepted, Accepted]
    assert len(stub.seen(TIME)) == 1
    assert stub.requests[-1].parameters["timestamp"] == str(NOW_MS + 9_000)


async def test_a_clock_that_cannot_be_set_is_said_in_the_result(stub: StubExchange, gateway: BinanceGateway) -> None:
    stub.script(SINGLE, error(400, -1021, "Timestamp for this request is outside of the recvWindow."))
    stub.script(TIME, Reply(status=500, body=b"oops"))

    (result,) = await gateway.place_reducing(orders(1))

    assert isinstance(result, Failed)
    assert "the clock could not be set: GET /fapi/v1/time: HTTP 500: oops" in result.reason


async def test_an_order_that_must_never_reach_a_venue_is_not_sent_and_stops_no_other_i13(
    stub: StubExchange, gateway: BinanceGateway
) -> None:
    broken = replace(order("broken"), quantity=Decimal("NaN"))
    stub.script(SINGLE, ok(order_row("a")))

    unsent, sent = await gateway.place_reducing([broken, order("a")])

    assert isinstance(unsent, Unsent)
    assert "positive and finite" in unsent.reason
    assert isinstance(sent, Accepted)
    assert len(stub.requests) == 1


async def test_an_id_used_twice_stops_all_before_anything_is_sent_i7(
    stub: StubExchange, gateway: BinanceGateway
) -> None:
    with pytest.raises(ValueError, match="same client order id"):
        await gateway.place_reducing([order("a"), order("a")])

    assert stub.requests == []


async def test_a_limit_order_takes_what_it_finds_and_never_rests(stub: StubExchange, gateway: BinanceGateway) -> None:
    stub.script(SINGLE, ok(order_row("o0")))

    await gateway.place_reducing([replace(order("o0"), limit_price=Decimal("1900.50"))])

    sent = stub.seen(SINGLE)[0].parameters
    assert (sent["type"], sent["timeInForce"], sent["price"]) == ("LIMIT", "IOC", "1900.5")
    assert sent["reduceOnly"] == "true"


async def test_no_orders_are_no_requests(stub: StubExchange, gateway: BinanceGateway) -> None:
    assert await gateway.place_reducing([]) == ()
    assert stub.requests == []
