"""Did it execute? Binance USD-M's statuses, codes and messages, judged. Pure: the wire is read elsewhere.

Source: the derivatives documentation's pages on general information (HTTP return codes) and on error codes. Where
the documentation leaves a doubt, the order counts as possibly executed: a look-up is cheap, a second fill is not.
"""

import re
from enum import Enum, auto
from typing import Final

from msgspec import Struct


class Execution(Enum):
    """What an answer says about the request that it answers."""

    UNKNOWN = auto()
    """It may have executed: look before sending anything again."""
    FAILED = auto()
    """It did not execute, and may be sent again after a wait."""
    UNSENT = auto()
    """It never left."""
    REFUSED = auto()
    """It did not execute, and would be refused again as it is."""
    KEY = auto()
    """It did not execute: key or signature are not accepted. Stop."""


class Hold(Enum):
    """Which later requests must wait as well."""

    NOTHING = auto()
    ORDERS = auto()
    EVERYTHING = auto()


class Judgement(Struct, frozen=True, kw_only=True):
    """What became of a request that was not plainly accepted."""

    execution: Execution
    code: int | None
    reason: str
    retry_after_ms: int = 0
    hold: Hold = Hold.NOTHING
    """What the venue wants silence from, for `retry_after_ms`."""


CLOCK_CODES: Final = frozenset({-1021, -5028})
"""Our timestamp was outside the venue's window: synchronise the clock, send again."""
NO_SUCH_ORDER: Final = -2013
OUTSIDE_PRICE_BAND: Final = -4131
BREAKS_RULES: Final = frozenset({-1013, -1111, -4003, -4004, -4005, -4014, -4023, -4140, -4141})
"""The order's digits, quantity or price, or any order, are not what the symbol's rules and status allow."""
NOTHING_TO_CANCEL: Final = -2011

_KEY_CODES: Final = frozenset({-1022, -2014, -2015})
_DUPLICATE_ID: Final = -4116
"""An open order has this client order id: one of ours that was thought lost. What it does, a look-up tells."""
_UNKNOWN_CODES: Final = frozenset({-1000, -1006, -1007, _DUPLICATE_ID})
_TOO_MANY_REQUESTS: Final = -1003
_TOO_MANY_ORDERS: Final = -1015
_OVERLOAD: Final = -1008
_INTERNAL: Final = -1001

_BANNED_WAIT_MS: Final = 120_000  # the shortest ban there is: two minutes
_TOO_MANY_WAIT_MS: Final = 1_000
_OVERLOAD_WAIT_MS: Final = 200
_FIREWALL_WAIT_MS: Final = 5_000
_RETRY_AFTER_MAX_MS: Final = 3 * 86_400_000  # the longest ban there is: three days

_OK: Final = 200
_BAD_REQUEST: Final = 400
_FORBIDDEN: Final = 403
_REQUEST_TIMEOUT: Final = 408
_BANNED: Final = 418
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
_UNAVAILABLE: Final = 503

_BANNED_UNTIL = re.compile(r"banned until (\d{13})\b")


def judge(  # noqa: PLR0911 - a table, one line for each kind of answer
    status: int, code: int | None, message: str, *, retry_after_ms: int | None = None, now_ms: int = 0
) -> Judgement:
    """Judge an answer that is an error: HTTP status, the body's `code` and `msg`, and the Retry-After header.

    An error element inside a batch answer comes with the batch's status 200. `now_ms` is Unix milliseconds, against
    which "banned until …" is measured.
    """
    waits = _stated_wait_ms(message, retry_after_ms, now_ms)
    if status in (_TOO_MANY, _BANNED) or code in (_TOO_MANY_REQUESTS, _TOO_MANY_ORDERS):
        default_ms = _BANNED_WAIT_MS if status == _BANNED else _TOO_MANY_WAIT_MS
        wait_ms = default_ms if waits is None else waits
        hold = Hold.ORDERS if code == _TOO_MANY_ORDERS else Hold.EVERYTHING
        return _judged(Execution.FAILED, status, code, message, wait_ms, hold=hold)
    if code in CLOCK_CODES:
        return _judged(Execution.FAILED, status, code, message)
    if code in _UNKNOWN_CODES or status == _REQUEST_TIMEOUT or _says_unknown(message):
        return _judged(Execution.UNKNOWN, status, code, message)
    if code == _OVERLOAD:
        return _judged(Execution.FAILED, status, code, message, _OVERLOAD_WAIT_MS if waits is None else waits)
    if code == _INTERNAL or (status == _UNAVAILABLE and _says_failed(message)):
        return _judged(Execution.FAILED, status, code, message, waits or 0)
    if status >= _SERVER_ERROR:
        return _judged(Execution.UNKNOWN, status, code, message)
    if code in _KEY_CODES:
        return _judged(Execution.KEY, status, code, message)
    if status == _FORBIDDEN and code is None:  # the venue's firewall: the request never reached the exchange
        return _judged(Execution.FAILED, status, code, message, _FIREWALL_WAIT_MS if waits is None else waits)
    if status >= _BAD_REQUEST or (status == _OK and code is not None and code < 0):
        return _judged(Execution.REFUSED, status, code, message)
    return _judged(Execution.UNKNOWN, status, code, message)


def judge_no_answer(reason: str, *, sent: bool) -> Judgement:
    """Judge a request without an answer. `sent` is false only when not one byte of it can have left."""
    return Judgement(execution=Execution.UNKNOWN if sent else Execution.UNSENT, code=None, reason=reason)


def parse_retry_after(header: str | None) -> int | None:
    """A Retry-After header's seconds as milliseconds, capped at the longest ban; nothing where it has none."""
    try:
        seconds = float(header) if header is not None else -1.0
    except ValueError:
        return None
    return min(int(seconds * 1000), _RETRY_AFTER_MAX_MS) if 0 <= seconds < float("inf") else None


def _stated_wait_ms(message: str, retry_after_ms: int | None, now_ms: int) -> int | None:
    banned = _BANNED_UNTIL.search(message)
    if banned is None:
        return retry_after_ms
    until_ms = min(max(int(banned[1]) - now_ms, 0), _RETRY_AFTER_MAX_MS)
    return max(until_ms, retry_after_ms or 0)


def _says_unknown(message: str) -> bool:
    return message.lower().startswith("unknown error, please check")


def _says_failed(message: str) -> bool:
    text = message.lower()
    return text == "service unavailable." or text.startswith("internal error; unable to process your request")


def _judged(
    execution: Execution, status: int, code: int | None, message: str, wait_ms: int = 0, *, hold: Hold = Hold.NOTHING
) -> Judgement:
    text = message or "no message"
    where = f"HTTP {status}" if code is None else f"HTTP {status} code {code}"
    return Judgement(execution=execution, code=code, reason=f"{where}: {text}", retry_after_ms=wait_ms, hold=hold)
