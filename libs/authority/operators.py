"""The operators' file: who may sign, by which keys, until when, and how many people it takes. Text in, a value out.

[policy]
signatures = 1        # how many people have to sign an arm
signatures_live = 2   # the same where EXCHANGE_ENV is live

[[operator]]
name = "alice"        # several keys of one name are one person's
role = "trader"
key_id = "…"          # what `flatctl keys generate` prints
public_key = "…"
valid_from = 2026-01-01T00:00:00Z
valid_until = 2027-01-01T00:00:00Z
revoked = false       # or true, or since when
"""

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from authority.keys import KeyMistake, key_id_of, public_key_from, public_key_text
from contracts.vocabulary import Environment

SIGNATURES_MAX = 5
OPERATORS_MAX = 200
_AT = re.compile(r" - at `\$\.?([^`]*)`$")
_NAIVE = "has no time zone: write e.g. 2026-01-01T00:00:00Z"


class OperatorsMistake(ValueError):
    """The file does not say clearly who may sign. One line."""


class Policy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many people have to sign."""

    signatures: Annotated[int, Meta(ge=1, le=SIGNATURES_MAX)] = 1
    signatures_live: Annotated[int, Meta(ge=1, le=SIGNATURES_MAX)] = 2

    def needed(self, environment: Environment) -> int:
        """In one environment."""
        return self.signatures_live if environment is Environment.LIVE else self.signatures


class OperatorKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One key of one person."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    role: Literal["trader", "risk"]
    key_id: str
    public_key: str
    valid_from: datetime
    valid_until: datetime
    revoked: bool | datetime = False

    @property
    def raw(self) -> bytes:
        """The key's 32 bytes."""
        return public_key_from(self.public_key)

    def doubt(self, now_ms: int) -> str:
        """Why what the key signs does not count now; empty when it does. Revocation comes before everything."""
        if self.revoked_by(now_ms):
            return "was revoked"
        if now_ms < _ms(self.valid_from):
            return f"is not valid before {self.valid_from.isoformat()}"
        if now_ms >= _ms(self.valid_until):
            return f"was valid until {self.valid_until.isoformat()}"
        return ""

    def revoked_by(self, now_ms: int) -> bool:
        """Whether it is revoked."""
        if isinstance(self.revoked, bool):
            return self.revoked
        return now_ms >= _ms(self.revoked)


class Operators(Struct, frozen=True, kw_only=True):
    """Everybody who may sign, and the policy."""

    policy: Policy
    keys: tuple[OperatorKey, ...]

    def key(self, key_id: str) -> OperatorKey | None:
        """The key of that name."""
        return next((key for key in self.keys if key.key_id == key_id), None)

    def shortage(self, environment: Environment, now_ms: int) -> str:
        """Why no arm can have enough signatures now; empty when one can."""
        people = {key.name for key in self.keys if not key.doubt(now_ms)}
        needed = self.policy.needed(environment)
        if len(people) >= needed:
            return ""
        return f"{len(people)} people have a valid key, and an arm needs the signatures of {needed}"


class OperatorsSeen(Struct, frozen=True, kw_only=True):
    """What a look at the operators' file showed. Neither operators nor a problem: none is configured."""

    operators: Operators | None = None
    problem: str = ""
    """Why nobody can say who may sign."""

    @property
    def configured(self) -> bool:
        """Whether there is a file to look at."""
        return self.operators is not None or bool(self.problem)

    @property
    def told(self) -> str:
        """What it means for arms, in one line."""
        if self.operators is not None:
            return f"arms are verified: keys of {', '.join(dict.fromkeys(key.name for key in self.operators.keys))}"
        if self.problem:
            return f"no arm can be verified: {self.problem}"
        return "ARMS ARE NOT SIGNED: OPERATORS_FILE is not set, and whoever can write to this Redis can arm"


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    policy: Policy = Policy()
    operator: Annotated[tuple[OperatorKey, ...], Meta(min_length=1, max_length=OPERATORS_MAX)]


def parse(text: str) -> Operators:
    """What the file says. Raises OperatorsMistake, which says in one line what is not clear in it."""
    try:
        found = msgspec.toml.decode(text, type=_File)
    except msgspec.ValidationError as error:
        raise OperatorsMistake(_where(str(error))) from error
    except msgspec.DecodeError as error:
        raise OperatorsMistake(f"is no TOML: {_one_line(error)}") from error
    except (RecursionError, ValueError, OverflowError) as error:
        raise OperatorsMistake(f"cannot be read: {_one_line(error)}") from error
    for problem in _problems(found.operator):
        raise OperatorsMistake(problem)
    return Operators(policy=found.policy, keys=found.operator)


def entry(name: str, role: str, public_key: bytes, valid_from: datetime, valid_until: datetime) -> str:
    """A key as it is put into the file, after it was checked as it will be. Raises OperatorsMistake."""
    values = {
        "name": json.dumps(name, ensure_ascii=False),
        "role": json.dumps(role),
        "key_id": json.dumps(key_id_of(public_key)),
        "public_key": json.dumps(public_key_text(public_key)),
        "valid_from": valid_from.isoformat(),
        "valid_until": valid_until.isoformat(),
        "revoked": "false",
    }
    text = "[[operator]]\n" + "".join(f"{field} = {value}\n" for field, value in values.items())
    parse(text)
    return text


def normal(name: str) -> str:
    """A name as a tired person reads it: without differences of case, of blanks or of how a letter is put together."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _problems(keys: Sequence[OperatorKey]) -> Iterator[str]:
    names: dict[str, str] = {}
    seen: set[str] = set()
    for key in keys:
        whose = f"a key of {key.name!r}"
        if not key.name.isprintable() or key.name != key.name.strip():
            yield f"operator {key.name!r}: a name has no blanks around it and nothing that cannot be seen"
        if names.setdefault(normal(key.name), key.name) != key.name:
            other = names[normal(key.name)]
            yield f"operators {other!r} and {key.name!r} can be taken for one another: write one person's name one way"
        try:
            key_id = key_id_of(key.raw)
        except KeyMistake as mistake:
            yield f"{whose}: public_key {mistake}"
            continue
        if key.key_id != key_id:
            yield f"{whose}: key_id is {key.key_id[:40]!r}, and that of its public_key is {key_id!r}"
        if key_id in seen:
            yield f"{whose}: key {key_id!r} is in the file twice"
        seen.add(key_id)
        yield from (f"{whose}: {problem}" for problem in _times(key))


def _times(key: OperatorKey) -> Iterator[str]:
    naive = [
        name
        for name in ("valid_from", "valid_until", "revoked")
        if isinstance(when := getattr(key, name), datetime) and when.tzinfo is None
    ]
    yield from (f"{name} {_NAIVE}" for name in naive)
    if not naive and key.valid_until <= key.valid_from:
        yield "valid_until is not after valid_from"


def _ms(when: datetime) -> int:
    return int(when.timestamp() * 1000)


def _where(message: str) -> str:
    """`Object contains unknown field `x` - at `$.operator[...]`` as a sentence of ours."""
    at = _AT.search(message)
    place = at.group(1) if at else ""
    told = _one_line(_AT.sub("", message))
    return f"{place or 'the file'}: {told}"


def _one_line(what: object) -> str:
    return " ".join(str(what).split())[:300]
