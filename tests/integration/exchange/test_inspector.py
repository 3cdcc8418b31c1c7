"""What is asked about a key and the clock over real HTTP. None of it trades, and nothing unread passes for good."""

from collections.abc import AsyncIterator

import pytest

from contracts.vocabulary import Environment
from exchange.binance_inspector import BinanceInspector
from exchange.config import ExchangeConfig
from exchange.errors import KeyRejected, ReadFailed, ReadUnusable
from exchange.model import KeyPermissions
from support.stub_exchange import StubExchange, error, ok

from .conftest import NOW_MS, Time

RESTRICTIONS = "GET /sapi/v1/account/apiRestrictions"
CLOCK = "GET /fapi/v1/time"
HARMLESS = {
    "ipRestrict": True,
    "createTime": 1_600_000_000_000,
    "enableReading": True,
    "enableFutures": True,
    "enableWithdrawals": False,
    "enableInternalTransfer": False,
    "permitsUniversalTransfer": False,
}


@pytest.fixture
async def inspector(stub: StubExchange, time: Time) -> AsyncIterator[BinanceInspector]:
    config = ExchangeConfig(environment=Environment.SIM, base_url=stub.url, api_key="the-key", api_secret="the-secret")
    opened = BinanceInspector(config, now_ms=time.now_ms, monotonic_ms=time.monotonic_ms)
    yield opened
    await opened.aclose()


@pytest.mark.parametrize(
    ("changed", "permissions"),
    [
        ({}, KeyPermissions(trade=True, withdraw=False, transfer=False, bound=True)),
        ({"enableWithdrawals": True}, KeyPermissions(trade=True, withdraw=True, transfer=False, bound=True)),
        ({"enableFutures": False}, KeyPermissions(trade=False, withdraw=False, transfer=False, bound=True)),
        ({"permitsUniversalTransfer": True}, KeyPermissions(trade=True, withdraw=False, transfer=True, bound=True)),
        ({"enableInternalTransfer": True}, KeyPermissions(trade=True, withdraw=False, transfer=True, bound=True)),
        ({"ipRestrict": False}, KeyPermissions(trade=True, withdraw=False, transfer=False, bound=False)),
    ],
)
async def test_permissions_are_what_the_exchange_says(
    stub: StubExchange, inspector: BinanceInspector, changed: dict[str, bool], permissions: KeyPermissions
) -> None:
    stub.script(RESTRICTIONS, ok({**HARMLESS, **changed}))

    assert await inspector.permissions() == permissions
    assert [request.call for request in stub.requests] == [RESTRICTIONS]


@pytest.mark.parametrize("missing", ["enableWithdrawals", "enableFutures"])
async def test_what_is_not_said_is_never_taken_for_no(
    stub: StubExchange, inspector: BinanceInspector, missing: str
) -> None:
    stub.script(RESTRICTIONS, ok({name: value for name, value in HARMLESS.items() if name != missing}))

    with pytest.raises(ReadUnusable, match=missing):
        await inspector.permissions()


async def test_an_exchange_that_refuses_the_question_says_nothing_about_the_key(
    stub: StubExchange, inspector: BinanceInspector
) -> None:
    stub.script(RESTRICTIONS, error(500, -1000, "an unknown error"))

    with pytest.raises(ReadFailed):
        await inspector.permissions()


@pytest.mark.parametrize("environment", [Environment.DEMO, Environment.TESTNET])
async def test_an_environment_without_the_question_is_not_asked(
    stub: StubExchange, time: Time, environment: Environment
) -> None:
    config = ExchangeConfig(environment=environment, base_url=stub.url, api_key="the-key", api_secret="the-secret")
    inspector = BinanceInspector(config, now_ms=time.now_ms, monotonic_ms=time.monotonic_ms)

    assert await inspector.permissions() is None
    assert stub.requests == []
    await inspector.aclose()


async def test_a_key_that_is_refused_shows_when_it_is_tried(stub: StubExchange, inspector: BinanceInspector) -> None:
    stub.script("GET /fapi/v1/positionSide/dual", error(401, -2015, "Invalid API-key, IP, or permissions for action."))

    with pytest.raises(KeyRejected):
        await inspector.try_key()


@pytest.mark.parametrize("offset_ms", [0, 2_500, -70_000])
async def test_the_clocks_difference_is_measured_and_nothing_is_set(
    stub: StubExchange, inspector: BinanceInspector, offset_ms: int
) -> None:
    stub.script(CLOCK, ok({"serverTime": NOW_MS + offset_ms}))
    stub.script(RESTRICTIONS, ok(HARMLESS))

    reading = await inspector.clock()
    await inspector.permissions()

    assert (reading.offset_ms, reading.error_ms) == (offset_ms, 0)
    assert stub.requests[-1].parameters["timestamp"] == str(NOW_MS)
