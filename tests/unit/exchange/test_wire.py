"""What leaves for Binance is signed as documented, goes where it should, and shows no secret (I18)."""

import hashlib
import hmac
from typing import Any

import pytest
from rich.pretty import pretty_repr

from contracts.vocabulary import Environment
from exchange.binance_wire import BATCH_ORDERS, CANCEL_ALL, ENDPOINTS, BinanceWire, Endpoint
from exchange.config import ExchangeConfig
from exchange.factory import open_account_reader, open_gateway, open_reader

KEY, SECRET = "key-of-the-account", "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"
BASE = "http://127.0.0.1:8090"
NOW_MS = 1591702613943


def config(environment: Environment = Environment.SIM, base_url: str | None = BASE, **more: Any) -> ExchangeConfig:
    return ExchangeConfig(environment=environment, base_url=base_url, api_key=KEY, api_secret=SECRET, **more)


def wire(configured: ExchangeConfig) -> BinanceWire:
    return BinanceWire(configured, lambda: NOW_MS)


def test_the_venues_published_signing_example_gives_its_published_signature() -> None:
    payload = (
        "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC&recvWindow=5000"
        "&timestamp=1591702613943"
    )

    signature = wire(config()).hmac(payload.encode(), SECRET.encode(), hashlib.sha256)

    assert signature == "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9"


@pytest.mark.parametrize(
    ("path", "method", "parameters"),
    [
        ("order", "POST", {"symbol": "币安人生USDT", "quantity": "1", "newClientOrderId": "a"}),
        ("batchOrders", "POST", {"batchOrders": [{"symbol": "ETHUSDT", "newClientOrderId": "a"}]}),
        ("order", "GET", {"symbol": "ETHUSDT", "origClientOrderId": "a:b/c"}),
        ("allOpenOrders", "DELETE", {"symbol": "ETHUSDT"}),
    ],
)
def test_the_signature_comes_last_and_covers_everything_before_it(
    path: str, method: str, parameters: dict[str, Any]
) -> None:
    request = wire(config()).sign(path, ["fapiPrivate"], method, parameters)

    payload, _, signature = (request["body"] or request["url"].partition("?")[2]).rpartition("&signature=")

    assert signature == hmac.new(SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest()
    assert request["headers"]["X-MBX-APIKEY"] == KEY
    assert f"timestamp={NOW_MS}&" in payload
    assert "recvWindow=5000" in payload


def test_the_time_that_is_signed_is_the_venues() -> None:
    signing = wire(config())

    signing.clock_offset_ms = -1_500

    assert signing.nonce() == NOW_MS - 1_500


@pytest.mark.parametrize("environment", list(Environment))
def test_with_a_base_url_no_address_is_the_venues_own(environment: Environment) -> None:
    addresses = wire(config(environment, f"{BASE}/prefix/")).urls["api"]

    assert {address.startswith(f"{BASE}/prefix/") for address in addresses.values()} == {True}
    assert addresses["fapiPrivateV2"] == f"{BASE}/prefix/fapi/v2"


@pytest.mark.parametrize(
    ("environment", "address"),
    [
        (Environment.LIVE, "https://fapi.binance.com/fapi/v1"),
        (Environment.DEMO, "https://demo-fapi.binance.com/fapi/v1"),
        (Environment.TESTNET, "https://testnet.binancefuture.com/fapi/v1"),
    ],
)
def test_each_environment_has_its_address(environment: Environment, address: str) -> None:
    addresses = wire(config(environment, None)).urls["api"]

    assert addresses["fapiPrivate"] == addresses["fapiPublic"] == address


def test_nothing_throttles_or_repeats_a_request_behind_our_back() -> None:
    signing = wire(config())

    assert signing.enableRateLimit is False
    assert signing.options["maxRetriesOnFailure"] == 0


def test_a_ccxt_without_a_call_that_we_need_is_refused_at_once() -> None:
    class Older(BinanceWire):
        fapiPrivatePostBatchOrders = None  # noqa: N815 - ccxt's name

    with pytest.raises(ImportError, match=BATCH_ORDERS.call):
        Older(config(), lambda: NOW_MS)


def test_every_endpoint_names_the_call_that_ccxt_makes() -> None:
    signing = wire(config())
    for endpoint in ENDPOINTS:
        entry = next(vars(base)[endpoint.call] for base in type(signing).__mro__ if endpoint.call in vars(base))
        address = signing.urls["api"][entry.api[0]].removeprefix(BASE)
        assert endpoint.name == f"{entry.method} {address}/{entry.path}"


def test_what_a_gateway_echoes_loses_key_secret_and_signature() -> None:
    echoed = f"GET /fapi/v2/positionRisk?timestamp=1&signature=abc123 not found for {KEY} and {SECRET}"

    assert wire(config()).redact(f"{KEY} {SECRET}") == "*** ***"
    assert wire(config()).redact(echoed) == "GET /fapi/v2/positionRisk?timestamp=1&signature=***"
    assert "abc" not in wire(config()).redact("?a=1%26signature%3Dabc")
    assert wire(config()).redact("Signature for this request is not valid.") == (
        "Signature for this request is not valid."
    )


@pytest.mark.parametrize("call", [endpoint for endpoint in ENDPOINTS if not endpoint.name.startswith("GET ")], ids=str)
async def test_a_connection_that_only_reads_carries_nothing_that_changes_anything(call: Endpoint) -> None:
    reading = BinanceWire(config(base_url="http://127.0.0.1:1"), lambda: NOW_MS, reads_only=True)

    with pytest.raises(RuntimeError, match="this connection to the exchange only reads"):
        await reading.ask(call, {"symbol": "ETHUSDT", "batchOrders": []})
    await reading.aclose()


@pytest.mark.parametrize("opened", [open_reader, open_account_reader])
async def test_whoever_only_reads_gets_such_a_connection_and_no_call_that_sends(opened: Any) -> None:
    reader = opened(config(base_url="http://127.0.0.1:1"))

    with pytest.raises(RuntimeError, match="only reads"):
        await reader._calls.read(CANCEL_ALL, {"symbol": "ETHUSDT"})  # noqa: SLF001 - nothing else in it would try
    assert not hasattr(reader, "place_reducing")
    assert not hasattr(reader, "cancel_resting")
    await reader.aclose()


def test_printing_the_configuration_shows_neither_key_nor_secret() -> None:
    texts = [repr(config()), str(config()), f"{config()}", pretty_repr(config())]

    assert not [text for text in texts if KEY in text or SECRET in text]
    assert BASE in repr(config())


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"exchange_id": "bybit"}, "EXCHANGE_ID: 'bybit' is not supported; use one of binanceusdm"),
        ({"base_url": None}, "EXCHANGE_BASE_URL: missing"),
        ({"base_url": "127.0.0.1:8090"}, "EXCHANGE_BASE_URL: not an http"),
        ({"base_url": "ftp://127.0.0.1"}, "EXCHANGE_BASE_URL: not an http"),
        ({"base_url": "http://local host:8090"}, "EXCHANGE_BASE_URL: not an http"),
        ({"base_url": "http://local\thost:8090"}, "EXCHANGE_BASE_URL: not an http"),
        ({"base_url": "http://127.0.0.1:0"}, "EXCHANGE_BASE_URL: not an http"),
        ({"base_url": "http://user@127.0.0.1"}, "EXCHANGE_BASE_URL: not an http"),
        ({"base_url": "http://127.0.0.1/?a=b"}, "EXCHANGE_BASE_URL: not an http"),
        ({"api_key": ""}, "EXCHANGE_API_KEY: empty"),
        ({"api_secret": " "}, "EXCHANGE_API_SECRET: empty"),
    ],
)
def test_a_wrong_configuration_is_one_line_that_names_the_variable(wrong: dict[str, Any], line: str) -> None:
    fields: dict[str, Any] = {"environment": Environment.SIM, "base_url": BASE, "api_key": KEY, "api_secret": SECRET}
    configured = ExchangeConfig(**{**fields, **wrong})

    for opened in (open_reader, open_account_reader, open_gateway):
        with pytest.raises(ValueError, match=r"^EXCHANGE_") as caught:
            opened(configured)
        assert str(caught.value).startswith(line)
        assert "\n" not in str(caught.value)
