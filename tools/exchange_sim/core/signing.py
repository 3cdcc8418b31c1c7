"""Who may ask: API keys, HMAC-SHA256 signatures and the time window, as the venue checks them.

The signature covers query string + body, joined without `&`, exactly as sent, with `signature` itself taken out.
A timestamp is good when `timestamp < server + 1000` and `server - timestamp <= recvWindow` (5000 by default).
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from enum import Enum
from typing import Final

from msgspec import Struct

from exchange_sim.core.errors import VenueError, refusal
from exchange_sim.core.parameters import Params, integer, required

RECV_WINDOW_MS_DEFAULT: Final = 5000
RECV_WINDOW_MS_MAX: Final = 60_000
AHEAD_MS_MAX: Final = 1000

_SIGNATURE: Final = re.compile(r"(^|&)signature=[^&]*")
_KEY_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")


class Security(Enum):
    """What a path asks of a request."""

    PUBLIC = "public"
    KEY = "key"
    """A known API key, no signature (listen keys)."""
    READ = "read"
    """Signed, any key."""
    TRADE = "trade"
    """Signed, with a key that may trade."""


class ApiKey(Struct, frozen=True, kw_only=True):
    """One key of the account and what it may do."""

    key: str
    secret: str
    may_trade: bool
    may_withdraw: bool = False


def sign(payload: str, secret: str) -> str:
    """Return the hexadecimal HMAC-SHA256 of `payload`."""
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def signed_payload(query: str, body: str) -> str:
    """Return what the signature covers."""
    return _SIGNATURE.sub("", query) + _SIGNATURE.sub("", body)


class Request(Struct, frozen=True, kw_only=True):
    """What the check needs of one HTTP request. `query` and `body` are as they came over the wire."""

    api_key: str
    query: str
    body: str
    params: Params


def authorise(request: Request, security: Security, keys: Mapping[str, ApiKey], now_ms: int) -> ApiKey | None:
    """Return the key that asks (None on a public path) or raise the venue's refusal."""
    if security is Security.PUBLIC:
        return None
    if not _KEY_SHAPE.fullmatch(request.api_key):
        raise refusal(-2014)
    if security is not Security.KEY:
        _check_time(request.params, now_ms)
        signature = required(request.params, "signature")
    else:
        signature = ""
    key = keys.get(request.api_key)
    if key is None:
        raise refusal(-2015)
    if signature and not hmac.compare_digest(
        sign(signed_payload(request.query, request.body), key.secret), signature.lower()
    ):
        raise refusal(-1022)
    if security is Security.TRADE and not key.may_trade:
        raise refusal(-2015)
    return key


def _check_time(params: Params, now_ms: int) -> None:
    required(params, "timestamp")
    timestamp_ms = integer(params, "timestamp") or 0
    window_ms = integer(params, "recvWindow") or RECV_WINDOW_MS_DEFAULT
    if window_ms > RECV_WINDOW_MS_MAX:
        raise VenueError(-1131, f"'recvWindow' must be less than {RECV_WINDOW_MS_MAX}.")
    if timestamp_ms >= now_ms + AHEAD_MS_MAX:
        raise VenueError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if now_ms - timestamp_ms > window_ms:
        raise refusal(-1021)
