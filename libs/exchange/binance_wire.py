"""Binance USD-M over HTTP: ccxt knows the paths and signs, our transport carries, and the raw answer comes back.

ccxt's own fetching is replaced, because it hides what we must see: the status, the headers, a body that was cut off.
None of its parsing, throttling, retrying or market loading takes place.
"""

import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from ccxt.async_support.binanceusdm import binanceusdm
from msgspec import Struct

from contracts.vocabulary import Environment
from exchange.budget import Cost
from exchange.config import ExchangeConfig
from exchange.transport import Answer, NoAnswer, Transport


class Endpoint(Struct, frozen=True):
    """One of the venue's calls: ccxt's name for it, the venue's, and its request weight."""

    call: str
    name: str
    weight: int

    @property
    def cost(self) -> Cost:
        """What a reading by this call uses up."""
        return Cost(weight=self.weight)


PING: Final = Endpoint("fapiPublicGetPing", "GET /fapi/v1/ping", 1)
TIME: Final = Endpoint("fapiPublicGetTime", "GET /fapi/v1/time", 1)
EXCHANGE_INFO: Final = Endpoint("fapiPublicGetExchangeInfo", "GET /fapi/v1/exchangeInfo", 1)
MARKS: Final = Endpoint("fapiPublicGetPremiumIndex", "GET /fapi/v1/premiumIndex", 10)
POSITIONS: Final = Endpoint("fapiPrivateV2GetPositionRisk", "GET /fapi/v2/positionRisk", 5)
POSITION_MODE: Final = Endpoint("fapiPrivateGetPositionSideDual", "GET /fapi/v1/positionSide/dual", 30)
OPEN_ORDERS: Final = Endpoint("fapiPrivateGetOpenOrders", "GET /fapi/v1/openOrders", 40)
OPEN_ALGO_ORDERS: Final = Endpoint("fapiPrivateGetOpenAlgoOrders", "GET /fapi/v1/openAlgoOrders", 40)
CANCEL_ALL: Final = Endpoint("fapiPrivateDeleteAllOpenOrders", "DELETE /fapi/v1/allOpenOrders", 1)
CANCEL_ALL_ALGO: Final = Endpoint("fapiPrivateDeleteAlgoOpenOrders", "DELETE /fapi/v1/algoOpenOrders", 1)
QUERY_ORDER: Final = Endpoint("fapiPrivateGetOrder", "GET /fapi/v1/order", 1)
ORDER: Final = Endpoint("fapiPrivatePostOrder", "POST /fapi/v1/order", 0)
BATCH_ORDERS: Final = Endpoint("fapiPrivatePostBatchOrders", "POST /fapi/v1/batchOrders", 5)
API_RESTRICTIONS: Final = Endpoint("sapiGetAccountApiRestrictions", "GET /sapi/v1/account/apiRestrictions", 1)
"""Of another service of the venue (the wallet's), which its demo and test environments do not have."""

ENDPOINTS: Final = (
    PING, TIME, EXCHANGE_INFO, MARKS, POSITIONS, POSITION_MODE, OPEN_ORDERS, OPEN_ALGO_ORDERS, CANCEL_ALL,
    CANCEL_ALL_ALGO, QUERY_ORDER, ORDER, BATCH_ORDERS, API_RESTRICTIONS,
)  # fmt: skip

_SIGNED = re.compile(r"signature(=|%3[dD]).*", re.DOTALL)


class BinanceWire(binanceusdm):  # type: ignore[misc]  # ccxt publishes no types
    """Signs and sends; judges nothing. `now_ms` is the wall clock, in Unix milliseconds.

    With `reads_only` it carries nothing but GET: whoever holds it cannot change anything at the venue.

    Raises ImportError at once when the installed ccxt lacks a call that the adapter needs.
    """

    def __init__(self, config: ExchangeConfig, now_ms: Callable[[], int], *, reads_only: bool = False) -> None:
        super().__init__(
            {
                "apiKey": config.api_key,
                "secret": config.api_secret,
                "enableRateLimit": False,
                "options": {"recvWindow": config.recv_window_ms, "maxRetriesOnFailure": 0},
            }
        )
        missing = [endpoint.call for endpoint in ENDPOINTS if not callable(getattr(self, endpoint.call, None))]
        if missing:
            raise ImportError(f"the installed ccxt lacks {', '.join(missing)}; install the pinned requirements")
        self.urls["api"] = _addresses(self.urls, config)
        self._wall_ms = now_ms
        self._config = config
        self._reads_only = reads_only
        self._transport = Transport(cafile=self.cafile)
        self.clock_offset_ms = 0
        """What to add to our clock to get the venue's."""

    async def ask(self, endpoint: Endpoint, parameters: dict[str, Any] | None = None) -> Answer | NoAnswer:
        """Sign and send one request, once. `parameters` is consumed."""
        answer: Answer | NoAnswer = await getattr(self, endpoint.call)(parameters or {})
        return answer

    @property
    def has_wallet(self) -> bool:
        """Whether this environment has an address for the wallet's calls, `API_RESTRICTIONS` among them."""
        return "sapi" in self.urls["api"]

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    def redact(self, text: str) -> str:
        """The text without key, secret or anything signed: a broken gateway may echo the request that it got (I18)."""
        for hidden in (self._config.api_secret, self._config.api_key):
            if hidden:
                text = text.replace(hidden, "***")
        return _SIGNED.sub("signature=***", text)

    def nonce(self) -> int:
        """The venue's time as we know it, in milliseconds: ccxt signs with it."""
        return self._wall_ms() + self.clock_offset_ms

    async def fetch(
        self, url: str, method: str = "GET", headers: dict[str, str] | None = None, body: str | None = None
    ) -> Answer | NoAnswer:
        """Carry a signed request. ccxt calls this with what it signed, and hands the result through."""
        if self._reads_only and method != "GET":
            raise RuntimeError(f"{method}: this connection to the exchange only reads")
        config = self._config
        timeout_ms = config.order_timeout_ms if method == "POST" else config.request_timeout_ms
        return await self._transport.request(method, url, headers=headers or {}, body=body, timeout_ms=timeout_ms)


def _addresses(urls: dict[str, Any], config: ExchangeConfig) -> dict[str, str]:
    """Every address that ccxt knows, for the configured environment. With a base URL none of them is the venue's."""
    known = {Environment.DEMO: "demo", Environment.TESTNET: "test"}.get(config.environment, "api")
    addresses: dict[str, str] = urls[known]
    if config.base_url is None:
        return dict(addresses)
    base = config.base_url.rstrip("/")
    return {name: base + urlsplit(address).path for name, address in addresses.items()}
