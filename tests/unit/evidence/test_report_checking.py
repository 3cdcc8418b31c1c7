"""Whatever is changed in a report, in what is seen or in what it rests on, is found and named."""

import html
import json
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.chain import Head
from evidence.archive import entry_of, line_of
from evidence.findings import Standing
from evidence.history import AUDIT, Entry
from evidence.links import CarriedOut
from evidence.report.building import build
from evidence.report.checking import Checked, check
from evidence.report.document import Document, NoReport, decode, encode, hash_of, listed, make
from evidence.report.page import document_in, render
from support.people import ALICE, BOB, EVE, operators
from support.people import an_entry as a_person
from support.records import Record, a_request
from support.run_events import T0_MS

VERSION = "0.1.0"


@cache
def a_document() -> Document:
    return make(Record().history, "req-1", operators=None, made_at_ms=T0_MS + 9_000, software_version=VERSION)


@cache
def a_page() -> bytes:
    return render(a_document())


def found_in(checked: Checked) -> dict[str, list[str]]:
    found = {
        each.name: [f"{finding.stream} {finding.entry_id} {finding.what}".strip() for finding in each.findings]
        for each in checked.verdicts
    }
    return {name: findings for name, findings in found.items() if findings}


def look(data: bytes, **options: Any) -> tuple[Standing, dict[str, list[str]]]:
    checked = check(data, **{"software_version": VERSION, **options})
    return checked.standing, found_in(checked)


def made_anew(document: Document, entries: list[Entry]) -> Document:
    """As somebody makes it who knows how: listed, worked out and hashed anew."""
    changed = replace(document, entries=tuple(map(line_of, entries)), listed=tuple(map(listed, entries)), sha256="")
    changed = replace(changed, report=build(changed.history, "req-1", changed.operators))
    return replace(changed, sha256=hash_of(changed))


def entries_of(document: Document) -> list[Entry]:
    return [entry_of(line) for line in document.entries]


def with_data(entry: Entry, old: bytes, new: bytes) -> Entry:
    assert any(old in value for _, value in entry.fields), f"{old!r} is not in {entry}"
    return Entry(entry.stream, entry.id, tuple((name, value.replace(old, new)) for name, value in entry.fields))


def test_a_report_agrees_with_itself_as_a_page_and_as_a_document() -> None:
    assert look(encode(a_document())) == (Standing.HOLDS, {})
    assert look(a_page()) == (Standing.HOLDS, {})
    assert decode(document_in(a_page())) == a_document()


@given(st.data())
def test_any_change_of_an_entry_is_found_and_the_entry_named(data: st.DataObject) -> None:
    document = a_document()
    at = data.draw(st.integers(0, len(document.entries) - 1), "entry")
    entries = entries_of(document)
    field = data.draw(st.integers(0, len(entries[at].fields) - 1), "field")
    part = data.draw(st.integers(0, 1), "name or value")
    text = data.draw(st.binary(max_size=20).filter(lambda text: text != entries[at].fields[field][part]), "instead")
    pairs = [list(pair) for pair in entries[at].fields]
    pairs[field][part] = text
    entries[at] = Entry(entries[at].stream, entries[at].id, tuple((name, value) for name, value in pairs))

    standing, found = look(encode(replace(document, entries=tuple(map(line_of, entries)))))

    assert standing is Standing.BROKEN
    name = f"{entries[at].stream} {entries[at].id} changed: it has not the hash that is listed"
    assert found["listing"] == [name]


@given(st.integers(0, len(a_document().entries) - 1))
def test_an_entry_that_is_missing_is_named(at: int) -> None:
    document = a_document()
    entries = list(document.entries)
    gone = entries.pop(at)

    standing, found = look(encode(replace(document, entries=tuple(entries))))

    assert standing is Standing.BROKEN
    assert found["listing"] == [f"{gone.stream} {gone.id} missing: it is listed, and not there"]


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in leaves(item, (*path, key))]
    if isinstance(value, list):
        return [leaf for key, item in enumerate(value) for leaf in leaves(item, (*path, key))]
    return [path] if isinstance(value, int | str) and not isinstance(value, bool) else []


REPORT = json.loads(encode(a_document()))["report"]


@given(st.sampled_from(leaves(REPORT)))
def test_any_figure_that_is_changed_is_found_and_named(path: tuple[Any, ...]) -> None:
    forged = json.loads(encode(a_document()))
    *way, last = path
    place = forged["report"]
    for key in way:
        place = place[key]
    place[last] = place[last] + 1 if isinstance(place[last], int) else f"{place[last]}1"
    try:
        document = decode(msgspec.json.encode(forged))
    except NoReport:
        return  # it is no number or no word any more: told by exit code 1
    if document == a_document():
        return  # the same number, written otherwise

    standing, found = look(encode(replace(document, sha256=hash_of(document))))

    assert standing is Standing.BROKEN
    assert any(str(path[0]) in each for each in found["figures"]) or len(found["figures"]) > 20


@given(st.integers(0, len(a_page()) - 1), st.binary(min_size=1, max_size=1))
def test_any_byte_of_a_page_that_is_changed_is_found(at: int, byte: bytes) -> None:
    page = bytearray(a_page())
    if page[at : at + 1] == byte:
        return
    page[at : at + 1] = byte

    try:
        standing, _ = look(bytes(page))
    except NoReport:
        return
    assert standing is Standing.BROKEN


def test_a_number_that_is_seen_and_forged_is_shown_with_the_right_one() -> None:
    shown = a_page().replace(b">$910.00", b">$911.00", 1)

    standing, found = look(shown)

    assert (standing, list(found)) == (Standing.BROKEN, ["page"])
    assert "$911.00" in found["page"][0].partition(", and the entries give ")[0]
    assert "$910.00" in found["page"][0].partition(", and the entries give ")[2]


def test_something_that_is_put_into_a_page_is_found() -> None:
    for more in (b"<p>FLAT</p>", b"<!-- -->", b"\n"):
        standing, found = look(a_page() + more)
        assert (standing, list(found)) == (Standing.BROKEN, ["page"])


def test_a_forger_who_makes_all_of_it_anew_breaks_the_chain() -> None:
    document = a_document()
    entries = entries_of(document)
    at = next(at for at, entry in enumerate(entries) if b"order.resolved.v1" in str(entry.fields).encode())
    entries[at] = with_data(entries[at], b'"filled_quantity":"9.1"', b'"filled_quantity":"9.0"')

    standing, found = look(encode(made_anew(document, entries)))

    assert (standing, list(found)) == (Standing.BROKEN, ["chain"])
    assert found["chain"][0].startswith(f"{AUDIT} {entries[at].id} changed")


def test_a_head_that_was_noted_elsewhere_finds_a_chain_that_was_made_anew() -> None:
    noted = CarriedOut(head=Head(len(Record().audit), "ab" * 20), where="--head")

    standing, found = look(encode(a_document()), carried_out=(noted,))

    assert (standing, list(found)) == (Standing.BROKEN, ["chain"])


def signed_document() -> Document:
    record = Record()
    arm = ALICE.sign(record.arms[0])
    record.arms, record.requests = [arm], [a_request(arm)]
    who = operators(a_person(ALICE, "alice"), a_person(BOB, "bob"))
    return make(record.history, "req-1", operators=who, made_at_ms=1, software_version=VERSION)


def test_a_signature_is_verified_by_the_keys_in_it_and_whose_they_are_by_the_checkers_own_file() -> None:
    data = encode(signed_document())

    assert look(data, operators=operators(a_person(ALICE, "alice"))) == (Standing.HOLDS, {})
    standing, found = look(data)
    assert (standing, list(found)) == (Standing.CANNOT_BE_SHOWN, ["keys"])
    standing, found = look(data, operators=operators(a_person(ALICE, "mallory")))
    assert (standing, "belongs to 'mallory'" in found["keys"][0]) == (Standing.BROKEN, True)
    standing, found = look(data, operators=operators(a_person(BOB, "bob")))
    assert (standing, sorted(found)) == (Standing.CANNOT_BE_SHOWN, ["I2", "keys"])


@pytest.mark.parametrize("old", ['"reason":"drill"', '"operator":"alice"'])
def test_an_arm_that_is_not_what_was_signed_is_named(old: str) -> None:
    document = signed_document()
    new = f'{old.partition(":")[0]}:"other"'.encode()
    entries = [
        with_data(entry, old.encode(), new) if entry.stream in {"flatten.arm", "flatten.requested"} else entry
        for entry in entries_of(document)
    ]

    standing, found = look(encode(made_anew(document, entries)))

    assert standing is Standing.BROKEN
    assert any("the signature is not of this arm" in each for each in found["I2"]), found


def test_a_key_that_was_put_into_a_report_under_anothers_id_is_found() -> None:
    document = signed_document()
    assert document.operators is not None
    key = document.operators.keys[0]
    (eve,) = operators(a_person(EVE, "eve")).keys
    forged = replace(document.operators, keys=(replace(key, public_key=eve.public_key),))
    changed = replace(document, operators=forged)

    standing, found = look(encode(replace(changed, sha256=hash_of(changed))))

    assert standing is Standing.BROKEN
    assert key.key_id in found["keys"][0]


def test_what_another_version_worked_out_otherwise_cannot_be_shown() -> None:
    document = replace(a_document(), software_version="9.9.9")
    document = replace(document, report=replace(document.report, positions=document.report.positions[:1]))
    document = replace(document, sha256=hash_of(document))

    standing, found = look(render(document))

    assert standing is Standing.CANNOT_BE_SHOWN
    assert "made by version '9.9.9'" in found["figures"][0]


@given(st.text(max_size=40))
def test_other_peoples_text_stays_text(text: str) -> None:
    evil = f"</script><script>alert(1)</script><b>{text}"
    record = Record()
    record.arms = [replace(record.arms[0], operator=evil, reason=evil)]
    record.requests = [a_request(record.arms[0])]
    document = make(record.history, "req-1", operators=None, made_at_ms=1, software_version=VERSION)

    page = render(document).decode()

    assert page.count("<script") == page.count("</script>") == 1
    assert "<b>" not in page
    assert "&lt;b&gt;" in page
    standing, _ = look(page.encode())
    assert standing is Standing.HOLDS


def test_what_turns_the_reading_direction_round_is_made_visible() -> None:
    record = Record()
    record.arms = [replace(record.arms[0], reason="drill\u202egnidart\x00")]
    record.requests = [a_request(record.arms[0])]

    page = render(make(record.history, "req-1", operators=None, made_at_ms=1, software_version=VERSION)).decode()

    shown = page.partition("<script")[0]
    assert "\u202e" not in shown
    assert html.escape("drill\\u202egnidart\\x00") in shown


def test_a_page_needs_nothing_else_and_runs_nothing() -> None:
    page = a_page().decode()

    assert "default-src 'none'" in html.unescape(page)
    assert not any(word in page for word in ("http:", "https:", "src=", "href=", "@import", "url(", "onload"))
    assert page.count("<script") == 1
    assert page.count('role="img"') == page.count("<svg") == 3


@pytest.mark.parametrize("data", [b"", b"{}", b"hello", b"<!doctype html>\n", b"<!DOCTYPE html><p>", b'{"format":1}'])
def test_what_is_no_report_is_told_so(data: bytes) -> None:
    with pytest.raises(NoReport):
        check(data, software_version=VERSION)
