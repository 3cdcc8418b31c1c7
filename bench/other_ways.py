"""The other ways to close the same positions, with the same key on the same simulator.

All of them begin with a reading of the positions. They neither check nor verify nor write anything down.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import urlencode

import aiohttp
import ccxt.async_support as ccxt

from exchange_sim.core.signing import sign
from support.sim import Simulator

PAUSE_S = 0.1
Way = Callable[[Simulator], Awaitable[int]]
"""Closes everything; returns the Unix nanosecond at which it began. What is prepared before that costs nothing."""


async def incident(sim: Simulator) -> int:
    """As the governor of the incident did: one by one, 0.1 s after each, a new connection each."""
    began_ns = time.time_ns()
    for row in await _fresh(sim, "GET", "/fapi/v2/positionRisk"):
        quantity = Decimal(row["positionAmt"])
        if quantity:
            side = "SELL" if quantity > 0 else "BUY"
            order = {"symbol": row["symbol"], "side": side, "type": "MARKET", "quantity": str(abs(quantity))}
            await _fresh(sim, "POST", "/fapi/v1/order", **order, reduceOnly="true")
            await asyncio.sleep(PAUSE_S)
    return began_ns


async def ccxt_one_by_one(sim: Simulator) -> int:
    """A loop over ccxt, its throttle off."""
    async with _Ccxt(sim, throttled=False) as exchange:
        began_ns = time.time_ns()
        for order in await _to_close(exchange):
            await exchange.create_order(*order, params={"reduceOnly": True})
    return began_ns


async def ccxt_concurrent(sim: Simulator) -> int:
    """All orders at once through ccxt, with its throttle as it comes: on."""
    async with _Ccxt(sim, throttled=True) as exchange:
        began_ns = time.time_ns()
        orders = await _to_close(exchange)
        await asyncio.gather(*(exchange.create_order(*order, params={"reduceOnly": True}) for order in orders))
    return began_ns


OTHER_WAYS: dict[str, Way] = {
    "the incident's way: one by one, 0.1 s pause, new connections": incident,
    "ccxt, one by one, throttle off": ccxt_one_by_one,
    "ccxt, concurrent, default throttle": ccxt_concurrent,
}


async def _to_close(exchange: Any) -> list[tuple[str, str, str, float]]:  # noqa: ANN401 - ccxt publishes no types
    rows = await exchange.fetch_positions()
    return [(row["symbol"], "market", "sell" if row["side"] == "long" else "buy", row["contracts"]) for row in rows]


class _Ccxt:
    """A client whose markets are loaded: once for all clients, since decoding them would hold up what runs beside."""

    _loaded: ClassVar[Any] = None

    def __init__(self, sim: Simulator, *, throttled: bool) -> None:
        self._exchange = ccxt.binanceusdm(
            {
                "apiKey": sim.api_key,
                "secret": sim.api_secret,
                "enableRateLimit": throttled,
                "options": {
                    "defaultType": "swap",
                    "fetchCurrencies": False,
                    "fetchMargins": False,
                    "fetchMarkets": {"types": ["linear"]},
                    "leverageBrackets": {},
                },
            }
        )
        urls = self._exchange.urls["api"]
        self._exchange.urls["api"] = {name: re.sub(r"https://[^/]+", sim.base_url, url) for name, url in urls.items()}

    async def __aenter__(self) -> Any:  # noqa: ANN401 - ccxt publishes no types
        if _Ccxt._loaded is None:
            await self._exchange.load_markets()
            _Ccxt._loaded = self._exchange
        else:
            self._exchange.set_markets_from_exchange(_Ccxt._loaded)
        return self._exchange

    async def __aexit__(self, *_: object) -> None:
        await self._exchange.close()


async def _fresh(sim: Simulator, method: str, path: str, **params: str) -> Any:  # noqa: ANN401 - an answer's JSON
    """One signed request on a connection of its own."""
    query = urlencode({**params, "timestamp": time.time_ns() // 1_000_000})
    url = f"{sim.base_url}{path}?{query}&signature={sign(query, sim.api_secret)}"
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, headers={"X-MBX-APIKEY": sim.api_key}) as response,
    ):
        response.raise_for_status()
        return await response.json()
