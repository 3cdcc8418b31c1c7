"""A real client library against the simulator: what it loads, reads and sends is what it would on the venue."""

import re
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import ccxt.async_support as ccxt
import pytest
import pytest_asyncio

from support.sim import Simulator
from support.venue_client import closing

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def exchange(sim: Simulator) -> AsyncIterator[Any]:
    """A binanceusdm client that starts up with one call, pointed at the simulator."""
    made = ccxt.binanceusdm(
        {
            "apiKey": sim.api_key,
            "secret": sim.api_secret,
            "enableRateLimit": False,
            "options": {
                "defaultType": "swap",
                "fetchCurrencies": False,
                "fetchMargins": False,
                "fetchMarkets": {"types": ["linear"]},
                "leverageBrackets": {},
            },
        }
    )
    urls = made.urls["api"]
    made.urls["api"] = {name: re.sub(r"https://[^/]+", sim.base_url, url) for name, url in urls.items()}
    await made.load_markets()
    yield made
    await made.close()


async def test_loading_the_markets_is_one_call_and_keeps_every_symbol(sim: Simulator, exchange: Any) -> None:
    assert (await sim.state())["requests"] == {"GET /fapi/v1/exchangeInfo": 1}
    assert len({market["id"] for market in exchange.markets.values()}) == 674
    ether = exchange.market("ETH/USDT:USDT")
    assert (ether["id"], ether["active"], ether["linear"], ether["swap"]) == ("ETHUSDT", True, True, True)
    assert (ether["precision"]["amount"], ether["precision"]["price"]) == (0.001, 0.01)
    assert ether["limits"]["market"]["max"] == 2000


async def test_the_library_reads_the_44_positions_as_the_account_holds_them(sim: Simulator, exchange: Any) -> None:
    read = {row["info"]["symbol"]: row for row in await exchange.fetch_positions()}

    held = await sim.positions()
    assert {(symbol, "BOTH") for symbol in read} == set(held)
    for (symbol, _), quantity in held.items():
        assert Decimal(read[symbol]["info"]["positionAmt"]) == quantity
        assert read[symbol]["side"] == ("long" if quantity > 0 else "short")


async def test_raw_batches_close_everything(sim: Simulator, exchange: Any) -> None:
    rows = await exchange.fapiPrivateV2GetPositionRisk()
    opened = [row for row in rows if Decimal(row["positionAmt"])]
    orders = [closing(row["symbol"], Decimal(row["positionAmt"])) for row in opened]

    answers = [
        answer
        for start in range(0, len(orders), 5)
        for answer in await exchange.fapiPrivatePostBatchOrders({"batchOrders": orders[start : start + 5]})
    ]

    assert len(rows) == 674
    assert [answer["symbol"] for answer in answers] == [order["symbol"] for order in orders]
    assert {answer["status"] for answer in answers} == {"FILLED"}
    assert not await sim.positions()


async def test_the_unified_calls_work_too(exchange: Any) -> None:
    symbol = "ETH/USDT:USDT"
    order = await exchange.create_order(symbol, "market", "sell", 9.1, None, {"reduceOnly": True})
    resting = await exchange.create_order(symbol, "limit", "buy", 1, 3400)
    conditional = await exchange.create_order(symbol, "market", "buy", 1, None, {"triggerPrice": 3500})

    found = await exchange.fetch_order(order["id"], symbol)
    listed = await exchange.fetch_open_orders(symbol)
    waiting = await exchange.fetch_open_orders(symbol, params={"trigger": True})

    assert (found["status"], found["filled"], found["average"]) == ("closed", 9.1, 3446.26)
    assert [entry["id"] for entry in listed] == [resting["id"]]
    assert [entry["id"] for entry in waiting] == [conditional["id"]]
    await exchange.cancel_all_orders(symbol)
    await exchange.cancel_all_orders(symbol, {"trigger": True})
    assert await exchange.fetch_open_orders(symbol) == []
    assert [trade["order"] for trade in await exchange.fetch_my_trades(symbol)] == [order["id"]]
    assert (await exchange.fetch_position_mode())["hedged"] is False
    assert abs(await exchange.fetch_time() - exchange.milliseconds()) < 10_000


async def test_a_refusal_arrives_as_the_venues_code(exchange: Any) -> None:
    with pytest.raises(ccxt.ExchangeError, match="-2022"):
        await exchange.fapiPrivatePostOrder(closing("BTCUSDT", Decimal(-1)))


async def test_limits_arrive_as_ddos_protection(sim: Simulator, exchange: Any) -> None:
    await sim.limits(weight_1m=1)

    with pytest.raises(ccxt.DDoSProtection):
        await exchange.fapiPrivateV2GetPositionRisk()
