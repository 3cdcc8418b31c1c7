"""The chain of the audit stream: each entry says which one came before it, so that a loss or a change shows.

An entry's *digest* is SHA-256 over its fields; whoever writes it hands it to the script. Its *link* is SHA-1, which is
what Redis's Lua has, over the head before it, its id and its digest. The *head* is the number of the newest entry and
its link. The entry carries the head before it, in the field `chain`. What that proves is in docs/adr/0026.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

FIELD = "chain"
"""The field of an entry that holds the head before it."""
_HEAD = re.compile(r"(0|[1-9][0-9]{0,15}):([0-9a-f]{40})")


class Head(Struct, frozen=True):
    """Where a chain stands."""

    number: int
    """Of the newest entry: how many the chain has."""
    link: str
    """Forty hex digits, over that entry and everything before it."""

    def __str__(self) -> str:
        """As it travels: `17:2fd4…`."""
        return f"{self.number}:{self.link}"

    def after(self, entry_id: str, digest: str) -> "Head":
        """The head once an entry has been appended. `runtime/lua/chain.lua` works out the same."""
        text = f"{self} {entry_id} {digest}".encode()
        return Head(self.number + 1, hashlib.sha1(text, usedforsecurity=False).hexdigest())


def beginning(stream_key: str) -> Head:
    """The head before the first entry: the key is in it, so that one namespace's chain is not taken for another's."""
    return Head(0, hashlib.sha1(stream_key.encode(), usedforsecurity=False).hexdigest())


def read_head(text: str) -> Head | None:
    """The head that the text stands for; nothing when it is none."""
    found = _HEAD.fullmatch(text)
    return Head(int(found[1]), found[2]) if found else None


def digest_of(texts: Iterable[bytes]) -> str:
    """SHA-256 over an entry's names and values in their order, without the field `chain`, each with its length."""
    return hashlib.sha256(b"".join([b"%d:%b" % (len(text), text) for text in texts])).hexdigest()


def chained(fields: Sequence[str]) -> list[str | int]:
    """An entry's flat fields as a script takes them for the audit stream: digest, how many texts, the texts."""
    return [digest_of(text.encode() for text in fields), len(fields), *fields]
