"""The venue over HTTP, path by path."""

import time
from decimal import Decimal

import pytest

from support.sim import Simulator
from support.venue_client import VenueClient, closing

pytestmark = pytest.mark.asyncio(loop_scope="module")

RISK = "/fapi/v2/positionRisk"
STOP = {"algoType": "CONDITIONAL", "symbol": "ETHUSDT", "side": "SELL", "type": "STOP_MARKET", "triggerPrice": "3000"}


async def test_positions_of_all_symbols_hold_the_incident(client: VenueClient) -> None:
    rows = (await client.signed("GET", RISK)).json

    open_rows = {row["symbol"]: row for row in rows if Decimal(row["positionAmt"]) != 0}
    assert (len(rows), len(open_rows)) == (674, 44)
    assert round(Decimal(open_rows["ETHUSDT"]["notional"]), 2) == Decimal("31361.00")
    assert open_rows["ETHUSDT"]["positionAmt"] == "9.100"


async def test_the_incident_is_closed_in_nine_batches(sim: Simulator, client: VenueClient) -> None:
    positions = await sim.positions()
    orders = [closing(symbol, quantity, newClientOrderId=f"fg-{symbol}") for (symbol, _), quantity in positions.items()]

    replies = [await client.batch(orders[start : start + 5]) for start in range(0, 44, 5)]

    answers = [answer for reply in replies for answer in reply.json]
    assert [answer["clientOrderId"] for answer in answers] == [order["newClientOrderId"] for order in orders]
    assert {answer["status"] for answer in answers} == {"FILLED"}
    assert not await sim.positions()


async def test_v3_lists_only_what_is_open_or_has_orders(sim: Simulator, client: VenueClient) -> None:
    resting = {"symbol": "XRPUSDT", "side": "BUY", "qty": "10", "price": "1.8"}
    await sim.scenario(positions=[{"symbol": "ETHUSDT", "qty": "2"}], resting_orders=[resting])

    rows = (await client.signed("GET", "/fapi/v3/positionRisk")).json

    assert {row["symbol"]: row["positionAmt"] for row in rows} == {"ETHUSDT": "2.000", "XRPUSDT": "0.0"}


async def test_mark_prices_come_for_all_symbols_or_one(client: VenueClient) -> None:
    every = (await client.public("/fapi/v1/premiumIndex")).json
    one = (await client.public("/fapi/v1/premiumIndex", symbol="ETHUSDT")).json

    assert len(every) == 674
    assert (one["symbol"], one["markPrice"]) == ("ETHUSDT", "3446.26373626")
    assert abs(one["time"] - time.time_ns() // 1_000_000) < 10_000
    assert one["nextFundingTime"] > one["time"]
    assert (await client.public("/fapi/v1/premiumIndex", symbol="NOSUCH")).code == -1121


async def test_best_bid_and_ask_stand_around_the_mark(client: VenueClient) -> None:
    ticker = (await client.public("/fapi/v1/ticker/bookTicker", symbol="ETHUSDT")).json

    assert (ticker["bidPrice"], ticker["askPrice"]) == ("3446.26", "3446.27")
    assert len((await client.public("/fapi/v1/ticker/bookTicker")).json) == 674


async def test_time_ping_and_exchange_info_need_no_key(sim: Simulator) -> None:
    async with VenueClient(sim.base_url, key="") as anonymous:
        assert (await anonymous.public("/fapi/v1/ping")).json == {}
        assert abs((await anonymous.public("/fapi/v1/time")).json["serverTime"] - time.time_ns() // 1_000_000) < 10_000
        info = await anonymous.public("/fapi/v1/exchangeInfo")
        assert (await anonymous.public(RISK)).code == -2014

    assert len(info.json["symbols"]) == 674
    assert info.headers["X-MBX-USED-WEIGHT-1M"] == "3"


async def test_a_batch_answers_in_request_order_and_one_leg_stops_no_other(sim: Simulator, client: VenueClient) -> None:
    orders = [
        closing("ETHUSDT", Decimal("9.1")),
        closing("NOSUCH", Decimal(1)),
        closing("BTCUSDT", Decimal("-0.002")),
        closing("BTCUSDT", Decimal("0.002")),
    ]

    reply = await client.batch(orders)

    assert reply.status == 200
    assert [answer.get("status", answer.get("code")) for answer in reply.json] == ["FILLED", -1121, -2022, "FILLED"]
    assert reply.json[2] == {"code": -2022, "msg": "ReduceOnly Order is rejected."}
    assert len(await sim.orders()) == 4


@pytest.mark.parametrize("amount", [0, 6])
async def test_a_batch_holds_one_to_five_orders(client: VenueClient, amount: int) -> None:
    assert (await client.batch([closing("ETHUSDT", Decimal(1))] * amount)).code == -4082


async def test_a_batch_that_is_no_json_is_refused(client: VenueClient) -> None:
    reply = await client.signed("POST", "/fapi/v1/batchOrders", batchOrders="[{")

    assert (reply.status, reply.code) == (400, -1102)


async def test_an_order_is_found_by_client_id_with_its_price_and_trades(client: VenueClient) -> None:
    placed = (await client.close("ETHUSDT", "9.1", newClientOrderId="fg-1")).json

    found = (await client.signed("GET", "/fapi/v1/order", symbol="ETHUSDT", origClientOrderId="fg-1")).json
    trades = (await client.signed("GET", "/fapi/v1/userTrades", symbol="ETHUSDT")).json

    assert not {"avgPrice", "cumQuote"} & placed.keys()
    assert (found["orderId"], found["status"], found["avgPrice"]) == (placed["orderId"], "FILLED", "3446.26")
    assert [(trade["orderId"], trade["qty"], trade["price"]) for trade in trades] == [
        (placed["orderId"], "9.100", "3446.26")
    ]
    missing = await client.signed("GET", "/fapi/v1/order", symbol="ETHUSDT", origClientOrderId="fg-2")
    elsewhere = await client.signed("GET", "/fapi/v1/order", symbol="BTCUSDT", origClientOrderId="fg-1")
    assert (missing.status, missing.json) == (400, {"code": -2013, "msg": "Order does not exist."})
    assert elsewhere.code == -2013


async def test_resting_orders_are_listed_and_cancelled_one_or_all(client: VenueClient) -> None:
    rest = {"symbol": "ETHUSDT", "side": "SELL", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1"}
    for price in ("3500", "3510", "3520"):
        await client.order(**rest, price=price, newClientOrderId=f"tp{price}")

    listed = (await client.signed("GET", "/fapi/v1/openOrders")).json
    one = await client.signed("DELETE", "/fapi/v1/order", symbol="ETHUSDT", origClientOrderId="tp3500")
    again = await client.signed("DELETE", "/fapi/v1/order", symbol="ETHUSDT", origClientOrderId="tp3500")
    every = await client.signed("DELETE", "/fapi/v1/allOpenOrders", symbol="ETHUSDT")

    assert [order["price"] for order in listed] == ["3500.00", "3510.00", "3520.00"]
    assert (one.json["status"], again.code, every.json["code"]) == ("CANCELED", -2011, 200)
    assert (await client.signed("GET", "/fapi/v1/openOrders", symbol="ETHUSDT")).json == []


async def test_conditional_orders_have_a_service_of_their_own(client: VenueClient) -> None:
    refused = await client.order(symbol="ETHUSDT", side="SELL", type="STOP_MARKET", quantity="1", stopPrice="3000")
    first = (await client.signed("POST", "/fapi/v1/algoOrder", **STOP, quantity="1", clientAlgoId="sl")).json
    await client.signed("POST", "/fapi/v1/algoOrder", **STOP, closePosition="true")
    await client.signed("DELETE", "/fapi/v1/allOpenOrders", symbol="ETHUSDT")

    listed = (await client.signed("GET", "/fapi/v1/openAlgoOrders")).json
    queried = (await client.signed("GET", "/fapi/v1/algoOrder", algoId=str(first["algoId"]))).json
    one = (await client.signed("DELETE", "/fapi/v1/algoOrder", clientAlgoId="sl")).json
    every = (await client.signed("DELETE", "/fapi/v1/algoOpenOrders", symbol="ETHUSDT")).json

    assert refused.code == -4120
    assert [order["closePosition"] for order in listed] == [False, True]
    assert (queried["orderType"], queried["algoStatus"], queried["triggerPrice"]) == ("STOP_MARKET", "NEW", "3000.00")
    assert (one["algoId"], one["code"], every["code"]) == (first["algoId"], "200", 200)
    assert (await client.signed("GET", "/fapi/v1/openAlgoOrders", symbol="ETHUSDT")).json == []


async def test_the_position_mode_is_read_and_set(sim: Simulator, client: VenueClient) -> None:
    path = "/fapi/v1/positionSide/dual"
    assert (await client.signed("GET", path)).json == {"dualSidePosition": False}
    assert (await client.signed("POST", path, dualSidePosition="true")).code == -4068

    await sim.scenario()
    assert (await client.signed("POST", path, dualSidePosition="true")).json["code"] == 200

    assert (await client.signed("GET", path)).json == {"dualSidePosition": True}
    assert len((await client.signed("GET", RISK)).json) == 3 * 674


async def test_a_countdown_cancels_after_its_time(sim: Simulator, client: VenueClient) -> None:
    await sim.scenario(resting_orders=[{"symbol": "ETHUSDT", "side": "BUY", "qty": "1", "price": "3400"}])

    reply = await client.signed("POST", "/fapi/v1/countdownCancelAll", symbol="ETHUSDT", countdownTime="60000")
    assert reply.json == {"symbol": "ETHUSDT", "countdownTime": "60000"}
    assert len((await sim.state())["open_orders"]) == 1

    await sim.clock(61_000)
    assert not (await sim.state())["open_orders"]


async def test_listen_keys_live_until_they_are_closed(client: VenueClient) -> None:
    path = "/fapi/v1/listenKey"

    first, second = [(await client.signed("POST", path)).json["listenKey"] for _ in range(2)]
    assert first == second
    assert (await client.signed("PUT", path)).json == {"listenKey": first}
    assert (await client.signed("DELETE", path)).json == {}
    assert (await client.signed("PUT", path)).code == -1125


async def test_balances_and_account_are_there(client: VenueClient) -> None:
    assert (await client.signed("GET", "/fapi/v2/balance")).json[0]["asset"] == "USDT"
    account = (await client.signed("GET", "/fapi/v2/account")).json
    assert (account["canTrade"], account["canWithdraw"], len(account["positions"])) == (True, False, 44)


async def test_a_read_key_reads_and_does_not_trade(sim: Simulator) -> None:
    async with VenueClient(sim.base_url, sim.read_key, sim.read_secret) as reader:
        assert len((await reader.signed("GET", RISK)).json) == 674
        refused = await reader.close("ETHUSDT", "9.1")
        rights = (await reader.signed("GET", "/sapi/v1/account/apiRestrictions")).json

    assert (refused.status, refused.code) == (401, -2015)
    assert (rights["enableFutures"], rights["enableWithdrawals"]) == (False, False)
    assert [(record["outcome"], record["code"]) for record in await sim.orders()] == [("refused", -2015)]
    assert len(await sim.positions()) == 44


async def test_a_wrong_secret_and_a_wrong_clock_are_refused(sim: Simulator, client: VenueClient) -> None:
    async with VenueClient(sim.base_url, secret="guess") as forger:
        assert (await forger.signed("GET", RISK)).json == {
            "code": -1022,
            "msg": "Signature for this request is not valid.",
        }

    await sim.clock(6000)
    assert (await client.signed("GET", RISK)).code == -1021
    client.offset_ms = 6000
    assert (await client.signed("GET", RISK)).status == 200
    await sim.clock(-60_000)
    assert "ahead of the server's time" in (await client.signed("GET", RISK)).text


async def test_an_unknown_path_is_404(client: VenueClient) -> None:
    assert (await client.signed("GET", "/fapi/v9/nothing")).status == 404


async def at_the_start_of_a_minute(sim: Simulator, client: VenueClient) -> None:
    """Move the venue's clock (and the client's with it), so that no window of a limit ends during the test."""
    client.offset_ms = 60_000 - time.time_ns() // 1_000_000 % 60_000
    await sim.clock(client.offset_ms)


async def test_headers_count_weight_and_orders(sim: Simulator, client: VenueClient) -> None:
    await at_the_start_of_a_minute(sim, client)

    await client.close("BTCUSDT", "0.002")
    batch = await client.batch([closing("ETHUSDT", Decimal("9.1"))])
    read = await client.signed("GET", RISK)

    counts = {name: value for name, value in batch.headers.items() if name.startswith("X-MBX")}
    assert counts == {"X-MBX-USED-WEIGHT-1M": "5", "X-MBX-ORDER-COUNT-10S": "6", "X-MBX-ORDER-COUNT-1M": "2"}
    assert read.headers["X-MBX-USED-WEIGHT-1M"] == "10"
    assert "X-MBX-ORDER-COUNT-1M" not in read.headers


async def test_limits_are_enforced_with_429_then_418(sim: Simulator, client: VenueClient) -> None:
    await at_the_start_of_a_minute(sim, client)
    await sim.limits(weight_1m=12, tolerated_429=1, ban_s=600)

    replies = [await client.public("/fapi/v1/premiumIndex") for _ in range(4)]

    assert [reply.status for reply in replies] == [200, 429, 418, 418]
    assert replies[1].code == -1003
    passed, *waits = [int(reply.headers.get("Retry-After", 0)) for reply in replies]
    assert passed == 0
    assert 0 < waits[0] <= 60, "what is left of the minute"
    assert 60 < waits[2] <= waits[1] <= 600, "what is left of the ban"


async def test_orders_over_the_limit_are_429_and_move_nothing(sim: Simulator, client: VenueClient) -> None:
    await at_the_start_of_a_minute(sim, client)
    await sim.limits(orders_10s=1)
    await client.close("BTCUSDT", "0.002")

    refused = await client.close("ETHUSDT", "9.1")

    assert (refused.status, refused.code) == (429, -1015)
    assert [record["code"] for record in await sim.orders()] == [None, -1015]
    assert ("ETHUSDT", "BOTH") in await sim.positions()
