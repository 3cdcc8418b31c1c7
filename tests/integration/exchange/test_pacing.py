"""Orders inside the venue's limits: when they leave, when they wait, and when they come back unsent."""

import pytest

from exchange.binance import BinanceGateway
from exchange.model import Accepted, Failed, Unsent
from support.sending import BATCH, SINGLE, all_filled, names, order, orders
from support.stub_exchange import Reply, StubExchange, error, ok
from support.venue_samples import exchange_info, order_row

from .conftest import NOW_MS, Time


@pytest.mark.parametrize("status", [429, 418])
async def test_orders_wait_out_the_silence_that_the_venue_asked_for(
    stub: StubExchange, gateway: BinanceGateway, time: Time, status: int
) -> None:
    stub.script(SINGLE, error(status, -1003, "Too many requests.", Retry_After="4"), ok(order_row("o0")))

    (failed,) = await gateway.place_reducing(orders(1))
    (accepted,) = await gateway.place_reducing(orders(1))

    assert isinstance(failed, Failed)
    assert failed.retry_after_ms == 4_000
    assert isinstance(accepted, Accepted)
    assert time.passed_ms == 4_000


async def test_orders_that_would_have_to_wait_too_long_come_back_unsent(
    stub: StubExchange, gateway: BinanceGateway, time: Time
) -> None:
    stub.script(SINGLE, error(418, -1003, "Way too many requests.", Retry_After="300"))

    await gateway.place_reducing(orders(1))
    results = await gateway.place_reducing(orders(6))

    assert [(type(result), getattr(result, "retry_after_ms", 0)) for result in results] == [(Unsent, 300_000)] * 6
    assert len(stub.requests) == 1
    assert time.slept_s == []


async def test_more_orders_than_the_window_takes_are_paced_in_their_order(
    stub: StubExchange, gateway: BinanceGateway, time: Time
) -> None:
    everything = orders(320)
    stub.script(BATCH, Reply(body=b"[]"))

    await gateway.place_reducing(everything)

    assert len(stub.seen(BATCH)) == 64
    assert time.passed_ms == 10_500
    waited = [request for request in stub.seen(BATCH) if int(request.parameters["timestamp"]) > NOW_MS]
    late = [number for request in waited for number in names(request)]
    assert sorted(late) == sorted(one.client_order_id for one in everything[300:])


async def test_the_venues_own_count_slows_us_down(stub: StubExchange, gateway: BinanceGateway, time: Time) -> None:
    stub.script(SINGLE, ok(order_row("o0"), X_MBX_ORDER_COUNT_10S="300", X_MBX_ORDER_COUNT_1M="300"))

    await gateway.place_reducing(orders(1))
    await gateway.place_reducing(orders(1))

    assert time.passed_ms == 10_500


@pytest.mark.parametrize(("header", "used"), [("X_MBX_ORDER_COUNT_1M", "1199"), ("X_MBX_USED_WEIGHT_1M", "2395")])
async def test_the_venues_own_count_for_the_minute_leaves_room_for_one_batch_and_hands_the_next_back(
    stub: StubExchange, gateway: BinanceGateway, header: str, used: str
) -> None:
    stub.script(SINGLE, ok(order_row("o0"), **{header: used}))
    stub.script(BATCH, all_filled)

    await gateway.place_reducing(orders(1))
    fits = await gateway.place_reducing(orders(2))
    next_ones = await gateway.place_reducing(orders(2))

    assert [type(result) for result in fits] == [Accepted] * 2
    assert [(type(result), getattr(result, "retry_after_ms", 0)) for result in next_ones] == [(Unsent, 60_500)] * 2


async def test_the_limits_are_those_that_the_venue_states(
    stub: StubExchange, gateway: BinanceGateway, time: Time
) -> None:
    stub.script("GET /fapi/v1/exchangeInfo", ok(exchange_info()))
    stub.script(BATCH, Reply(body=b"[]"))

    await gateway.instruments()
    await gateway.place_reducing(orders(300))

    assert time.passed_ms == 10_500  # 290 in ten seconds


async def test_a_batch_uses_up_five_however_few_its_orders(
    stub: StubExchange, gateway: BinanceGateway, time: Time
) -> None:
    stub.script("GET /fapi/v1/exchangeInfo", ok(exchange_info()))
    stub.script(BATCH, Reply(body=b"[]"))
    await gateway.instruments()

    for number in range(290 // 5 + 1):
        await gateway.place_reducing([order(f"a{number}"), order(f"b{number}")])

    assert time.passed_ms == 10_500


async def test_what_has_not_left_when_sending_is_forbidden_comes_back_unsent_and_the_rest_is_answered_for(
    stub: StubExchange, gateway: BinanceGateway
) -> None:
    stub.script(BATCH, all_filled)
    asked = iter([True] * 4)  # three places in the budget, one group on its way

    results = await gateway.place_reducing(orders(15), may_send=lambda: next(asked, False))

    assert len(stub.seen(BATCH)) == 1
    assert [type(result) for result in results] == [Accepted] * 5 + [Unsent] * 10


async def test_orders_that_wait_for_the_budget_notice_that_sending_is_forbidden(
    stub: StubExchange, gateway: BinanceGateway, time: Time
) -> None:
    stub.script(SINGLE, error(429, -1003, "Too many requests.", Retry_After="4"))
    await gateway.place_reducing(orders(1))

    (result,) = await gateway.place_reducing(orders(1), may_send=lambda: time.passed_ms < 2_000)

    assert isinstance(result, Unsent)
    assert time.passed_ms == 2_000
    assert len(stub.requests) == 1


async def test_orders_that_may_not_be_sent_use_up_no_budget(
    stub: StubExchange, gateway: BinanceGateway, time: Time
) -> None:
    stub.script(BATCH, Reply(body=b"[]"))

    await gateway.place_reducing(orders(300), may_send=lambda: False)
    await gateway.place_reducing(orders(300))

    assert len(stub.seen(BATCH)) == 60
    assert time.passed_ms == 0
