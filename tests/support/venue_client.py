"""A bare signed client of the simulator: what went over the wire, without a library's opinion of it."""

import json
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp
from msgspec import Struct

from exchange_sim.core.signing import sign


class Reply(Struct, frozen=True):
    """One answer."""

    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def code(self) -> int:
        code: int = self.json["code"]
        return code


class VenueClient:
    """`async with VenueClient(sim.base_url) as client:` with the trading key, or another one."""

    def __init__(self, base_url: str, key: str = "sim-key", secret: str = "sim-secret") -> None:
        self._base_url, self._key, self._secret = base_url, key, secret
        self._session: aiohttp.ClientSession | None = None
        self.offset_ms = 0
        """How far this client's clock is ahead."""

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(self._base_url, timeout=aiohttp.ClientTimeout(total=30))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.close()

    async def public(self, path: str, **params: str) -> Reply:
        """GET without a key."""
        return await self._send("GET", path, urlencode(params), "")

    async def signed(self, method: str, path: str, **params: str) -> Reply:
        """Send a signed request, parameters in the query for GET and DELETE and in the body else."""
        now_ms = time.time_ns() // 1_000_000 + self.offset_ms
        payload = urlencode({**params, "timestamp": now_ms})
        payload += f"&signature={sign(payload, self._secret)}"
        in_query = method in ("GET", "DELETE")
        return await self._send(method, path, payload if in_query else "", "" if in_query else payload)

    async def order(self, **params: str) -> Reply:
        """POST one order."""
        return await self.signed("POST", "/fapi/v1/order", **params)

    async def close(self, symbol: str, position: Decimal | str, **more: str) -> Reply:
        """POST a reduce-only market order for a whole position."""
        return await self.order(**closing(symbol, Decimal(position), **more))

    async def batch(self, orders: Sequence[Mapping[str, str]]) -> Reply:
        """POST a batch."""
        return await self.signed("POST", "/fapi/v1/batchOrders", batchOrders=json.dumps(list(orders)))

    async def _send(self, method: str, path: str, query: str, body: str) -> Reply:
        assert self._session is not None
        headers = {"X-MBX-APIKEY": self._key, "Content-Type": "application/x-www-form-urlencoded"}
        url = f"{path}?{query}" if query else path
        async with self._session.request(method, url, data=body or None, headers=headers) as response:
            return Reply(response.status, await response.text(), dict(response.headers))


def closing(symbol: str, position: Decimal, **more: str) -> dict[str, str]:
    """Parameters of the reduce-only market order that closes a signed position in one-way mode."""
    return {
        "symbol": symbol,
        "side": "SELL" if position > 0 else "BUY",
        "type": "MARKET",
        "quantity": str(abs(position)),
        "reduceOnly": "true",
        "newOrderRespType": "RESULT",
        **more,
    }
