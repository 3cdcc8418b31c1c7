"""One event in words."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from contracts.arming import Gate, GateVerdict
from contracts.flattening import RunVerdict
from notifier.core.notes import Kind, Note, Severity, note_of, note_of_dead_letter, one_line
from support.event_samples import EVENT_SAMPLES
from support.telling import accepted, flat, not_flat, refused
from support.tree import ROOT

TOLD = {"arm.accepted.v1", "arm.refused.v1", "flatten.completed.v1"}


def said(event: object) -> Note:
    note = note_of(event, "sim/main")  # type: ignore[arg-type]  # whatever the test gives
    assert note is not None
    return note


def test_these_events_are_told_and_no_other() -> None:
    assert {name for name, event in EVENT_SAMPLES.items() if note_of(event, "x") is not None} == TOLD


@pytest.mark.parametrize(
    ("verdict", "kind", "severity"),
    [
        (RunVerdict.FLAT, Kind.VERDICT, Severity.SUCCESS),
        (RunVerdict.FLAT_EXCEPT_DUST, Kind.VERDICT, Severity.SUCCESS),
        (RunVerdict.NOT_FLAT, Kind.RESIDUAL, Severity.FAILURE),
        (RunVerdict.ABORTED, Kind.RESIDUAL, Severity.FAILURE),
    ],
)
def test_only_a_flat_account_is_good_news(verdict: RunVerdict, kind: Kind, severity: Severity) -> None:
    note = said(replace(not_flat(), verdict=verdict))

    assert (note.kind, note.severity) == (kind, severity)
    assert note.headline.startswith(verdict.replace("_", " ").upper())


def test_a_residual_without_a_price_comes_first_and_is_never_no_dollars() -> None:
    (priced,) = not_flat().residual
    unpriced = replace(priced, symbol="NEWUSDT", quantity=None, notional_usd=None)

    note = said(replace(not_flat(), residual=(priced, unpriced), residual_unpriced=1))

    assert note.lines[0] == "open: NEWUSDT both unread (no price): untradable: status SETTLING"
    assert "and 1 without a price" in note.headline


def test_many_residuals_are_counted_beyond_the_largest() -> None:
    (one,) = not_flat().residual
    many = tuple(replace(one, symbol=f"S{number}", notional_usd=Decimal(number)) for number in range(50))

    note = said(replace(not_flat(), residual=many))

    assert note.lines[0].startswith("open: S49 ")
    assert [line for line in note.lines if line.startswith("open: ")][8:] == ["open: and 42 more"]


def test_why_a_run_was_aborted_is_told() -> None:
    note = said(replace(not_flat(), verdict=RunVerdict.ABORTED, abort_reason="asked by bob", residual=()))

    assert "aborted: asked by bob" in note.lines


def test_a_verdict_tells_people_where_the_audit_chain_stands() -> None:
    with_head, without = said(replace(not_flat(), audit_head="17:ab")), said(not_flat())

    assert "the audit chain stands at 17:ab" in with_head.lines
    assert len(without.lines) == len(with_head.lines) - 1


def test_an_arm_that_was_not_signed_leads_to_the_page_about_signatures() -> None:
    unsigned = GateVerdict(gate=Gate.ARM_AUTHENTIC, passed=False, observed="no signature", required="1 of 1")

    assert said(replace(refused(), gates=(unsigned,))).runbook == "docs/runbooks/signature-refused.md"


def test_what_others_wrote_stays_on_one_line_and_is_cut() -> None:
    note = said(replace(accepted(), operator="mallory\n[sim/main] FLAT", reason="x" * 1_000))

    assert "\n" not in note.headline
    assert max(len(line) for line in note.lines) < 250
    assert one_line("a\n b") == "a b"


def test_a_dead_letter_that_lacks_everything_is_told_all_the_same() -> None:
    assert note_of_dead_letter({}, "sim/main").headline.startswith("DEAD LETTER: an entry of an unknown stream")


@pytest.mark.parametrize(
    "note", [said(accepted()), said(refused()), said(flat()), said(not_flat()), note_of_dead_letter({}, "x")]
)
def test_every_runbook_is_there(note: Note) -> None:
    assert (ROOT / note.runbook).is_file()
