"""Positions and fault matches that tests of the executor share, and questions about what the simulator lists."""

from decimal import Decimal
from typing import Any

import aiohttp

from support.sim import Simulator

ETH = {"symbol": "ETHUSDT", "qty": "2"}
BTC = {"symbol": "BTCUSDT", "qty": "-0.5"}

SINGLE = {"path": "/fapi/v1/order", "method": "POST"}
"""One order on its own."""
BATCH = {"path": "/fapi/v1/batchOrders", "method": "POST"}
POSITIONS = {"path": "/fapi/v2/positionRisk", "method": "GET"}


def when_sent(symbol: str = "ETHUSDT", *, nth: int = 1, times: int = 1, **effect: Any) -> dict[str, Any]:
    """Something changes at the exchange right before an order for `symbol` is executed."""
    return {"action": "none", "match": {"symbol": symbol, "nth": nth, **SINGLE}, "times": times, "effect": effect}


async def positions_in(sim: Simulator, count: int) -> list[dict[str, str]]:
    """So many positions of a few dollars, in symbols that trade."""
    symbols = [row for row in await exchange_info(sim) if row["status"] == "TRADING"][:count]
    assert len(symbols) == count
    return [{"symbol": row["symbol"], "qty": lot(row)["minQty"], "mark": _price(row)} for row in symbols]


async def market_maximum(sim: Simulator, symbol: str) -> Decimal:
    """The most that one market order may ask for: the stricter of the two filters."""
    (row,) = (row for row in await exchange_info(sim) if row["symbol"] == symbol)
    return largest(row)


async def exchange_info(sim: Simulator) -> list[dict[str, Any]]:
    async with (
        aiohttp.ClientSession(sim.base_url) as session,
        session.get("/fapi/v1/exchangeInfo") as answer,
    ):
        rows: list[dict[str, Any]] = (await answer.json())["symbols"]
        return rows


def lot(row: dict[str, Any], kind: str = "MARKET_LOT_SIZE") -> dict[str, str]:
    found: dict[str, str] = next(entry for entry in row["filters"] if entry["filterType"] == kind)
    return found


def largest(row: dict[str, Any]) -> Decimal:
    return min(Decimal(lot(row, kind)["maxQty"]) for kind in ("LOT_SIZE", "MARKET_LOT_SIZE"))


def _price(row: dict[str, Any]) -> str:
    """A mark at which the smallest quantity is worth some ten dollars."""
    return str(round(Decimal(10) / Decimal(lot(row)["minQty"]), 1))
