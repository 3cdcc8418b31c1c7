"""Dead letters as they stand in Redis: what each was, where it came from, and why it could not be handled."""

import re
from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from redis.asyncio import Redis

from contracts import codec
from contracts.arming import AbortRequested, ArmRequested, DisarmRequested, FlattenRequested
from contracts.base import Event
from contracts.dead_letters import DeadLetterSettled, LetterField
from contracts.streams import STREAMS, Keys
from flatctl.exits import REFUSED, CommandFailed
from flatctl.figures import moment
from flatctl.history import backwards
from runtime.redis_client import raw

_ID = re.compile(r"[0-9]{1,20}-[0-9]{1,20}")
_FIRST_OF_OURS = "dead_stream"
_SHOWN_MAX = 16_000
"""Characters of one field: more than any event of ours has."""


class Letter(Struct, frozen=True, kw_only=True):
    """One entry of the stream `dead`."""

    letter_id: str
    fields: tuple[tuple[bytes, bytes], ...]
    """As Redis holds them: those of the entry, then the runtime's own."""

    @property
    def entry(self) -> tuple[tuple[bytes, bytes], ...]:
        """The fields of the entry that could not be handled; all of them where nobody says what it was."""
        return self.fields[: self._split]

    @property
    def about(self) -> dict[str, str]:
        """What the runtime wrote beside them (`dead_…`); empty when it was not the runtime that wrote it."""
        return {text_of(name): text_of(value) for name, value in self.fields[self._split :]}

    @property
    def stream(self) -> str:
        """The key of the stream that it was in."""
        return self.about.get(_FIRST_OF_OURS, "")

    @property
    def whole(self) -> bool:
        """Whether every field of the entry is there."""
        return "dead_fields_dropped" not in self.about

    @property
    def event(self) -> Event | None:
        """The event in it; nothing when this version cannot read it either."""
        try:
            return codec.decode(dict(self.entry)).event
        except (codec.UndecodableEntry, RecursionError):
            return None

    @property
    def kind(self) -> str:
        """The event type that it claims to be."""
        return text_of(dict(self.entry).get(b"type", b""))[:80]

    @property
    def _split(self) -> int:
        """Where the runtime's fields begin: counted from the end, for an entry may have had one of that name."""
        names = [text_of(name) for name, _ in self.fields]
        return len(names) - 1 - names[::-1].index(_FIRST_OF_OURS) if _FIRST_OF_OURS in names else len(names)


class LetterReport(Struct, frozen=True, kw_only=True):
    """`dead … --json`: one letter."""

    letter_id: str
    died_at_ms: int
    """By the id that Redis gave it."""
    stream: str
    """Where it came from, without the namespace; empty when nobody says."""
    entry_id: str
    group: str
    consumer: str
    type: str
    says: str
    """What the event asked for, in a few words; empty when this version cannot read it."""
    error: str
    deliveries: str
    fields: tuple[LetterField, ...] = ()
    """Only with `show`."""


def report(letter: Letter, keys: Keys, *, in_full: bool = False) -> LetterReport:
    """A letter for people and programs."""
    about = letter.about
    return LetterReport(
        letter_id=letter.letter_id,
        died_at_ms=int(letter.letter_id.partition("-")[0]),
        stream=letter.stream.removeprefix(f"{keys.namespace}:stream:"),
        entry_id=about.get("dead_entry_id", ""),
        group=about.get("dead_group", ""),
        consumer=about.get("dead_consumer", ""),
        type=letter.kind,
        says=says(letter.event),
        error=about.get("dead_error", ""),
        deliveries=about.get("dead_deliveries", ""),
        fields=as_text(letter) if in_full else (),
    )


def says(event: Event | None) -> str:
    """What a command asked for."""
    match event:
        case ArmRequested():
            scope = "the whole account" if event.scope.whole_account else f"{len(event.scope.symbols)} symbols"
            return f"arm {event.arm_id} by {event.operator}, {scope}, expired at {moment(event.expires_at_ms)}"
        case DisarmRequested():
            return f"disarm {event.arm_id} by {event.operator}"
        case AbortRequested():
            return f"abort {event.request_id} by {event.operator}"
        case FlattenRequested():
            return f"flatten {event.request_id}, armed by {event.arm.operator}"
    return ""


def as_text(letter: Letter) -> tuple[LetterField, ...]:
    """Every field as text; an endless one is cut, and says so."""
    return tuple(LetterField(name=_cut(text_of(name)), value=_cut(text_of(value))) for name, value in letter.fields)


def text_of(value: bytes) -> str:
    """Bytes that are no text stand as escapes."""
    return value.decode(errors="backslashreplace")


async def newest_letters(redis: Redis, keys: Keys, limit: int) -> tuple[Letter, ...]:
    """The newest letters, newest first."""
    rows = await raw(redis, "XREVRANGE", keys.stream("dead"), "+", "-", "COUNT", limit)
    return tuple(map(_letter, rows))


async def find_letter(redis: Redis, keys: Keys, letter_id: str) -> Letter:
    """The letter of this id. Raises CommandFailed when it is none, or when it is not there (any more)."""
    if not _ID.fullmatch(letter_id):
        raise CommandFailed(
            f"{letter_id!r} is no id of a dead letter: flatctl dead list shows them, e.g. 1769571479200-0"
        )
    rows = await raw(redis, "XRANGE", keys.stream("dead"), letter_id, letter_id)
    if rows:
        return _letter(rows[0])
    if settled := await settled_before(redis, keys, letter_id):
        raise CommandFailed(f"{letter_id} is no dead letter any more: {told(settled)}", REFUSED)
    raise CommandFailed(f"there is no dead letter {letter_id} in {keys.stream('dead')}; see flatctl dead list", REFUSED)


async def settled_before(redis: Redis, keys: Keys, letter_id: str) -> DeadLetterSettled | None:
    """The record of what an operator did with it."""
    async for record in backwards(redis, keys.of(DeadLetterSettled)):
        if isinstance(record.event, DeadLetterSettled) and record.event.letter_id == letter_id:
            return record.event
    return None


def told(settled: DeadLetterSettled) -> str:
    """One line about it."""
    why = f": {settled.reason}" if settled.reason else ""
    return f"{settled.settlement} by {settled.operator} at {moment(settled.settled_at_ms)}{why}"


def command_stream(letter: Letter, keys: Keys) -> str:
    """The key of the command stream that it came from; empty for anything else: nothing else is read by a group."""
    commands = {keys.stream(stream.name) for stream in STREAMS if stream.group}
    return letter.stream if letter.stream in commands else ""


def _letter(row: Sequence[Any]) -> Letter:
    return Letter(letter_id=row[0].decode(), fields=tuple(zip(row[1][::2], row[1][1::2], strict=True)))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}… ({len(text) - _SHOWN_MAX} characters more)"
