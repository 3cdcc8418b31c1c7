"""An export says by itself when it was changed, cut off or put together otherwise."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.archive import FORMAT, Archive, NoExport, Reader, Writer, read_archive, trailer
from evidence.findings import Standing
from evidence.history import AUDIT, Entry, History
from evidence.verification import verify
from support.records import Record

STREAMS = ("flatten.arm", "flatten.requested", AUDIT, "flatten.completed")


def exported(history: History) -> list[bytes]:
    """The lines that `flatctl export` writes."""
    writer = Writer()
    body = [writer.entry(entry) for stream in STREAMS for entry in history.entries(stream)]
    header = writer.header(history.frame, exported_at_ms=1, software_version="0.1.0")
    return sealed([header, *body])


def sealed(lines: list[bytes]) -> list[bytes]:
    """With a trailer that fits, as whoever changes an export can make one, too."""
    return [*lines, trailer(len(lines), hashlib.sha256(b"".join(lines)).hexdigest())]


def entries_of(history: History) -> list[Entry]:
    return [entry for stream in STREAMS for entry in history.entries(stream)]


def the_lines() -> list[bytes]:
    return exported(Record().history)


def place_of(lines: list[bytes], stream: str, number: int) -> int:
    """Where the entry stands among the lines."""
    return [at for at, line in enumerate(lines) if json.loads(line).get("stream") == stream][number]


def told(archive: Archive) -> str:
    return "; ".join(finding.what for finding in archive.findings)


def test_an_export_is_the_same_history_and_gives_the_same_findings() -> None:
    history = Record().history

    archive = read_archive(exported(history))

    assert archive.findings == ()
    assert archive.history.frame == history.frame
    assert entries_of(archive.history) == entries_of(history)
    assert verify(archive.history) == verify(history)


@given(st.lists(st.tuples(st.binary(max_size=9), st.binary(max_size=9)), max_size=4))
def test_an_entry_is_kept_to_the_byte(fields: list[tuple[bytes, bytes]]) -> None:
    entry = Entry("dead", "1-1", tuple(fields))
    record = Record()
    record.extra.append(entry)
    writer = Writer()
    line = writer.entry(entry)

    archive = read_archive(sealed([writer.header(record.history.frame, exported_at_ms=1, software_version="0"), line]))

    assert archive.findings == ()
    assert archive.history.entries("dead") == [entry]


@pytest.mark.parametrize("left", range(1, 15))
def test_a_file_that_is_cut_off_between_lines_is_found(left: int) -> None:
    lines = the_lines()
    assert len(lines) > 12

    archive = read_archive(lines[: min(left, len(lines) - 1)])

    assert f"cut off after line {min(left, len(lines) - 1)}: it has no trailer" in told(archive)


def test_a_file_that_is_cut_off_in_a_line_is_found() -> None:
    lines = the_lines()

    archive = read_archive([*lines[:5], lines[5][:30]])

    assert "cut off after line 6: it has no trailer" in told(archive)


def test_what_cannot_be_unpacked_to_its_end_is_found() -> None:
    reader = Reader()
    for line in the_lines():
        reader.line(line)

    assert "cannot be read to its end: CRC check failed" in told(reader.close("CRC check failed"))


@given(st.data())
def test_any_change_to_a_line_is_found(data: st.DataObject) -> None:
    lines = the_lines()
    at = data.draw(st.integers(1, len(lines) - 2))
    where = data.draw(st.integers(0, len(lines[at]) - 2))
    other = data.draw(st.integers(32, 126).filter(lambda byte: byte != lines[at][where]))
    lines[at] = lines[at][:where] + bytes([other]) + lines[at][where + 1 :]

    assert "changed after it was written" in told(read_archive(lines))


@given(st.data())
def test_a_line_that_is_gone_is_found_whatever_the_trailer_says(data: st.DataObject) -> None:
    lines = the_lines()
    at = data.draw(st.integers(1, len(lines) - 2))
    stream = json.loads(lines[at])["stream"]

    plain = read_archive(lines[:at] + lines[at + 1 :])
    forged = read_archive(sealed(lines[:at] + lines[at + 1 : -1]))

    assert "the trailer counts" in told(plain)
    assert any(finding.stream == stream for finding in forged.findings)


def test_lines_that_changed_places_are_found_whatever_the_trailer_says() -> None:
    lines = the_lines()
    at = place_of(lines, AUDIT, 2)
    lines[at], lines[at + 1] = lines[at + 1], lines[at]

    archive = read_archive(sealed(lines[:-1]))

    moved = json.loads(lines[at + 1])["id"]
    assert [(finding.stream, finding.entry_id) for finding in archive.findings] == [(AUDIT, moved)]


def test_an_audit_entry_that_was_forged_with_a_fitting_trailer_is_named_by_the_chain() -> None:
    lines = the_lines()
    at = place_of(lines, AUDIT, 3)
    lines[at] = lines[at].replace(b"9.1", b"8.1")

    archive = read_archive(sealed(lines[:-1]))
    found = verify(archive.history)

    assert archive.findings == ()
    assert found.chain.verdict.standing is Standing.BROKEN
    assert [finding.entry_id for finding in found.chain.verdict.findings] == [json.loads(lines[at])["id"]]


def test_a_verdict_that_was_forged_with_a_fitting_trailer_is_not_what_the_audit_says() -> None:
    lines = the_lines()
    at = place_of(lines, "flatten.completed", 0)
    lines[at] = lines[at].replace(b'\\"verdict\\":\\"flat\\"', b'\\"verdict\\":\\"not_flat\\"')

    found = verify(read_archive(sealed(lines[:-1])).history)

    assert {check.name for check in found.verdicts if check.standing is Standing.BROKEN} == {"I8"}


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (the_lines()[0], "line 4 is a second header"),
        (b"{}\n", "line 4 cannot be read"),
        (b'{"kind":"entry","stream":"x","id":"1","fields":[]}\n', "line 4 is no entry"),
        (b'{"kind":"entry","stream":"x","id":"1-1","fields":[[{"base64":"?"},"a"]]}\n', "line 4 is no entry"),
    ],
)
def test_a_line_that_does_not_belong_there_is_found(line: bytes, what: str) -> None:
    lines = the_lines()

    assert what in told(read_archive(sealed([*lines[:3], line, *lines[3:-1]])))


def test_a_line_after_the_trailer_is_found() -> None:
    lines = the_lines()

    assert "stands after the trailer" in told(read_archive([*lines, lines[1]]))


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ([], "it is empty"),
        ([b"hello\n"], "its first line is no header"),
        ([the_lines()[1]], "its first line is no header"),
        ([the_lines()[0].replace(FORMAT.encode(), b"flatguard.export.v9")], "flatguard.export.v9"),
    ],
)
def test_what_is_no_export_is_not_read_as_one(lines: list[bytes], what: str) -> None:
    with pytest.raises(NoExport, match=what):
        read_archive(lines)
