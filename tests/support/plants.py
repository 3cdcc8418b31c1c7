"""A secret of its own for every setting that holds one, and whether it is seen anywhere (I18)."""

import base64
import secrets
from collections.abc import Iterator, Mapping
from typing import get_type_hints

from msgspec import Struct
from redis.asyncio import Redis

from runtime.redis_client import raw
from runtime.settings import defaults
from runtime.values import kind_of
from support.tree import modules

PART = 12
"""So many characters of a secret are too many to be seen."""


class Plants:
    """`plant("…")` makes a secret of that name; nobody may see one of them."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def plant(self, name: str) -> str:
        """A new one, without a shape that a mask could know it by; URLs and JSON write some of it otherwise."""
        assert name not in self.values, name
        self.values[name] = f'p1/{secrets.token_hex(10)}"{secrets.token_hex(4)}'
        return self.values[name]

    def plain(self, name: str) -> str:
        """One for a place that takes letters and digits alone."""
        assert name not in self.values, name
        self.values[name] = f"p1{secrets.token_hex(12)}"
        return self.values[name]

    def seen_in(self, places: Mapping[str, str]) -> list[str]:
        """Where a plant is seen, in whatever form it is written: one line each, without the plant."""
        return sorted(
            f"{name} ({form}) in {place}"
            for name, value in self.values.items()
            for form, written in forms(value)
            for place, text in places.items()
            if written in text
        )


def forms(value: str) -> Iterator[tuple[str, str]]:
    """How a secret may be written: a part of it, which URLs, JSON and Python leave as it is; or as hex or Base64."""
    yield "plain", max(value.replace("/", '"').split('"'), key=len)[:PART]
    yield "hex", value.encode().hex()
    for shift in range(3):  # Base64 of a longer text that it stands in: three ways, by where it begins
        encoded = base64.b64encode(b"\0" * shift + value.encode()).decode()
        yield "Base64", encoded[4 if shift else 0 : len(encoded) // 4 * 4 - 4]


def settings_with_secrets() -> dict[str, type[Struct]]:
    """Every struct of the project, by its dotted name, that a program could read a secret from its environment into."""
    found = {}
    for module in modules():
        for thing in vars(module).values():
            ours = isinstance(thing, type) and issubclass(thing, Struct) and thing.__module__ == module.__name__
            if ours and secret_variables(thing):
                found[f"{module.__name__}.{thing.__name__}"] = thing
    return found


def secret_variables(settings: type[Struct]) -> set[str]:
    """The variables that hold a secret; none for a struct that is no settings."""
    hints = get_type_hints(settings, include_extras=True)
    try:
        kinds = {field: kind_of(hints[field]) for field in settings.__struct_fields__}
        names = dict(zip(kinds, defaults(settings), strict=True))
    except TypeError:
        return set()
    return {names[field] for field, kind in kinds.items() if kind.secret}


async def everything_in(redis: Redis) -> str:
    """Every key with its value, of whatever type; what the server keeps of commands and of who was refused."""
    cursor, keys = 0, list[bytes]()
    while True:
        cursor, page = await raw(redis, "SCAN", cursor, "COUNT", 1_000)
        keys += page
        if not int(cursor):
            break
    read = {
        b"string": ("GET",),
        b"hash": ("HGETALL",),
        b"list": ("LRANGE", "0", "-1"),
        b"set": ("SMEMBERS",),
        b"zset": ("ZRANGE", "0", "-1"),
        b"stream": ("XRANGE", "-", "+"),
    }
    values = []
    for key in keys:
        kind = await raw(redis, "TYPE", key)
        if kind == b"none":  # it expired meanwhile
            continue
        command, *rest = read[kind]
        values.append((key, await raw(redis, command, key, *rest)))
    kept = [await raw(redis, *words) for words in (("SLOWLOG", "GET", "100"), ("ACL", "LOG"), ("CLIENT", "LIST"))]
    return _text(values) + _text(kept)


def _text(value: object) -> str:
    """All of it as text; unlike `repr`, what was written stays as it was."""
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace") + "\n"
    if isinstance(value, dict):
        value = list(value.items())
    if isinstance(value, list | tuple | set):
        return "".join(map(_text, value))
    return f"{value}\n"
