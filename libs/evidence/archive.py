"""An export: the streams of a period as JSON Lines. A header, one line for each entry, and a trailer with a hash.

    {"kind":"header","format":"flatguard.export.v1","namespace":…,"since_ms":null,"streams":[…],"before":…,"head":…}
    {"kind":"entry","stream":"flatten.audit","id":"1769571479123-0","fields":[["chain","0:…"],["id",…],…]}
    {"kind":"trailer","lines":4711,"sha256":"…"}

Bytes that are no text stand as {"base64":"…"}, so that an entry is to the byte what it was in Redis. The trailer's hash
is over every line before it, with the line feeds; how many lines it covers stands beside it.
"""

import base64
import hashlib
from collections.abc import Container, Iterable

import msgspec
from msgspec import Struct

from evidence.findings import Finding
from evidence.history import LOOKED_AT, Entry, Frame, History

FORMAT = "flatguard.export.v1"
_ID_END = 2**64
"""Both numbers of an id are smaller."""
LINE_MAX = 64 * 1024 * 1024
"""Bytes. The largest entry that there can be is far smaller."""


class NoExport(ValueError):
    """It is no export, or one of a version that is not known. One line."""


class Counted(Struct, frozen=True, kw_only=True):
    """What of one stream is in the export."""

    name: str
    entries: int
    first_id: str
    last_id: str


class Header(Struct, frozen=True, kw_only=True, tag="header", tag_field="kind"):
    """Whose streams these are, from when to when, and how many entries of each."""

    format: str
    exported_at_ms: int
    """By the Redis server's clock."""
    software_version: str
    frame: Frame
    counted: tuple[Counted, ...]


class Bytes(Struct, frozen=True, forbid_unknown_fields=True):
    """Bytes that are no text."""

    base64: str


class Line(Struct, frozen=True, kw_only=True, tag="entry", tag_field="kind", forbid_unknown_fields=True):
    """One entry."""

    stream: str
    id: str
    fields: tuple[tuple[str | Bytes, str | Bytes], ...]


class Trailer(Struct, frozen=True, kw_only=True, tag="trailer", tag_field="kind", forbid_unknown_fields=True):
    """What stands before it."""

    lines: int
    sha256: str


_DECODER = msgspec.json.Decoder(Header | Line | Trailer)


class Writer:
    """Makes the lines of an export: the entries first, since the header, which stands before them, counts them."""

    def __init__(self) -> None:
        self._counted: dict[str, Counted] = {}

    @property
    def counted(self) -> tuple[Counted, ...]:
        """What was given, by stream."""
        return tuple(self._counted.values())

    def entry(self, entry: Entry) -> bytes:
        """One entry's line."""
        so_far = self._counted.get(entry.stream)
        self._counted[entry.stream] = Counted(
            name=entry.stream,
            entries=so_far.entries + 1 if so_far else 1,
            first_id=so_far.first_id if so_far else entry.id,
            last_id=entry.id,
        )
        return _line(line_of(entry))

    def header(self, frame: Frame, *, exported_at_ms: int, software_version: str) -> bytes:
        """The header's line, once every entry has been given."""
        header = Header(
            format=FORMAT,
            exported_at_ms=exported_at_ms,
            software_version=software_version,
            frame=frame,
            counted=self.counted,
        )
        return _line(header)


def line_of(entry: Entry) -> Line:
    """The entry as JSON holds it, to the byte."""
    fields = tuple((_out(name), _out(value)) for name, value in entry.fields)
    return Line(stream=entry.stream, id=entry.id, fields=fields)


def entry_of(line: Line) -> Entry:
    """The same back. Raises ValueError when it is no entry of a stream."""
    entry = Entry(line.stream, line.id, tuple((_in(name), _in(value)) for name, value in line.fields))
    if entry.id != "{}-{}".format(*entry.order) or max(entry.order) >= _ID_END:
        raise ValueError(f"{line.id[:40]!r} is no id of an entry")
    return entry


def trailer(lines: int, sha256: str) -> bytes:
    """The trailer's line."""
    return _line(Trailer(lines=lines, sha256=sha256))


class Archive(Struct, frozen=True, kw_only=True):
    """An export that was read."""

    header: Header
    history: History
    entries: int
    sha256: str
    """As the trailer says; empty when there is none."""
    findings: tuple[Finding, ...]
    """What is wrong with the file itself."""


def read_archive(lines: Iterable[bytes], *, keep: Container[str] = LOOKED_AT) -> Archive:
    """Read the lines of an export. Raises NoExport."""
    reader = Reader(keep)
    for line in lines:
        reader.line(line)
    return reader.close()


class Reader:
    """Takes an export line by line, and keeps the streams in `keep`: as it comes, those that the checks look at."""

    def __init__(self, keep: Container[str] = LOOKED_AT) -> None:
        self._keep = keep
        self._hash = hashlib.sha256()
        self._number = 0
        self._header: Header | None = None
        self._trailer: Trailer | None = None
        self._sha256 = ""
        self._kept: list[Entry] = []
        self._seen: dict[str, list[str]] = {}
        self._findings: list[Finding] = []

    def line(self, line: bytes) -> None:
        """The next line, with its line feed. Raises NoExport when the first one is no header that is known."""
        self._number += 1
        item = self._decoded(line)
        if self._number == 1:
            self._header = _known(item)
        elif self._trailer is not None:
            self._wrong(f"line {self._number} stands after the trailer")
        elif isinstance(item, Trailer):
            self._trailer, self._sha256 = item, self._hash.hexdigest()
            return
        elif isinstance(item, Line):
            self._take(item)
        elif item is not None:
            self._wrong(f"line {self._number} is a second header")
        self._hash.update(line)

    def close(self, ended: str = "") -> Archive:
        """The end; `ended` says why the file could not be read further, when it could not. Raises NoExport."""
        if self._header is None:
            raise NoExport(ended or "it is empty")
        if self._trailer is None:
            why = f": {ended}" if ended else ""
            self._wrong(f"the file is cut off after line {self._number}{why}: it has no trailer")
        elif ended:
            self._wrong(f"the file cannot be read to its end: {ended}")
        else:
            self._compare_trailer(self._trailer)
        self._compare_counts(self._header)
        return Archive(
            header=self._header,
            history=History(self._header.frame, self._kept),
            entries=sum(len(ids) for ids in self._seen.values()),
            sha256=self._trailer.sha256 if self._trailer else "",
            findings=tuple(self._findings),
        )

    def _decoded(self, line: bytes) -> Header | Line | Trailer | None:
        try:
            item: Header | Line | Trailer = _DECODER.decode(line)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            if self._number == 1:
                raise NoExport(f"its first line is no header of {FORMAT}: {error}") from error
            if line.endswith(b"\n"):
                self._wrong(f"line {self._number} cannot be read: {error}")
            return None
        return item

    def _take(self, item: Line) -> None:
        try:
            entry = entry_of(item)
            place = entry.order
        except ValueError:
            self._wrong(f"line {self._number} is no entry of a stream", item.stream)
            return
        ids = self._seen.setdefault(item.stream, [])
        if ids and place <= Entry(item.stream, ids[-1], ()).order:
            self._wrong(f"line {self._number} is out of order: it comes after {ids[-1]}", item.stream, item.id)
        ids.append(item.id)
        if item.stream in self._keep:
            self._kept.append(entry)

    def _compare_trailer(self, trailer: Trailer) -> None:
        before = self._number - 1
        if trailer.lines != before:
            self._wrong(f"the trailer counts {trailer.lines} lines before it, and there are {before}")
        if trailer.sha256 != self._sha256:
            self._wrong("changed after it was written: its lines do not have the hash that its trailer says")

    def _compare_counts(self, header: Header) -> None:
        said = {counted.name: counted for counted in header.counted}
        for name in dict.fromkeys([*said, *self._seen]):
            ids, counted = self._seen.get(name, []), said.get(name)
            wanted = counted.entries if counted else 0
            if len(ids) != wanted:
                self._wrong(f"{len(ids)} entries are there, and the header counts {wanted}", name)
            elif counted and (ids[0], ids[-1]) != (counted.first_id, counted.last_id):
                self._wrong(f"goes from {ids[0]} to {ids[-1]}, not from {counted.first_id} to {counted.last_id}", name)

    def _wrong(self, what: str, stream: str = "", entry_id: str = "") -> None:
        self._findings.append(Finding(stream=stream, entry_id=entry_id, what=what))


def _known(item: Header | Line | Trailer | None) -> Header:
    if not isinstance(item, Header):
        raise NoExport(f"its first line is no header of {FORMAT}")
    if item.format != FORMAT:
        raise NoExport(f"its format is {item.format[:60]!r}, not {FORMAT}")
    return item


def _line(item: Header | Line | Trailer) -> bytes:
    return msgspec.json.encode(item) + b"\n"


def _out(value: bytes) -> str | Bytes:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return Bytes(base64.b64encode(value).decode())


def _in(value: str | Bytes) -> bytes:
    return value.encode() if isinstance(value, str) else base64.b64decode(value.base64, validate=True)
