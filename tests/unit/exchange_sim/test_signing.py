"""Keys, signatures and the time window."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exchange_sim.core.errors import VenueError
from exchange_sim.core.parameters import parse_form
from exchange_sim.core.signing import Request, Security, authorise, sign, signed_payload
from support.sim_builders import NOW_MS, READER, TRADER

KEYS = {key.key: key for key in (TRADER, READER)}


def request(query: str, body: str = "", *, key: str = "sim-key", secret: str = "sim-secret") -> Request:
    signed = f"{query}&" if query and not body else query
    tail = f"signature={sign(query + body, secret)}"
    query, body = (query, f"{body}&{tail}") if body else (f"{signed}{tail}", body)
    return Request(api_key=key, query=query, body=body, params=parse_form(query, body))


def refused(asked: Request, security: Security = Security.READ, now_ms: int = NOW_MS) -> int:
    with pytest.raises(VenueError) as caught:
        authorise(asked, security, KEYS, now_ms)
    return caught.value.code


def test_the_signature_is_that_of_the_venues_public_test_vector() -> None:
    payload = (
        "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC&recvWindow=5000"
        "&timestamp=1591702613943"
    )
    secret = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"

    assert sign(payload, secret) == "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9"


def test_query_and_body_are_signed_as_one_text_without_a_separator() -> None:
    query, body = "symbol=BTCUSDT&side=BUY", "quantity=1&timestamp=5&signature=abc"

    assert signed_payload(query, body) == "symbol=BTCUSDT&side=BUYquantity=1&timestamp=5"


@pytest.mark.parametrize(("query", "body"), [(f"timestamp={NOW_MS}", ""), ("symbol=X", f"timestamp={NOW_MS}")])
def test_a_right_signature_in_query_or_body_is_let_in(query: str, body: str) -> None:
    assert authorise(request(query, body), Security.TRADE, KEYS, NOW_MS) == TRADER


def test_a_wrong_secret_is_refused() -> None:
    assert refused(request(f"timestamp={NOW_MS}", secret="other")) == -1022


def test_a_changed_parameter_is_refused() -> None:
    good = request(f"timestamp={NOW_MS}&symbol=BTCUSDT")
    forged = good.query.replace("BTCUSDT", "ETHUSDT")

    assert refused(Request(api_key="sim-key", query=forged, body="", params=parse_form(forged))) == -1022


@pytest.mark.parametrize(("key", "code"), [("", -2014), ("bad key!", -2014), ("unknown", -2015)])
def test_a_bad_key_is_refused(key: str, code: int) -> None:
    assert refused(request(f"timestamp={NOW_MS}", key=key)) == code


def test_a_key_that_may_only_read_cannot_trade() -> None:
    asked = request(f"timestamp={NOW_MS}", key="sim-read-key", secret="sim-read-secret")

    assert authorise(asked, Security.READ, KEYS, NOW_MS) == READER
    assert refused(asked, Security.TRADE) == -2015


def test_a_request_without_timestamp_or_signature_says_which_is_missing() -> None:
    asked = Request(api_key="sim-key", query="", body="", params={})
    unsigned = Request(api_key="sim-key", query="", body="", params={"timestamp": str(NOW_MS)})

    with pytest.raises(VenueError, match="'timestamp'"):
        authorise(asked, Security.READ, KEYS, NOW_MS)
    with pytest.raises(VenueError, match="'signature'"):
        authorise(unsigned, Security.READ, KEYS, NOW_MS)


@example(age_ms=-1000, window_ms=5000)
@example(age_ms=-999, window_ms=5000)
@example(age_ms=5000, window_ms=5000)
@example(age_ms=5001, window_ms=5000)
@given(age_ms=st.integers(-5000, 20_000), window_ms=st.integers(1, 15_000))
def test_a_timestamp_is_good_inside_the_window_and_less_than_a_second_ahead(age_ms: int, window_ms: int) -> None:
    asked = request(f"timestamp={NOW_MS - age_ms}&recvWindow={window_ms}")

    if -1000 < age_ms <= window_ms:
        assert authorise(asked, Security.READ, KEYS, NOW_MS) == TRADER
    else:
        assert refused(asked) == -1021


def test_a_public_path_asks_for_nothing() -> None:
    assert authorise(Request(api_key="", query="", body="", params={}), Security.PUBLIC, KEYS, NOW_MS) is None
