"""`flatctl export`: the streams of a period in one file, for years. `flatctl audit verify --file` reads it again."""

import gzip
import hashlib
import os
import sys
import tempfile
import zlib
from collections.abc import Awaitable, Callable, Container, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Annotated

import typer
from msgspec import Struct
from msgspec.structs import replace

from contracts.streams import STREAMS
from evidence.archive import LINE_MAX, Archive, NoExport, Reader, Writer, trailer
from evidence.history import AUDIT, LOOKED_AT
from evidence.links import Ends
from flatctl import exits
from flatctl.exits import CommandFailed
from flatctl.options import AsJson
from flatctl.recording import read_entries, read_moment
from flatctl.session import Session, run
from runtime.app import software_version

STDOUT = Path("-")
SPOOLED_MAX = 256 * 1024 * 1024
"""Bytes that are held in memory; what is more goes to a temporary file."""
_GZIP = b"\x1f\x8b"
Target = Annotated[Path, typer.Argument(help="The file to write, e.g. 2026-01.jsonl.gz; - writes it to stdout.")]
Since = Annotated[str, typer.Option("--since", help="From this time on, e.g. 2026-01-01 or 2026-01-01T12:00Z. UTC.")]
Until = Annotated[str, typer.Option("--until", help="Up to this time, which is left out.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that is there.")]


class Exported(Struct, frozen=True, kw_only=True):
    """`export --json`."""

    file: str
    entries: dict[str, int]
    """By stream."""
    lines: int
    sha256: str
    """Of the lines before the trailer."""
    head: str
    """Where the audit chain stands at its end; empty when it has no chain."""


def export(file: Target, *, since: Since = "", until: Until = "", force: Force = False, as_json: AsJson = False) -> int:
    """Write every stream, or a period, to one compressed file that says by itself when it was changed.

    Changes nothing in Redis. The file is there whole, or not at all.
    """
    since_ms, until_ms = _time("--since", since), _time("--until", until)
    if file == STDOUT:
        return run(_to_stdout(since_ms, until_ms), as_json=True)
    if file.exists() and not force:
        raise CommandFailed(f"{file} is there already: give another name, or --force")
    return run(lambda session: _export(session, file, since_ms, until_ms), as_json=as_json)


def read_export(path: Path, keep: Container[str] = LOOKED_AT) -> Archive:
    """Read a file that `flatctl export` wrote, compressed or not. Raises CommandFailed when it is none."""
    reader = Reader(keep)
    try:
        with path.open("rb") as raw_file:
            packed = raw_file.read(2) == _GZIP
            raw_file.seek(0)
            with gzip.open(raw_file) if packed else raw_file as lines:
                try:
                    while line := lines.readline(LINE_MAX):
                        reader.line(line)
                except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                    return reader.close(str(error))
        return reader.close()
    except NoExport as error:
        raise CommandFailed(f"{path} is not an export of flatctl: {error}") from error
    except OSError as error:
        raise CommandFailed(f"{path} cannot be read: {error.strerror or error}") from error


def _to_stdout(since_ms: int | None, until_ms: int | None) -> Callable[[Session], Awaitable[int]]:
    """Only the file goes there, and what there is to say to stderr: a container has no place for a file of its own."""

    async def exported(session: Session) -> int:
        if sys.stdout.isatty():
            raise CommandFailed("an export is no text for a terminal: flatctl export - > 2026-01.jsonl.gz")
        with tempfile.SpooledTemporaryFile(SPOOLED_MAX) as body, session.screen.busy("reading the streams"):
            done, header = await _collect(session, STDOUT, body, since_ms, until_ms)
            lines, sha256 = _pack(sys.stdout.buffer, header, body)
        sys.stdout.buffer.flush()
        session.screen.error(f"{lines} lines, sha256 {sha256}; the audit chain stands at {done.head or 'nothing'}")
        return exits.OK

    return exported


async def _export(session: Session, path: Path, since_ms: int | None, until_ms: int | None) -> int:
    screen, settings = session.screen, session.settings
    screen.line(settings.banner, style="bold")
    try:
        with tempfile.TemporaryFile(dir=path.parent) as body, screen.busy("reading the streams"):
            done = await _write(session, path, body, since_ms, until_ms)
    except OSError as error:
        raise CommandFailed(f"{path} cannot be written: {error.strerror or error}") from error
    screen.json(done)
    counts = ", ".join(f"{name} {count}" for name, count in done.entries.items()) or "no entries"
    screen.line(f"written: {path}: {counts}")
    screen.line(f"sha256 of its lines {done.sha256}; the audit chain stands at {done.head or 'nothing: it has none'}")
    screen.line("keep both where nobody can change them together with the file; flatctl audit verify --file reads it")
    return exits.OK


async def _write(session: Session, path: Path, body: IO[bytes], since_ms: int | None, until_ms: int | None) -> Exported:
    done, header = await _collect(session, path, body, since_ms, until_ms)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("xb") as file:
            lines, sha256 = _pack(file, header, body)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        with suppress(OSError):
            part.unlink()
    return replace(done, lines=lines, sha256=sha256)


async def _collect(
    session: Session, path: Path, body: IO[bytes], since_ms: int | None, until_ms: int | None
) -> tuple[Exported, bytes]:
    """The entries go to `body` first: the header, which counts them, comes before them in the file."""
    moment = await read_moment(session.redis, session.settings)
    writer, ends = Writer(), Ends()
    for stream in STREAMS:
        async for entry in read_entries(session.redis, session.settings.keys, stream.name, moment, since_ms, until_ms):
            body.write(writer.entry(entry))
            if entry.stream == AUDIT:
                ends.see(entry)
    if until_ms is not None and until_ms > moment.now_ms:
        until_ms = None  # it leaves nothing out
    head = moment.frame.head if until_ms is None else ends.after
    frame = replace(moment.frame, since_ms=since_ms, until_ms=until_ms, before=ends.before, head=head)
    header = writer.header(frame, exported_at_ms=moment.now_ms, software_version=software_version())
    body.seek(0)
    counts = {counted.name: counted.entries for counted in writer.counted}
    return Exported(file=str(path), entries=counts, lines=0, sha256="", head=ends.after or ""), header


def _pack(file: IO[bytes], header: bytes, body: IO[bytes]) -> tuple[int, str]:
    """Header, entries and trailer, compressed; how many lines stand before the trailer, and their hash."""
    hashed, count = hashlib.sha256(), 0
    with gzip.GzipFile(filename="", fileobj=file, mode="wb") as packed:
        for line in _lines(header, body):
            packed.write(line)
            hashed.update(line)
            count += 1
        packed.write(trailer(count, hashed.hexdigest()))
    return count, hashed.hexdigest()


def _lines(header: bytes, body: IO[bytes]) -> Iterator[bytes]:
    yield header
    yield from body


def _time(option: str, text: str) -> int | None:
    if not text:
        return None
    try:
        when = datetime.fromisoformat(text)
        return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise CommandFailed(f"{option} {text!r} is no time: write e.g. 2026-01-31 or 2026-01-31T12:00Z") from error
