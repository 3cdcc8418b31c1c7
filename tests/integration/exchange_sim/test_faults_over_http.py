"""Planned faults as a client meets them: what it sees, and whether the order was executed."""

import asyncio
import time
from typing import Any

import aiohttp
import pytest

from support.sim import Simulator, SimulatorError
from support.venue_client import VenueClient, closing

pytestmark = pytest.mark.asyncio(loop_scope="module")

ORDER = {"path": "/fapi/v1/order", "method": "POST"}
RISK = "/fapi/v2/positionRisk"
UNKNOWN = {"code": -1000, "msg": "Unknown error, please check your request or try again later."}


async def close_eth(client: VenueClient) -> Any:
    return await client.close("ETHUSDT", "9.1", newClientOrderId="fg-1")


async def eth_is_open(sim: Simulator) -> bool:
    return ("ETHUSDT", "BOTH") in await sim.positions()


@pytest.mark.parametrize(
    ("fault", "error", "executed"),
    [
        ({"action": "drop_before"}, aiohttp.ClientOSError, False),
        ({"action": "drop_after"}, aiohttp.ClientOSError, True),
        ({"action": "timeout_before", "hold_ms": 30}, aiohttp.ClientOSError, False),
        ({"action": "timeout_after", "hold_ms": 30}, aiohttp.ClientOSError, True),
        ({"action": "truncate_body"}, aiohttp.ClientPayloadError, True),
    ],
)
async def test_a_lost_answer_tells_nothing_of_the_order(
    sim: Simulator, client: VenueClient, fault: dict[str, Any], error: type[Exception], *, executed: bool
) -> None:
    await sim.faults({**fault, "match": ORDER})

    with pytest.raises(error):
        await close_eth(client)

    assert await eth_is_open(sim) is not executed
    found = await client.signed("GET", "/fapi/v1/order", symbol="ETHUSDT", origClientOrderId="fg-1")
    assert found.json.get("status", found.json.get("code")) == ("FILLED" if executed else -2013)
    assert [record["outcome"] for record in await sim.orders()] == ["accepted" if executed else "not_executed"]


async def test_an_empty_or_cut_json_comes_with_200_though_the_order_filled(sim: Simulator, client: VenueClient) -> None:
    await sim.faults({"action": "empty_200", "match": ORDER}, {"action": "truncated_json", "match": ORDER})

    empty = await client.close("ETHUSDT", "9.1")
    cut = await client.close("BTCUSDT", "0.002")

    assert (empty.status, empty.text) == (200, "")
    assert cut.status == 200
    assert cut.text.startswith('{"orderId":')
    assert not cut.text.endswith("}")
    assert not await eth_is_open(sim)
    assert ("BTCUSDT", "BOTH") not in await sim.positions()


@pytest.mark.parametrize("execute", [False, True])
async def test_a_503_of_unknown_outcome_may_or_may_not_have_executed(
    sim: Simulator, client: VenueClient, *, execute: bool
) -> None:
    await sim.faults({"action": "status", "status": 503, "body": UNKNOWN, "execute": execute, "match": ORDER})

    reply = await close_eth(client)

    assert (reply.status, reply.json) == (503, UNKNOWN)
    assert await eth_is_open(sim) is not execute


async def test_a_429_can_be_scripted_with_its_retry_after(sim: Simulator, client: VenueClient) -> None:
    await sim.faults({"action": "code", "code": -1003, "status": 429, "retry_after_s": 2, "match": ORDER})

    reply = await close_eth(client)

    assert (reply.status, reply.code, reply.headers["Retry-After"]) == (429, -1003, "2")
    assert (await close_eth(client)).status == 200


async def test_a_plain_text_body_is_sent_as_it_is(sim: Simulator, client: VenueClient) -> None:
    await sim.faults({"action": "status", "status": 502, "body": "<html>Bad Gateway</html>", "match": {"path": RISK}})

    reply = await client.signed("GET", RISK)

    assert (reply.status, reply.text) == (502, "<html>Bad Gateway</html>")


async def test_one_leg_of_a_batch_can_be_refused(sim: Simulator, client: VenueClient) -> None:
    await sim.faults({"action": "code", "code": -4131, "match": {"symbol": "ETHUSDT"}})
    positions = await sim.positions()
    orders = [closing(symbol, positions[symbol, "BOTH"]) for symbol in ("BTCUSDT", "ETHUSDT", "XRPUSDT")]

    answers = (await client.batch(orders)).json

    assert [answer.get("status", answer.get("code")) for answer in answers] == ["FILLED", -4131, "FILLED"]


async def test_a_hanging_request_ends_when_the_faults_are_dropped(sim: Simulator, client: VenueClient) -> None:
    await sim.faults({"action": "hang", "match": ORDER})
    sending = asyncio.create_task(close_eth(client))
    await sim.wait(orders=1)

    await sim.clear_faults()

    with pytest.raises(aiohttp.ClientOSError):
        await sending
    assert (await close_eth(client)).json["status"] == "FILLED"


async def test_a_delayed_order_executes_late_even_if_the_client_gave_up(sim: Simulator, client: VenueClient) -> None:
    await sim.faults({"action": "delay", "hold_ms": 600_000, "match": ORDER})
    sending = asyncio.create_task(close_eth(client))
    await sim.wait(requests=1, path="/fapi/v1/order")
    sending.cancel()
    await asyncio.wait((sending,))
    assert await eth_is_open(sim)

    await sim.proceed()
    await sim.wait(filled=1)

    assert sending.cancelled()
    assert not await eth_is_open(sim)


async def test_what_is_held_back_goes_on_by_itself_after_its_time(sim: Simulator, client: VenueClient) -> None:
    await sim.faults({"action": "delay", "hold_ms": 50, "match": ORDER})

    reply = await close_eth(client)

    assert reply.json["status"] == "FILLED"
    (record,) = await sim.orders()
    (request,) = await sim.requests()
    assert record["executed_us"] - request["received_us"] >= 49_000


async def test_proceeding_ends_a_time_out_and_leaves_what_hangs(sim: Simulator, client: VenueClient) -> None:
    await sim.faults(
        {"action": "timeout_after", "hold_ms": 600_000, "match": {**ORDER, "symbol": "ETHUSDT"}},
        {"action": "hang", "match": {**ORDER, "symbol": "BTCUSDT"}},
    )
    timing_out, hanging = asyncio.create_task(close_eth(client)), asyncio.create_task(client.close("BTCUSDT", "0.002"))
    await sim.wait(orders=2)

    await sim.proceed()

    with pytest.raises(aiohttp.ClientOSError):
        await timing_out
    assert not await eth_is_open(sim)
    assert not hanging.done()
    await sim.clear_faults()
    with pytest.raises(aiohttp.ClientOSError):
        await hanging


async def test_someone_else_can_close_the_position_before_the_second_order(sim: Simulator, client: VenueClient) -> None:
    gone = {"positions": [{"symbol": "ETHUSDT", "qty": "0"}]}
    await sim.faults({"match": {"symbol": "ETHUSDT", **ORDER, "nth": 2}, "effect": gone})

    first, second = await client.close("ETHUSDT", "4"), await client.close("ETHUSDT", "5.1")

    assert (first.json["status"], second.code) == ("FILLED", -2022)


async def test_the_position_can_grow_between_two_readings(sim: Simulator, client: VenueClient) -> None:
    grown = {"positions": [{"symbol": "ETHUSDT", "qty": "12"}]}
    await sim.faults({"match": {"path": RISK, "nth": 2}, "effect": grown})

    readings = [(await client.signed("GET", RISK, symbol="ETHUSDT")).json[0]["positionAmt"] for _ in range(2)]

    assert readings == ["9.100", "12.000"]


async def test_rows_can_be_unreadable_or_without_a_mark(sim: Simulator, client: VenueClient) -> None:
    await sim.faults(
        {"action": "nan_quantity", "match": {"symbol": "XRPUSDT"}},
        {"action": "missing_mark", "match": {"symbol": "ADAUSDT"}},
    )

    rows = {row["symbol"]: row for row in (await client.signed("GET", RISK)).json}
    marks = {row["symbol"]: row for row in (await client.public("/fapi/v1/premiumIndex")).json}

    assert rows["XRPUSDT"]["positionAmt"] == "NaN"
    assert rows["ADAUSDT"]["markPrice"] == "0.00000000"
    assert "ADAUSDT" not in marks
    assert "XRPUSDT" in marks
    assert len(rows) == 674


async def test_latency_is_split_around_the_execution(sim: Simulator, client: VenueClient) -> None:
    await client.signed("GET", RISK)
    await sim.latency(60)
    started = time.perf_counter()

    await close_eth(client)

    took_ms = (time.perf_counter() - started) * 1000
    record = (await sim.orders())[0]
    before_ms = (record["executed_us"] - record["received_us"]) / 1000
    assert took_ms >= 60
    assert before_ms >= 29


async def test_a_fault_that_was_met_is_counted(sim: Simulator, client: VenueClient) -> None:
    await sim.faults({"action": "ack", "match": {"symbol": "ETHUSDT", "nth": 2}})

    await client.close("ETHUSDT", "1")
    assert (await client.close("ETHUSDT", "1")).json["status"] == "NEW"

    assert await sim.fault_counts() == [{"name": "1:ack", "matched": 2, "fired": 1}]


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ({"action": "explode"}, "Invalid enum value 'explode'"),
        ({"action": "hang", "tims": 2}, "unknown field `tims`"),
        ({"action": "none", "effect": {"marks": {"NOSUCH": "1"}}}, "unknown symbol NOSUCH"),
    ],
)
async def test_a_mistake_in_a_plan_is_told(sim: Simulator, fault: dict[str, Any], problem: str) -> None:
    with pytest.raises(SimulatorError, match=problem):
        await sim.faults(fault)
