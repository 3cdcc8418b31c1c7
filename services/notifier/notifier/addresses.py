"""NOTIFY_URLS: addresses that are secrets as a whole, because a token may stand anywhere in them (I18)."""

import re
from collections.abc import Iterator
from typing import ClassVar
from urllib.parse import unquote

from runtime.secret import Secret

_PIECES = re.compile(r"[/?&=@:,;+#]+")
_SHORTEST = 8
"""A shorter piece is a word or a number. A password is masked all the same."""
_SERVER = re.compile(r"[0-9]+(?:\.[0-9]+){3}|localhost|(?:[a-z0-9-]+\.)+[a-z]{2,10}")
"""The name of a server, which is no secret. A token in its place looks otherwise."""


class Addresses(Secret):
    """URLs of apprise, separated by blanks or line breaks."""

    __slots__ = ()
    several_lines: ClassVar[bool] = True

    def each(self) -> tuple[str, ...]:
        """Each of them. A secret by itself."""
        return tuple(self.reveal().split())

    def sensitive(self) -> tuple[str, ...]:
        """Each address, and every piece of one that may be a token or a password, as written and as meant."""
        return tuple({text: None for url in self.each() for text in _sensitive(url)})


def _sensitive(url: str) -> Iterator[str]:
    rest = url.partition("://")[2]
    yield url
    if not rest:
        return
    yield rest
    user, _, server = re.split(r"[/?]", rest, maxsplit=1)[0].rpartition("@")
    password = user.partition(":")[2]
    server = server.partition(":")[0]
    pieces = [piece for piece in _PIECES.split(rest) if len(piece) >= _SHORTEST]
    for piece in [*pieces, *([password] if password else [])]:
        if piece == server and _SERVER.fullmatch(piece):
            continue
        yield piece
        yield unquote(piece)
