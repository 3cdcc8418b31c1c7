"""Readings over real HTTP: a whole answer, or an error that says what the caller may do (I14)."""

import asyncio
import socket
import zlib
from decimal import Decimal

import pytest

from contracts.vocabulary import Environment
from exchange.binance import BinanceGateway
from exchange.config import ExchangeConfig
from exchange.errors import KeyRejected, ReadFailed, ReadUnusable
from exchange.factory import open_reader
from support.patience import HANG_S
from support.sending import SINGLE, orders
from support.stub_exchange import Reply, StubExchange, error, ok
from support.venue_samples import body, mark_row, order_row, position_row

from .conftest import NOW_MS, POSITIONS, Time

MARKS = "GET /fapi/v1/premiumIndex"
TIME = "GET /fapi/v1/time"


async def test_positions_are_read_with_the_time_of_asking(stub: StubExchange, gateway: BinanceGateway) -> None:
    stub.script(POSITIONS, ok([position_row(), position_row("BTCUSDT", "NaN")]))

    reading = await gateway.positions()

    assert reading.rows_seen == 2
    assert [row.symbol for row in reading.positions] == ["ETHUSDT"]
    assert [row.symbol for row in reading.unreadable] == ["BTCUSDT"]
    assert reading.started_at_ms == NOW_MS


async def test_a_reading_is_signed_and_a_public_one_carries_no_signature(
    stub: StubExchange, gateway: BinanceGateway
) -> None:
    stub.script(POSITIONS, ok([position_row()]))
    stub.script(MARKS, ok([mark_row()]))

    await gateway.positions()
    marks = await gateway.marks()

    assert set(stub.seen(POSITIONS)[0].parameters) == {"timestamp", "recvWindow", "signature"}
    assert stub.seen(MARKS)[0].parameters == {}
    assert marks == {"ETHUSDT": Decimal("3446.26373626")}


async def test_one_reading_is_one_request(stub: StubExchange, gateway: BinanceGateway) -> None:
    stub.script(POSITIONS, ok([position_row()]))

    await gateway.positions()

    assert [request.call for request in stub.requests] == [POSITIONS]


WHOLE = body([position_row() for _ in range(1)])


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (Reply(body=WHOLE, cut_after=len(WHOLE) // 2), "cut off"),
        (Reply(body=WHOLE, cut_after=0), "cut off"),
        (Reply(body=b""), "empty"),
        (Reply(body=WHOLE[:-1]), "truncated"),
        (Reply(body=b"<html>welcome</html>"), "malformed"),
        (Reply(body=b"[]"), "no rows"),
        (Reply(body=b'{"rows": []}'), "not an array"),
        (Reply(body=b"no gzip", headers={"Content-Encoding": "gzip"}), "cut off"),
    ],
)
async def test_an_answer_that_is_not_whole_is_unusable(
    stub: StubExchange, gateway: BinanceGateway, reply: Reply, problem: str
) -> None:
    stub.script(POSITIONS, reply)

    with pytest.raises(ReadUnusable, match=problem) as caught:
        await gateway.positions()

    assert caught.value.endpoint == POSITIONS


async def test_a_compressed_answer_is_read(stub: StubExchange, gateway: BinanceGateway) -> None:
    packer = zlib.compressobj(wbits=31)
    packed = packer.compress(WHOLE) + packer.flush()
    stub.script(POSITIONS, Reply(body=packed, headers={"Content-Encoding": "gzip"}))

    assert (await gateway.positions()).rows_seen == 1


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(disconnect=True), None),
        (Reply(status=500, body=b"oops"), None),
        (Reply(status=502, body=b"<html>bad gateway</html>"), None),
        (error(503, -1001, "Internal error; unable to process your request. Please try again."), -1001),
        (error(400, -1102, "Mandatory parameter was not sent."), -1102),
        (Reply(status=302, headers={"Location": "/elsewhere"}), None),
    ],
)
async def test_an_exchange_that_does_not_answer_or_does_not_want_to_is_a_failed_reading(
    stub: StubExchange, gateway: BinanceGateway, reply: Reply, code: int | None
) -> None:
    stub.script(POSITIONS, reply)

    with pytest.raises(ReadFailed, match=POSITIONS) as caught:
        await gateway.positions()

    assert caught.value.code == code


async def test_a_server_that_is_not_there_is_a_failed_reading() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        config = ExchangeConfig(
            environment=Environment.SIM,
            base_url=f"http://127.0.0.1:{taken.getsockname()[1]}",
            api_key="k",
            api_secret="s",
        )
        reader = open_reader(config)

        with pytest.raises(ReadFailed, match=r"no connection to 127\.0\.0\.1"):
            await reader.positions()
        await reader.aclose()


async def test_an_answer_that_takes_too_long_is_a_failed_reading(stub: StubExchange, time: Time) -> None:
    config = ExchangeConfig(
        environment=Environment.SIM,
        base_url=stub.url,
        api_key="k",
        api_secret="s",
        request_timeout_ms=50,
        order_timeout_ms=int(HANG_S * 1000),
    )
    impatient = BinanceGateway(config, now_ms=time.now_ms, monotonic_ms=time.monotonic_ms, sleep=time.sleep)
    stub.script(SINGLE, ok(order_row("o0")))
    stub.script(POSITIONS, Reply(hold=asyncio.Event()))

    await impatient.place_reducing(orders(1))  # leaves an open connection: the wait is for the answer alone
    with pytest.raises(ReadFailed, match="no answer within 50 ms"):
        await impatient.positions()
    await impatient.aclose()


@pytest.mark.parametrize("code", [-1022, -2014, -2015])
async def test_a_rejected_key_says_so(stub: StubExchange, gateway: BinanceGateway, code: int) -> None:
    stub.script(POSITIONS, error(401, code, "Invalid API-key, IP, or permissions for action."))

    with pytest.raises(KeyRejected, match="Invalid API-key") as caught:
        await gateway.positions()

    assert caught.value.code == code


@pytest.mark.parametrize("status", [429, 418])
async def test_while_the_venue_wants_silence_readings_fail_without_touching_the_wire(
    stub: StubExchange, gateway: BinanceGateway, time: Time, status: int
) -> None:
    stub.script(POSITIONS, error(status, -1003, "Too many requests.", Retry_After="7"), ok([position_row()]))
    stub.script(MARKS, ok([mark_row()]))

    with pytest.raises(ReadFailed) as told:
        await gateway.positions()
    time.passed_ms += 2_000
    with pytest.raises(ReadFailed) as kept:
        await gateway.marks()
    time.passed_ms += 5_000
    reading = await gateway.positions()

    assert (told.value.retry_after_ms, kept.value.retry_after_ms) == (7_000, 5_000)
    assert [request.call for request in stub.requests] == [POSITIONS, POSITIONS]
    assert reading.rows_seen == 1


@pytest.mark.parametrize("code", [-1021, -5028])
async def test_a_clock_that_is_off_is_set_and_the_question_asked_once_more(
    stub: StubExchange, gateway: BinanceGateway, code: int
) -> None:
    late = error(400, code, "Timestamp for this request is outside of the recvWindow.")
    stub.script(POSITIONS, late, ok([position_row()]))
    stub.script(TIME, ok({"serverTime": NOW_MS - 8_000}))

    reading = await gateway.positions()

    assert [request.call for request in stub.requests] == [POSITIONS, TIME, POSITIONS]
    assert [request.parameters["timestamp"] for request in stub.seen(POSITIONS)] == [str(NOW_MS), str(NOW_MS - 8_000)]
    assert reading.started_at_ms == NOW_MS


async def test_a_clock_that_stays_off_fails_after_one_more_question(
    stub: StubExchange, gateway: BinanceGateway
) -> None:
    stub.script(POSITIONS, error(400, -1021, "Timestamp for this request is outside of the recvWindow."))
    stub.script(TIME, ok({"serverTime": NOW_MS}))

    with pytest.raises(ReadFailed) as caught:
        await gateway.positions()

    assert caught.value.code == -1021
    assert len(stub.requests) == 3
