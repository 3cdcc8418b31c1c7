"""No key, secret, signature or signed address leaves the adapter in a text, whatever the exchange does (I18)."""

import asyncio
import logging
import traceback

import pytest

from contracts.vocabulary import Environment
from exchange.binance import BinanceGateway
from exchange.config import ExchangeConfig
from exchange.errors import ExchangeError
from support.patience import HANG_S
from support.sending import orders
from support.stub_exchange import Reply, StubExchange

from .conftest import Time

ECHO = b"Not found: /fapi/v2/positionRisk?timestamp=1&signature=deadbeef with key the-key and secret the-secret"
HIDDEN = ("the-key", "the-sec", "signature=")
MISDEEDS = [
    Reply(status=404, body=ECHO),
    Reply(status=500, body=ECHO),
    Reply(status=400, body=b'{"code": -1100, "msg": "' + ECHO + b'"}'),
    Reply(status=200, body=ECHO),
    Reply(status=200, body=b'{"path": "' + ECHO + b'"}'),
    Reply(status=502, body=b"x" * 190 + b" the-secret"),
    Reply(status=302, headers={"Location": "http://127.0.0.1:1/?signature=deadbeef"}),
    Reply(disconnect=True),
    Reply(body=b"[", cut_after=0),
    Reply(headers={"Content-Length": "not a number"}),
    Reply(headers={"Transfer-Encoding": "chunked"}, body=b"zz\r\n"),
    Reply(status=200, headers={"Bad\x00Header": "x"}),
    Reply(hold=asyncio.Event()),
]


@pytest.mark.parametrize("reply", MISDEEDS)
async def test_no_error_log_or_result_shows_a_secret(
    stub: StubExchange, time: Time, caplog: pytest.LogCaptureFixture, reply: Reply
) -> None:
    caplog.set_level(logging.DEBUG)
    patience_ms = 200 if reply.hold else int(HANG_S * 1000)
    config = ExchangeConfig(
        environment=Environment.SIM,
        base_url=stub.url,
        api_key="the-key",
        api_secret="the-secret",
        request_timeout_ms=patience_ms,
        order_timeout_ms=patience_ms,
    )
    gateway = BinanceGateway(config, now_ms=time.now_ms, monotonic_ms=time.monotonic_ms, sleep=time.sleep)
    stub.script("GET /fapi/v2/positionRisk", reply)
    stub.script("POST /fapi/v1/order", reply)

    with pytest.raises(ExchangeError) as caught:
        await gateway.positions()
    (result,) = await gateway.place_reducing(orders(1))
    await gateway.aclose()

    texts = [*chain(caught.value), repr(result), *caplog.messages, repr(gateway), repr(config)]
    assert not [text for text in texts for hidden in HIDDEN if hidden in text.replace("signature=***", "")]


def chain(error: BaseException | None) -> list[str]:
    """Every text of an error and of those that it came from, the suppressed ones too."""
    texts: list[str] = []
    while error is not None:
        texts += [str(error), repr(error), "".join(traceback.format_exception(error))]
        error = error.__cause__ or error.__context__
    return texts
