"""The report as a document: the report, and the entries that it rests on, to the byte, so that anybody can check it.

`listed` names each entry with the hash of its bytes, so that one that is changed, missing or put in has a name.
`sha256` is over the document without it. Whoever forges all of that must still forge the chain and the signatures.
"""

import hashlib

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from authority.keys import KeyMistake, key_id_of
from authority.operators import Operators
from contracts.arming import FlattenRequested
from contracts.chain import digest_of
from evidence.archive import Line, entry_of, line_of
from evidence.history import Entry, Frame, History
from evidence.report.building import build
from evidence.report.model import Report
from evidence.report.selecting import select

FORMAT = "flatguard.report.v1"


class NoReport(ValueError):
    """It is no report, or one of a version that is not known. One line."""


class Listed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An entry that the report rests on."""

    stream: str
    id: str
    sha256: str
    """Over its names and values, each with its length."""


class Document(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole of it."""

    format: str
    made_at_ms: int
    """By the Redis server's clock; of a report from an export, when that was written."""
    software_version: str
    sha256: str
    report: Report
    operators: Operators | None
    """The policy, and the public keys of those who signed, from the operators' file; nothing where none was given."""
    frame: Frame
    listed: tuple[Listed, ...]
    entries: tuple[Line, ...]

    @property
    def history(self) -> History:
        """The entries as a history. Raises ValueError for what is no entry."""
        return History(self.frame, [entry_of(line) for line in self.entries])


_DECODER = msgspec.json.Decoder(Document)
_ENCODER = msgspec.json.Encoder(decimal_format="string")


def make(
    history: History, request_id: str, *, operators: Operators | None, made_at_ms: int, software_version: str
) -> Document:
    """The document of one run, out of a whole history. Raises NoSuchRun."""
    selected = select(history, request_id)
    entries = [entry for stream in selected.streams for entry in selected.entries(stream)]
    signers = _signers(selected, request_id, operators)
    document = Document(
        format=FORMAT,
        made_at_ms=made_at_ms,
        software_version=software_version,
        sha256="",
        report=build(selected, request_id, signers),
        operators=signers,
        frame=selected.frame,
        listed=tuple(listed(entry) for entry in entries),
        entries=tuple(line_of(entry) for entry in entries),
    )
    return replace(document, sha256=hash_of(document))


def encode(document: Document) -> bytes:
    """The file: one line of JSON. The same document is always the same bytes."""
    return _ENCODER.encode(document) + b"\n"


def decode(data: bytes) -> Document:
    """Read it. Raises NoReport."""
    try:
        document: Document = _DECODER.decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise NoReport(f"it is no {FORMAT}: {' '.join(str(error).split())[:200]}") from error
    if document.format != FORMAT:
        raise NoReport(f"its format is {document.format[:60]!r}, not {FORMAT}")
    return document


def hash_of(document: Document) -> str:
    """SHA-256 over the document without its own."""
    return hashlib.sha256(_ENCODER.encode(replace(document, sha256=""))).hexdigest()


def listed(entry: Entry) -> Listed:
    """The entry by its name and hash."""
    texts = (text for pair in entry.fields for text in pair)
    return Listed(stream=entry.stream, id=entry.id, sha256=digest_of(texts))


def bad_keys(operators: Operators) -> list[str]:
    """Keys that are none, or not those that their ids say."""
    found = []
    for key in operators.keys:
        try:
            right = key_id_of(key.raw) == key.key_id
        except KeyMistake:
            right = False
        if not right:
            found.append(key.key_id)
    return found


def _signers(history: History, request_id: str, operators: Operators | None) -> Operators | None:
    """The operators' file, but of the keys only those that signed: the others are nobody's business."""
    if operators is None:
        return None
    signed = {
        signature.key_id
        for told in history.of(FlattenRequested)
        if told.event.request_id == request_id
        for signature in told.event.arm.signatures
    }
    return Operators(policy=operators.policy, keys=tuple(key for key in operators.keys if key.key_id in signed))
