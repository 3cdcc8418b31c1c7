"""A scripted exchange, and a gateway to it whose time only moves when it sleeps."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from contracts.vocabulary import Environment
from exchange.binance import BinanceGateway
from exchange.config import ExchangeConfig
from support.patience import HANG_S
from support.stub_exchange import StubExchange

POSITIONS = "GET /fapi/v2/positionRisk"
NOW_MS = 1_764_000_000_000


class Time:
    """A wall and a monotonic clock that only sleeping moves. What was begun before a sleep is on its way by its end."""

    def __init__(self) -> None:
        self.passed_ms = 0
        self.slept_s: list[float] = []

    def now_ms(self) -> int:
        return NOW_MS + self.passed_ms

    def monotonic_ms(self) -> int:
        return 50_000 + self.passed_ms

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        await asyncio.sleep(0)
        self.passed_ms += round(seconds * 1000)


@pytest.fixture
async def stub() -> AsyncIterator[StubExchange]:
    async with StubExchange() as exchange:
        yield exchange


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def gateway(stub: StubExchange, time: Time) -> AsyncIterator[BinanceGateway]:
    config = ExchangeConfig(
        environment=Environment.SIM,
        base_url=stub.url,
        api_key="the-key",
        api_secret="the-secret",
        request_timeout_ms=int(HANG_S * 1000),
        order_timeout_ms=int(HANG_S * 1000),
    )
    opened = BinanceGateway(config, now_ms=time.now_ms, monotonic_ms=time.monotonic_ms, sleep=time.sleep)
    yield opened
    await opened.aclose()
