"""Position keys that others keep in Redis, `quantum:positions:<symbol>`: read, and understood as far as possible.

Nobody defines their shape: a string with a number or JSON, or a hash. Only the symbols that the exchange lists are
looked up: to list keys, a Redis user would have to see the names of all of them.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from contracts.base import is_number
from flatctl.verification import Cached, CachedLeg
from runtime.redis_client import raw

AT_ONCE = 500
_QUANTITIES = ("positionamt", "quantity", "qty", "amount", "amt", "size", "contracts")
_SIDES = ("positionside", "side", "direction")
_TIMES = ("updatedatms", "updatedat", "updatetime", "timestampms", "timestamp", "ts")
_LONG, _SHORT, _BOTH = ("long", "buy"), ("short", "sell"), ("", "both", "net", "none", "flat")
_UNIX_TIME = re.compile(r"[0-9]{9,13}(?:\.[0-9]+)?")
_MILLISECONDS_FROM = Decimal(10**11)
"""A larger number is milliseconds: as seconds it would be the year 5138."""
_JSON = msgspec.json.Decoder(float_hook=Decimal)
_SHOWN_MAX = 60


class NotUnderstood(Exception):
    """The value is of a shape that says nothing here."""


async def read_cached(redis: Redis, prefix: str, symbols: Sequence[str]) -> tuple[Cached, ...]:
    """The keys that there are, one for a symbol at most. Raises RedisError when they cannot be looked up."""
    kinds: dict[str, str] = {}
    for first in range(0, len(symbols), AT_ONCE):
        part = symbols[first : first + AT_ONCE]
        async with redis.pipeline(transaction=False) as pipe:
            for symbol in part:
                pipe.execute_command(b"TYPE", f"{prefix}{symbol}")
            kinds |= {symbol: kind.decode() for symbol, kind in zip(part, await pipe.execute(), strict=True)}
    held = [symbol for symbol, kind in kinds.items() if kind != "none"]
    return tuple([await _read(redis, f"{prefix}{symbol}", symbol, kinds[symbol]) for symbol in held])


async def _read(redis: Redis, key: str, symbol: str, kind: str) -> Cached:
    try:
        if kind == "string":
            value = await raw(redis, "GET", key)
            return understood(key, symbol, {} if value is None else parsed(value))
        if kind == "hash":
            flat = await raw(redis, "HGETALL", key)
            return understood(key, symbol, dict(zip(map(_text, flat[::2]), map(_text, flat[1::2]), strict=True)))
    except NotUnderstood as problem:
        return Cached(key=key, symbol=symbol, problem=str(problem))
    except RedisError as error:
        return Cached(key=key, symbol=symbol, problem=f"it cannot be read: {error}")
    return Cached(key=key, symbol=symbol, problem=f"its type is {kind}")


def understood(key: str, symbol: str, value: object) -> Cached:
    """What a value says: an object, several of them (legs), or a number. Another symbol's is not understood."""
    try:
        rows = value if isinstance(value, list) else [value]
        legs = tuple(_leg(row, symbol) for row in rows if row != {})
        times = [
            at_ms for row in rows if isinstance(row, dict) for at_ms in (_written_at_ms(row),) if at_ms is not None
        ]
    except NotUnderstood as problem:
        return Cached(key=key, symbol=symbol, problem=str(problem))
    return Cached(key=key, symbol=symbol, legs=legs, written_at_ms=max(times, default=None))


def parsed(value: bytes) -> object:
    """A string's value: JSON where it is, else text."""
    try:
        return _JSON.decode(value)
    except (msgspec.DecodeError, RecursionError, InvalidOperation):
        return _text(value)


def _leg(row: object, symbol: str) -> CachedLeg:
    if not isinstance(row, dict):
        return CachedLeg(quantity=_number(row), leg=False)
    fields = _by_name(row)
    named = str(fields.get("symbol", symbol))
    if named != symbol:
        raise NotUnderstood(f"it speaks of {named[:_SHOWN_MAX]!r}")
    amounts = {_number(fields[name]) for name in _QUANTITIES if name in fields}
    if not amounts:
        raise NotUnderstood(f"no quantity among its fields: {', '.join(sorted(fields))[:_SHOWN_MAX] or 'none'}")
    if len(amounts) > 1:
        raise NotUnderstood(f"it has several quantities: {', '.join(map(str, sorted(amounts)))[:_SHOWN_MAX]}")
    return _signed(amounts.pop(), next((str(fields[name]).strip().lower() for name in _SIDES if name in fields), ""))


def _signed(amount: Decimal, side: str) -> CachedLeg:
    if side in _BOTH:
        return CachedLeg(quantity=amount, leg=False)
    if side in _SHORT:
        return CachedLeg(quantity=-abs(amount), leg=True)
    if side not in _LONG:
        raise NotUnderstood(f"its side is {side[:_SHOWN_MAX]!r}")
    if amount < 0:
        raise NotUnderstood(f"its side is {side!r}, and its quantity {amount}")
    return CachedLeg(quantity=amount, leg=True)


def _written_at_ms(row: Mapping[Any, object]) -> int | None:
    fields = _by_name(row)
    found = next((str(fields[name]) for name in _TIMES if name in fields), "")
    if not _UNIX_TIME.fullmatch(found):
        return None
    number = Decimal(found)
    return int(number if number >= _MILLISECONDS_FROM else number * 1000)


def _by_name(row: Mapping[Any, object]) -> dict[str, object]:
    """`positionAmt`, `position_amt` and `POSITION-AMT` are the same name."""
    return {re.sub(r"[^a-z0-9]", "", str(name).lower()): value for name, value in row.items()}


def _number(value: object) -> Decimal:
    try:
        number = Decimal(str(value)) if not isinstance(value, bool) else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if not is_number(number):
        raise NotUnderstood(f"not a number: {str(value)[:_SHOWN_MAX]!r}")
    return number


def _text(value: bytes) -> str:
    return value.decode(errors="backslashreplace")
