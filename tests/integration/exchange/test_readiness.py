"""Being ready over real HTTP: instruments kept, connections open, the clock set, and nothing left behind."""

import asyncio

import pytest

from exchange.binance import BinanceGateway
from exchange.errors import KeyRejected, ReadFailed, ReadUnusable
from support.patience import HANG_S
from support.stub_exchange import Reply, StubExchange, error, ok
from support.venue_samples import body, exchange_info, position_row

from .conftest import NOW_MS, POSITIONS, Time

INFO = "GET /fapi/v1/exchangeInfo"
TIME = "GET /fapi/v1/time"
PING = "GET /fapi/v1/ping"
MODE = "GET /fapi/v1/positionSide/dual"


async def test_instruments_are_read_once_and_again_when_they_are_old(
    stub: StubExchange, gateway: BinanceGateway, time: Time
) -> None:
    stub.script(INFO, ok(exchange_info()))

    first, second = await asyncio.gather(gateway.instruments(), gateway.instruments())
    await gateway.instruments()
    time.passed_ms += 299_000
    await gateway.instruments()
    assert len(stub.requests) == 1
    time.passed_ms += 1_000
    await gateway.instruments()

    assert first is second
    assert len(stub.requests) == 2


async def test_a_caller_that_goes_away_does_not_spoil_the_reading_for_the_others(
    stub: StubExchange, gateway: BinanceGateway
) -> None:
    answer = asyncio.Event()
    stub.script(INFO, Reply(body=body(exchange_info()), hold=answer))

    leaving, staying = (asyncio.create_task(gateway.instruments()) for _ in range(2))
    await stub.wait_requests(1)
    leaving.cancel()
    answer.set()

    assert set((await staying).instruments) == {"ETHUSDT"}
    assert len(stub.requests) == 1


async def test_a_failed_reading_of_instruments_is_not_kept(stub: StubExchange, gateway: BinanceGateway) -> None:
    stub.script(INFO, Reply(status=500), ok(exchange_info()))

    with pytest.raises(ReadFailed, match="exchangeInfo"):
        await gateway.instruments()

    assert set((await gateway.instruments()).instruments) == {"ETHUSDT"}


async def test_old_instruments_still_serve_when_new_ones_cannot_be_read(
    stub: StubExchange, gateway: BinanceGateway, time: Time
) -> None:
    stub.script(INFO, ok(exchange_info()), Reply(status=500))
    before = await gateway.instruments()
    time.passed_ms += 301_000

    assert await gateway.instruments() is before
    assert len(stub.requests) == 2


async def test_warming_opens_connections_sets_the_clock_and_reads_instruments(
    stub: StubExchange, gateway: BinanceGateway
) -> None:
    stub.script(PING, ok({}))
    stub.script(TIME, ok({"serverTime": NOW_MS + 3_000}))
    stub.script(INFO, ok(exchange_info()))
    stub.script(MODE, ok({"dualSidePosition": False}))
    stub.script(POSITIONS, ok([position_row()]))

    await gateway.warm()
    opened = {request.connection for request in stub.requests}
    await asyncio.gather(gateway.instruments(), *(gateway.positions() for _ in range(10)))

    assert len(opened) == 12
    assert len(stub.seen(INFO)) == 1
    assert {request.connection for request in stub.seen(POSITIONS)} <= opened
    assert {request.parameters["timestamp"] for request in stub.seen(POSITIONS)} == {str(NOW_MS + 3_000)}


async def test_warming_again_only_keeps_connections_open_while_instruments_are_young(
    stub: StubExchange, gateway: BinanceGateway, time: Time
) -> None:
    stub.script(PING, ok({}))
    stub.script(TIME, ok({"serverTime": NOW_MS}))
    stub.script(INFO, ok(exchange_info()))
    stub.script(MODE, ok({"dualSidePosition": False}))

    await gateway.warm()
    time.passed_ms += 149_000
    await gateway.warm()
    assert len(stub.seen(INFO)) == 1
    time.passed_ms += 1_000
    await gateway.warm()

    assert len(stub.seen(INFO)) == 2


async def test_a_warming_that_fails_does_not_wait_for_what_still_hangs(
    stub: StubExchange, gateway: BinanceGateway
) -> None:
    stub.script(PING, Reply(status=500))
    stub.script(TIME, Reply(hold=asyncio.Event()))
    stub.script(INFO, Reply(hold=asyncio.Event()))

    async with asyncio.timeout(HANG_S / 2):  # half of the time that the hanging requests have
        with pytest.raises(ReadFailed, match="ping"):
            await gateway.warm()


async def test_warming_tries_the_key(stub: StubExchange, gateway: BinanceGateway) -> None:
    stub.script(PING, ok({}))
    stub.script(TIME, ok({"serverTime": NOW_MS}))
    stub.script(INFO, ok(exchange_info()))
    stub.script(MODE, error(401, -2015, "Invalid API-key, IP, or permissions for action."))

    with pytest.raises(KeyRejected, match="-2015"):
        await gateway.warm()


async def test_a_server_time_that_is_not_said_is_unusable_and_named(
    stub: StubExchange, gateway: BinanceGateway
) -> None:
    stub.script(PING, ok({}))
    stub.script(INFO, ok(exchange_info()))
    stub.script(TIME, ok({"time": 1}))

    with pytest.raises(ReadUnusable, match="serverTime"):
        await gateway.warm()


async def test_closing_ends_what_still_runs(stub: StubExchange, gateway: BinanceGateway) -> None:
    stub.script(INFO, Reply(hold=asyncio.Event()))
    reading = asyncio.create_task(gateway.instruments())
    await stub.wait_requests(1)

    await gateway.aclose()

    with pytest.raises(asyncio.CancelledError):
        await reading
    assert asyncio.all_tasks() <= {asyncio.current_task(), *stub.tasks}
