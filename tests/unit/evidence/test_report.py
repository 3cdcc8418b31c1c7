"""What a report says of a run, and that it says nothing that its entries do not show."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from contracts.arming import ArmRefused
from contracts.flattening import Counts, OrderState, PositionFate, PositionOutcome, RunFinished, RunVerdict
from contracts.positions import (
    AllocationCheck,
    AllocationStateChanged,
    AllocationVerdict,
    OpenPosition,
    PositionSnapshot,
)
from contracts.vocabulary import Environment, PositionSide
from evidence.history import AUDIT, Entry
from evidence.report.document import Document, make
from evidence.report.model import Alarm, Mark, Report
from evidence.report.selecting import NoSuchRun, last_run, select
from support.people import ALICE, BOB, operators
from support.people import an_entry as a_person
from support.records import Record, a_request, a_verdict, an_entry, finished, the_audit
from support.run_events import T0_MS, refused, residual, resolved

NAMES = ("flags", "ESS", "arm key", "flatten log", "cooldown", "positions flat", "reduce-only", "trading normal")


def document_of(record: Record, **options: Any) -> Document:
    values = {"operators": None, "made_at_ms": T0_MS + 9_000, "software_version": "0.1.0", **options}
    return make(record.history, "req-1", **values)


def report_of(record: Record, **options: Any) -> Report:
    return document_of(record, **options).report


def marks(report: Report) -> dict[str, Mark]:
    return {item.name: item.mark for item in report.checklist}


def checked(symbol: str, verdict: AllocationVerdict, at: int) -> Entry:
    check = AllocationCheck(symbol=symbol, verdict=verdict, position_usd=Decimal(0))
    event = AllocationStateChanged(check=check, previous=None, snapshot_id="s-2", checked_at_ms=T0_MS + at)
    return an_entry(event, at)


def snapshot(at: int, *positions: OpenPosition, snapshot_id: str = "s-1", taken_at_ms: int | None = None) -> Entry:
    event = PositionSnapshot(
        snapshot_id=snapshot_id,
        venue="binanceusdm",
        environment=Environment.SIM,
        account="main",
        sequence=1,
        taken_at_ms=T0_MS + at if taken_at_ms is None else taken_at_ms,
        read_ms=5,
        symbols_seen=3,
        positions=positions,
        marks={},
    )
    return an_entry(event, at)


def open_one() -> Record:
    """One of two positions is left."""
    counts = Counts(
        seen=3, zero=1, nonzero=2, filtered=2, sent=2, ok=1, orders_sent=2, orders_ok=1, errors=1, unknown=0
    )
    record = Record()
    told = a_verdict()
    left = replace(told.outcomes[0], quantity_after=Decimal("4.1"), filled_quantity=Decimal(5), fate=PositionFate.OPEN)
    changed: dict[str, Any] = {
        "verdict": RunVerdict.NOT_FLAT,
        "counts": counts,
        "outcomes": (left, told.outcomes[1]),
        "residual": (residual("ETHUSDT", "4.1", "410"),),
        "residual_notional_usd": Decimal(410),
    }
    record.completed = [a_verdict(**changed)]
    record.audit[5] = resolved("ETHUSDT", "5", state=OrderState.PARTIAL)
    record.audit[-1] = finished(
        verdict=RunVerdict.NOT_FLAT, counts=counts, residual_notional_usd=changed["residual_notional_usd"]
    )
    return record


def test_a_flat_run_is_calm_and_every_line_is_there() -> None:
    report = report_of(Record())

    assert report.headline.alarm is Alarm.CALM
    assert report.headline.text.startswith("FLAT: nothing is open; the exchange was read at 2026-01-28")
    assert tuple(marks(report)) == NAMES
    assert {name for name, mark in marks(report).items() if mark is Mark.PASS} == set(NAMES) - {"trading normal"}
    assert marks(report)["trading normal"] is Mark.NOT_SHOWN


def test_what_is_left_open_stands_in_the_first_line() -> None:
    report = report_of(open_one())

    assert report.headline.alarm is Alarm.OPEN
    assert report.headline.text == "STILL OPEN: 1 positions, $410.00."
    assert marks(report)["positions flat"] is Mark.FAIL
    assert report.exposure is not None
    assert (report.exposure.before_usd, report.exposure.after_usd) == (Decimal("910.2"), Decimal(410))


def test_without_a_verdict_nobody_says_flat() -> None:
    record = Record(*the_audit())
    record.completed = []

    report = report_of(record)

    assert report.headline.alarm is Alarm.UNSURE
    assert report.headline.text.startswith("NO VERDICT is on record")
    assert (report.ended, report.exposure) == (None, None)
    assert marks(report)["positions flat"] is marks(report)["flatten log"] is Mark.NOT_SHOWN
    assert [position.fate for position in report.positions] == [None, None]


def test_an_aborted_run_of_which_nothing_was_read_is_not_called_flat() -> None:
    record = Record()
    timings = replace(a_verdict().timings, verified_at_ms=None)
    record.completed = [a_verdict(verdict=RunVerdict.ABORTED, abort_reason="the latch was cleared", timings=timings)]
    record.audit[-1] = finished(verdict=RunVerdict.ABORTED)

    report = report_of(record)

    assert report.headline.text.startswith("NOT PROVED FLAT. STILL OPEN: unknown")
    assert "the latch was cleared" in report.headline.text
    assert marks(report)["positions flat"] is Mark.NOT_SHOWN


def test_dust_that_is_left_is_told() -> None:
    record = Record()
    told = a_verdict()
    dust = PositionOutcome(
        symbol="XRPUSDT",
        position_side=PositionSide.BOTH,
        quantity_before=Decimal("0.1"),
        quantity_after=Decimal("0.1"),
        mark_price=Decimal(3),
        notional_usd=Decimal("0.3"),
        fate=PositionFate.DUST,
    )
    counts = replace(told.counts, seen=4, nonzero=3, dust=1)
    changed: dict[str, Any] = {
        "verdict": RunVerdict.FLAT_EXCEPT_DUST,
        "counts": counts,
        "outcomes": (*told.outcomes, dust),
        "residual": (residual("XRPUSDT", "0.1", "0.3", "dust"),),
        "residual_notional_usd": Decimal("0.3"),
    }
    record.completed = [a_verdict(**changed)]
    record.audit[-1] = finished(verdict=RunVerdict.FLAT_EXCEPT_DUST, counts=counts)

    report = report_of(record)

    assert report.headline.text == "FLAT EXCEPT DUST. STILL OPEN: 1 positions, $0.30, which is dust"
    assert (report.headline.alarm, marks(report)["positions flat"]) == (Alarm.CALM, Mark.PASS)


def test_a_record_that_is_broken_comes_before_what_it_says_and_nothing_passes_by_it() -> None:
    record = Record()
    history = record.history
    audit = history.entries(AUDIT)
    entry = audit[3]
    audit[3] = Entry(entry.stream, entry.id, (*entry.fields[:-1], (b"data", entry.fields[-1][1] + b" ")))

    report = make(history, "req-1", operators=None, made_at_ms=1, software_version="0.1.0").report

    assert report.headline.alarm is Alarm.OPEN
    assert report.headline.text.startswith("THE RECORD IS NOT AS IT MUST BE (chain). It says: FLAT")
    assert Mark.PASS not in marks(report).values()
    assert entry.id in str(report.record)


def test_each_position_leads_from_its_quantity_over_orders_to_fills() -> None:
    report = report_of(Record())

    ethereum, bitcoin = report.positions
    assert (ethereum.symbol, ethereum.quantity_before) == ("ETHUSDT", Decimal("9.1"))
    assert ethereum.quantity_after == 0
    (order,) = ethereum.orders
    assert (order.client_order_id, order.exchange_order_id) == ("ETHUSDT-0", "4711")
    assert (order.quantity, order.filled_quantity, order.state) == (Decimal("9.1"), Decimal("9.1"), "filled")
    assert order.intent.startswith(f"{AUDIT} ")
    assert bitcoin.orders[0].side == "buy"


@pytest.mark.parametrize(
    ("verdicts", "mark"),
    [
        ({"ETHUSDT": AllocationVerdict.FLAT, "BTCUSDT": AllocationVerdict.WITHIN_BURST}, Mark.PASS),
        ({"ETHUSDT": AllocationVerdict.FLAT}, Mark.NOT_SHOWN),
        ({"ETHUSDT": AllocationVerdict.FLAT, "BTCUSDT": AllocationVerdict.STALE}, Mark.NOT_SHOWN),
        ({"ETHUSDT": AllocationVerdict.BREACH, "BTCUSDT": AllocationVerdict.FLAT}, Mark.FAIL),
        ({"OTHERUSDT": AllocationVerdict.BREACH}, Mark.FAIL),
        ({}, Mark.NOT_SHOWN),
    ],
)
def test_trading_is_normal_when_each_symbol_of_the_run_is_within_and_none_is_in_breach(
    verdicts: dict[str, AllocationVerdict], mark: Mark
) -> None:
    record = Record()
    record.extra = [checked(symbol, verdict, 500 + at) for at, (symbol, verdict) in enumerate(verdicts.items())]

    assert marks(report_of(record))["trading normal"] is mark


def test_what_p29_said_before_the_decision_counts_for_nothing() -> None:
    record = Record()
    record.extra = [
        checked(symbol, AllocationVerdict.FLAT, -50 + at) for at, symbol in enumerate(("ETHUSDT", "BTCUSDT"))
    ]

    assert marks(report_of(record))["trading normal"] is Mark.NOT_SHOWN


def test_the_snapshot_before_and_the_first_one_after_are_told_and_a_trimmed_one_by_its_name_alone() -> None:
    held = OpenPosition(
        symbol="ETHUSDT",
        position_side=PositionSide.BOTH,
        quantity=Decimal("9.1"),
        entry_price=None,
        mark_price=Decimal(100),
    )
    record = Record()
    arm = record.arms[0]
    record.requests = [a_request(arm, snapshot_id="s-1", snapshot_age_ms=40)]
    trimmed = report_of(record).snapshot
    early = snapshot(430, snapshot_id="s-2", taken_at_ms=T0_MS + 100)
    record.extra = [snapshot(-40, held), early, snapshot(900, snapshot_id="s-3"), snapshot(950, snapshot_id="s-4")]

    report = report_of(record)

    assert trimmed is not None
    assert (trimmed.entry, trimmed.snapshot_id, trimmed.positions) == ("", "s-1", None)
    assert report.snapshot is not None
    assert (report.snapshot.notional_usd, report.snapshot.age_ms) == (Decimal(910), 40)
    assert report.afterwards is not None
    assert (report.afterwards.snapshot_id, report.afterwards.positions) == ("s-3", 0)


def test_only_what_shows_the_run_is_taken_and_of_the_audit_an_unbroken_piece() -> None:
    other = refused(arm_id="other")
    record = Record(refused(arm_id="before"), *the_audit()[:3], other, *the_audit()[3:], finished())

    document = document_of(record)

    audit = document.history.entries(AUDIT)
    kinds = [dict(entry.fields)[b"type"].decode() for entry in audit]
    assert len(audit) == len(record.audit) - 1
    assert kinds.count(ArmRefused.event_type()) == 1
    assert kinds[-1] == RunFinished.event_type()
    assert document.report.record.standing == "holds"
    assert document.frame.since_ms is not None


def test_a_run_that_nobody_knows_makes_no_report_and_the_last_one_is_found() -> None:
    history = Record().history

    assert last_run(history) == "req-1"
    with pytest.raises(NoSuchRun, match="no entry tells of req-9"):
        select(history, "req-9")


def test_signatures_are_looked_at_again_with_the_operators_and_only_the_keys_that_signed_are_kept() -> None:
    record = Record()
    arm = ALICE.sign(record.arms[0])
    record.arms, record.requests = [arm], [a_request(arm)]
    who = operators(a_person(ALICE, "alice"), a_person(BOB, "bob"))

    told = document_of(record, operators=who)
    untold = document_of(record)

    assert told.report.arm is not None
    (row,) = told.report.arm.signatures
    assert (row.signer, row.counts) == ("alice", True)
    assert told.report.arm.signatures_told == "signed by alice (1 of 1)"
    assert told.operators is not None
    assert [key.name for key in told.operators.keys] == ["alice"]
    assert untold.report.arm is not None
    assert untold.report.arm.signatures[0].counts is False
    assert "not verified" in untold.report.arm.signatures[0].what
