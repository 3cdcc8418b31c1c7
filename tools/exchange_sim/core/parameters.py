"""Request parameters as the venue reads them: one flat form of strings, refused by code when malformed."""

import re
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Final
from urllib.parse import parse_qsl

from exchange_sim.core.errors import refusal

Params = Mapping[str, str]

NUMBER: Final = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
CLIENT_ORDER_ID: Final = re.compile(r"[\.A-Z\:/a-z0-9_-]{1,36}")


def parse_form(*parts: str) -> dict[str, str]:
    """Decode query string and form body into one mapping; the last value of a name wins."""
    return {name: value for part in parts for name, value in parse_qsl(part, keep_blank_values=True)}


def required(params: Params, name: str) -> str:
    """Return a parameter that must be there and not empty; else -1102."""
    value = params.get(name, "")
    if not value:
        raise refusal(-1102, name)
    return value


def choice(params: Params, name: str, allowed: Collection[str], code: int, default: str | None = None) -> str:
    """Return a parameter that is one of `allowed`; -1102 when it is missing, `code` when it is something else."""
    value = params.get(name) or default or required(params, name)
    if value not in allowed:
        raise refusal(code, name) if code == -1130 else refusal(code)  # noqa: PLR2004 - the venue's code is its name
    return value


def number(params: Params, name: str) -> Decimal | None:
    """Return an exact number, None when it was not sent. Signs, exponents, NaN and infinity are -1100."""
    text = params.get(name, "")
    if not text:
        return None
    if not NUMBER.fullmatch(text):
        raise refusal(-1100, name, NUMBER.pattern)
    return Decimal(text)


def integer(params: Params, name: str) -> int | None:
    """Return a whole number, None when it was not sent; -1102 when it is something else."""
    text = params.get(name, "")
    if not text:
        return None
    if not text.isdecimal():
        raise refusal(-1102, name)
    return int(text)


def flag(params: Params, name: str) -> bool | None:
    """Return a bool, None when it was not sent. The venue takes `true` and `false` in any case."""
    text = params.get(name, "").lower()
    if not text:
        return None
    if text not in ("true", "false"):
        raise refusal(-1130, name)
    return text == "true"


def client_order_id(params: Params, name: str) -> str | None:
    """Return a well-formed client order id, None when it was not sent; -4015 when it is malformed."""
    text = params.get(name, "")
    if not text:
        return None
    if not CLIENT_ORDER_ID.fullmatch(text):
        raise refusal(-4015)
    return text
