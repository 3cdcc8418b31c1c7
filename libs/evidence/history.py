"""The streams of one namespace, as they stood at one moment or in one period. Everything else here looks at this."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Generic, TypeVar

from msgspec import Struct

from contracts import codec
from contracts.base import Event
from contracts.chain import FIELD, Head, read_head
from contracts.streams import STREAMS, Keys

E = TypeVar("E", bound=Event)
E_co = TypeVar("E_co", bound=Event, covariant=True)
AUDIT = "flatten.audit"
LOOKED_AT = ("flatten.arm", "flatten.requested", "flatten.completed", AUDIT, "dead", "dead.settled")
"""The streams that the checks need. The others are state: an export holds them, and nobody judges by them."""

_OF_EVENTS = frozenset(stream.name for stream in STREAMS if stream.events)


class Entry(Struct, frozen=True):
    """One entry as it stands in its stream, to the byte."""

    stream: str
    """After the namespace."""
    id: str
    fields: tuple[tuple[bytes, bytes], ...]

    @property
    def order(self) -> tuple[int, int]:
        """Its place in the stream."""
        first, _, second = self.id.partition("-")
        return int(first), int(second)

    @property
    def at_ms(self) -> int:
        """When it was written, by the Redis server's clock."""
        return self.order[0]


class Told(Struct, Generic[E_co], frozen=True):
    """An entry that this version can read, and what it says."""

    entry: Entry
    event: E_co


class Unread(Struct, frozen=True):
    """An entry that this version cannot read."""

    entry: Entry
    problem: str


class GroupSeen(Struct, frozen=True, kw_only=True):
    """How far the consumer group of a command stream was."""

    last_delivered: str
    pending: tuple[str, ...]
    """Delivered, and not acknowledged."""


class StreamSeen(Struct, frozen=True, kw_only=True):
    """What Redis says of a stream beside its entries."""

    name: str
    removed: int | None = None
    """How many entries were ever trimmed or deleted; nothing where Redis does not say (before 7.0)."""
    group: GroupSeen | None = None
    """Nothing for a stream without one, and where no consumer has been yet."""


class Frame(Struct, frozen=True, kw_only=True):
    """Whose history it is, and where it begins and ends."""

    namespace: str
    environment: str
    account: str
    since_ms: int | None = None
    """Nothing: from the beginning."""
    until_ms: int | None = None
    """Nothing: up to when it was read."""
    streams: tuple[StreamSeen, ...] = ()
    before: str | None = None
    """The head of the audit chain before its first entry here, as an export says; nothing when nobody says."""
    head: str | None = None
    """The head after its last entry here: empty where Redis holds none, nothing when nobody says."""


class History:
    """The entries, in the order of their streams, and what they say. Reading it changes nothing."""

    def __init__(self, frame: Frame, entries: Iterable[Entry]) -> None:
        self.frame = frame
        self._entries: dict[str, list[Entry]] = {}
        for entry in entries:
            self._entries.setdefault(entry.stream, []).append(entry)

    def entries(self, stream: str) -> list[Entry]:
        """Everything in one stream, as it stands."""
        return self._entries.get(stream, [])

    @property
    def streams(self) -> list[str]:
        """Those of which there is an entry."""
        return list(self._entries)

    def told(self, stream: str) -> list[Told[Event]]:
        """What can be read in one stream."""
        return self._read[0].get(stream, [])

    def of(self, event_type: type[E]) -> list[Told[E]]:
        """Every event of one type."""
        return [Told(told.entry, told.event) for told in self.told(event_type.stream) if type(told.event) is event_type]

    @property
    def unread(self) -> list[Unread]:
        """What cannot be read."""
        return self._read[1]

    @cached_property
    def _read(self) -> tuple[dict[str, list[Told[Event]]], list[Unread]]:
        told: dict[str, list[Told[Event]]] = {}
        unread: list[Unread] = []
        for stream, entries in self._entries.items():
            for entry in entries:
                try:
                    told.setdefault(stream, []).append(Told(entry, codec.decode(dict(entry.fields)).event))
                except (codec.UndecodableEntry, RecursionError) as error:
                    unread.append(Unread(entry, str(error) or type(error).__name__))
        return told, unread

    @cached_property
    def _unread_streams(self) -> frozenset[str]:
        return frozenset(unread.entry.stream for unread in self.unread)

    @cached_property
    def seen(self) -> Mapping[str, StreamSeen]:
        """What Redis says of each stream, by its name."""
        return {stream.name: stream for stream in self.frame.streams}

    @property
    def audit_key(self) -> str:
        """The key of the audit stream."""
        return Keys(self.frame.namespace).stream(AUDIT)

    def whole(self, stream: str) -> bool:
        """Whether all of the stream is surely here and can be read: what is missing then was never written."""
        if self.frame.since_ms is not None or (stream in _OF_EVENTS and stream in self._unread_streams):
            return False
        if stream == AUDIT:
            entries = self.entries(AUDIT)
            return bool(entries) and (first := link_of(entries[0])) is not None and first.number == 0
        seen = self.seen.get(stream)
        return seen is not None and seen.removed == 0


def link_of(entry: Entry) -> Head | None:
    """What the entry's field `chain` says; nothing when it has none that can be read."""
    name = FIELD.encode()
    values = [value for field, value in entry.fields if field == name]
    return read_head(values[0].decode(errors="replace")) if len(values) == 1 else None
