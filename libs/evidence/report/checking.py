"""Looks at a report again: all of it is worked out anew from its own entries, and what does not agree is named."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest

import msgspec
from msgspec import Struct

from authority.operators import Operators
from evidence.findings import Finding, Standing, Verdict, verdict
from evidence.history import History
from evidence.links import CarriedOut
from evidence.report.building import build
from evidence.report.document import Document, NoReport, bad_keys, decode, encode, hash_of, listed
from evidence.report.page import document_in, is_page, render
from evidence.report.selecting import NoSuchRun
from evidence.verification import verify

_SHOWN_MAX = 20
"""How many differences are told one by one."""


class Checked(Struct, frozen=True, kw_only=True):
    """What was found."""

    document: Document
    is_page: bool
    verdicts: tuple[Verdict, ...]

    @property
    def standing(self) -> Standing:
        """Of the whole: what is surely wrong comes first."""
        found = {each.standing for each in self.verdicts}
        return next((each for each in (Standing.BROKEN, Standing.CANNOT_BE_SHOWN) if each in found), Standing.HOLDS)


def check(
    data: bytes,
    *,
    software_version: str,
    operators: Operators | None = None,
    carried_out: Sequence[CarriedOut] = (),
) -> Checked:
    """Look at a page or a document. `operators` is who may sign, as the checker knows it. Raises NoReport."""
    page = is_page(data)
    document = decode(document_in(data) if page else data)
    ours = document.software_version == software_version
    found = [
        _verdict("file", "it is whole, and has the hash that it says", 1, _file(document, data, page=page)),
        _verdict("listing", "each listed entry is there, unchanged, and none besides", *_listing(document)),
    ]
    try:
        history = document.history
    except ValueError as error:
        raise NoReport(f"its entries cannot be read: {error}") from error
    found.append(
        _verdict("figures", "the entries give what the report says", 1, _figures(document, history, ours=ours))
    )
    if page:
        found.append(_verdict("page", "the page shows what the document says", 1, _page(document, data, ours=ours)))
    found.append(_verdict("keys", "whoever signed is who it says", *_keys(document, operators)))
    verification = verify(history, operators=operators or _in_it(document), carried_out=carried_out)
    return Checked(document=document, is_page=page, verdicts=(*found, *verification.verdicts))


def _verdict(name: str, rule: str, looked_at: int, findings: Iterator[Finding]) -> Verdict:
    return verdict(name, rule, looked_at, tuple(findings))


def _file(document: Document, data: bytes, *, page: bool) -> Iterator[Finding]:
    if not page and encode(document) != data:
        yield _wrong("changed after it was written: it is not as it is always written")
    if hash_of(document) != document.sha256:
        yield _wrong("changed after it was written: it does not have the hash that it says")


def _listing(document: Document) -> tuple[int, Iterator[Finding]]:
    return len(document.listed), _unlisted(document)


def _unlisted(document: Document) -> Iterator[Finding]:
    history = document.history
    said = {(each.stream, each.id): each for each in document.listed}
    there = {(entry.stream, entry.id): entry for stream in history.streams for entry in history.entries(stream)}
    if len(said) != len(document.listed) or len(there) != len(document.entries):
        yield _wrong("an entry is there twice, or listed twice")
    for key, each in said.items():
        if key not in there:
            yield Finding(stream=each.stream, entry_id=each.id, what="missing: it is listed, and not there")
        elif listed(there[key]) != each:
            yield Finding(stream=each.stream, entry_id=each.id, what="changed: it has not the hash that is listed")
    for stream, entry_id in there.keys() - said.keys():
        yield Finding(stream=stream, entry_id=entry_id, what="put in: it is there, and not listed")


def _figures(document: Document, history: History, *, ours: bool) -> Iterator[Finding]:
    """Another version may show more or less: a difference to its report proves nothing."""
    operators = document.operators
    if operators is not None and bad_keys(operators):
        return  # `_keys` tells it, and nothing can be verified by them
    try:
        report = build(history, document.report.request_id, operators)
    except NoSuchRun:
        yield _wrong(f"request_id is {document.report.request_id[:60]!r} in the report, and no entry tells of it")
        return
    differences = list(_differences(msgspec.to_builtins(document.report), msgspec.to_builtins(report), ""))
    for where, said, found in differences[:_SHOWN_MAX]:
        what = f"{where} is {_short(said)} in the report, and the entries give {_short(found)}"
        yield Finding(stream="", entry_id="", what=_by(document, what, ours=ours), certain=ours)
    if len(differences) > _SHOWN_MAX:
        yield Finding(stream="", entry_id="", what=f"and {len(differences) - _SHOWN_MAX} more", certain=ours)


def _page(document: Document, data: bytes, *, ours: bool) -> Iterator[Finding]:
    lines, right = data.split(b"\n"), render(document).split(b"\n")
    told = 0
    for number, (shown, wanted) in enumerate(zip_longest(lines, right), 1):
        if shown != wanted and told < _SHOWN_MAX:
            told += 1
            what = f"line {number} shows {_around(shown, wanted)}, and the entries give {_around(wanted, shown)}"
            yield Finding(stream="", entry_id="", what=_by(document, what, ours=ours), certain=ours)


def _keys(document: Document, operators: Operators | None) -> tuple[int, Iterator[Finding]]:
    return len(document.operators.keys) if document.operators else 0, _foreign(document, operators)


def _foreign(document: Document, operators: Operators | None) -> Iterator[Finding]:
    """The keys in the report are only what it says: the operators' file of whoever checks is what counts."""
    if document.operators is None:
        return
    for key_id in bad_keys(document.operators):
        yield _wrong(f"the key {key_id[:40]!r} in it is none, or not the one that its id says")
    if operators is None:
        if document.operators.keys:
            yield _unsure("whose keys these are is what the report says: OPERATORS_FILE is not set here")
        return
    for key in document.operators.keys:
        known = operators.key(key.key_id)
        if known is None:
            yield _unsure(f"the key {key.key_id!r}, as it says of {key.name!r}, is not in today's operators' file")
        elif (known.name, known.public_key) != (key.name, key.public_key):
            yield _wrong(f"the key {key.key_id!r} belongs to {known.name!r}, and the report says to {key.name!r}")


def _in_it(document: Document) -> Operators | None:
    """The keys in the report, if they are any."""
    operators = document.operators
    return operators if operators is not None and operators.keys and not bad_keys(operators) else None


def _differences(said: object, found: object, where: str) -> Iterator[tuple[str, object, object]]:
    if isinstance(said, dict) and isinstance(found, dict):
        for name in dict.fromkeys([*said, *found]):
            yield from _differences(said.get(name), found.get(name), f"{where}.{name}" if where else str(name))
    elif isinstance(said, list | tuple) and isinstance(found, list | tuple):
        if len(said) != len(found):
            yield f"the number of {where}", len(said), len(found)
        for at, (one, other) in enumerate(zip(said, found, strict=False), 1):
            yield from _differences(one, other, f"{where} {_label(one) or at}")
    elif said != found:
        yield where, said, found


def _label(item: object) -> str:
    """What people call it, where it has a name."""
    names = ("symbol", "client_order_id", "name", "gate", "key_id")
    return next((str(item[name])[:60] for name in names if name in item), "") if isinstance(item, dict) else ""


def _by(document: Document, what: str, *, ours: bool) -> str:
    return what if ours else f"{what} (it was made by version {document.software_version[:40]!r}, which may differ)"


def _around(text: bytes | None, other: bytes | None) -> str:
    """The text from a little before where it is another."""
    if text is None:
        return "nothing"
    at = next((i for i, (one, two) in enumerate(zip(text, other or b"", strict=False)) if one != two), 0)
    return repr(text[max(0, at - 30) : at + 50].decode(errors="replace"))


def _short(value: object) -> str:
    return repr(value)[:120]


def _wrong(what: str) -> Finding:
    return Finding(stream="", entry_id="", what=what)


def _unsure(what: str) -> Finding:
    return Finding(stream="", entry_id="", what=what, certain=False)
