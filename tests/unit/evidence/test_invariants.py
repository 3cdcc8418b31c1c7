"""Each invariant that the streams can show: a good run holds, and what breaks it is found, with the entry."""

import pytest
from msgspec.structs import replace

from authority.operators import Operators
from contracts.flattening import RunVerdict
from evidence.findings import Standing, Verdict
from evidence.history import AUDIT, Entry, GroupSeen, StreamSeen
from evidence.verification import verify
from support import spoiled_records as spoiled
from support.people import ALICE, EVE, operators
from support.people import an_entry as a_key
from support.records import NAMESPACE, Record, a_request, an_acceptance, an_entry, cooled
from support.run_events import T0_MS, started, verified

INVARIANTS = ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11"]


def verdict_of(record: Record, name: str, operators: Operators | None = None) -> Verdict:
    return next(check for check in verify(record.history, operators=operators).verdicts if check.name == name)


def test_a_run_that_went_well_holds_in_everything_that_the_streams_can_show() -> None:
    found = verify(Record().history)

    assert [check.name for check in found.verdicts] == ["chain", "entries", *INVARIANTS]
    assert [check for check in found.verdicts if check.standing is not Standing.HOLDS] == []
    assert all(check.looked_at for check in found.verdicts)


def test_nothing_on_record_holds() -> None:
    record = Record()
    record.arms, record.requests, record.audit, record.completed = [], [], [], []

    assert verify(record.history).standing is Standing.HOLDS


@pytest.mark.parametrize(
    ("name", "spoil", "stream"),
    [
        ("I1", spoiled.a_second_request, "flatten.requested"),
        ("I1", spoiled.a_second_acceptance, AUDIT),
        ("I2", spoiled.an_expired_arm, "flatten.requested"),
        ("I2", spoiled.an_arm_from_the_future, "flatten.requested"),
        ("I2", spoiled.an_arm_that_was_refused, AUDIT),
        ("I2", spoiled.an_arm_that_was_taken_back, AUDIT),
        ("I2", spoiled.an_arm_that_nobody_asked_for, "flatten.requested"),
        ("I2", spoiled.an_arm_that_was_asked_for_otherwise, "flatten.requested"),
        ("I2", spoiled.an_unsigned_arm_of_an_exchange, "flatten.requested"),
        ("I3", spoiled.a_gate_that_failed, "flatten.requested"),
        ("I3", spoiled.a_gate_without_a_verdict, AUDIT),
        ("I3", spoiled.orders_without_a_request, AUDIT),
        ("I3", spoiled.orders_without_a_decision, AUDIT),
        ("I3", spoiled.a_decision_after_the_orders, AUDIT),
        ("I4", spoiled.two_arms_too_soon, AUDIT),
        ("I5", spoiled.an_order_on_the_same_side, AUDIT),
        ("I5", spoiled.an_order_for_no_position, AUDIT),
        ("I5", spoiled.an_order_for_a_leg_that_is_none, AUDIT),
        ("I6", spoiled.more_than_the_position, AUDIT),
        ("I6", spoiled.chunks_that_are_more_than_the_position, AUDIT),
        ("I6", spoiled.a_fill_beyond_the_order, AUDIT),
        ("I6", spoiled.a_sign_that_changed, "flatten.completed"),
        ("I7", spoiled.one_id_for_two_orders, AUDIT),
        ("I7", spoiled.two_ids_for_one_order, AUDIT),
        ("I7", spoiled.a_new_order_while_one_is_in_doubt, AUDIT),
        ("I7", spoiled.a_new_order_before_the_first_was_heard_of, AUDIT),
        ("I8", spoiled.counts_that_are_not_the_audits, "flatten.completed"),
        ("I8", spoiled.fewer_positions_than_counted, "flatten.completed"),
        ("I8", spoiled.more_filled_than_on_record, "flatten.completed"),
        ("I8", spoiled.more_sent_than_intended, "flatten.completed"),
        ("I8", spoiled.counts_that_do_not_sum, "flatten.completed"),
        ("I9", spoiled.flat_without_a_reading, "flatten.completed"),
        ("I9", spoiled.flat_by_an_early_reading, "flatten.completed"),
        ("I9", spoiled.flat_by_a_reading_that_began_too_early, AUDIT),
        ("I9", spoiled.flat_with_an_order_after_the_reading, AUDIT),
        ("I9", spoiled.flat_by_a_reading_that_showed_something_open, AUDIT),
        ("I9", spoiled.flat_by_a_reading_that_could_not_be_read, AUDIT),
        ("I10", spoiled.an_answer_without_an_intent, AUDIT),
        ("I10", spoiled.an_intent_after_the_answer, AUDIT),
        ("I10", spoiled.a_verdict_that_names_an_unknown_order, "flatten.completed"),
        ("I11", spoiled.a_request_that_was_acknowledged_without_a_verdict, "flatten.requested"),
        ("I11", spoiled.an_arm_that_was_acknowledged_without_a_decision, "flatten.arm"),
    ],
)
def test_what_breaks_an_invariant_is_found_and_its_entry_named(name: str, spoil: spoiled.Spoil, stream: str) -> None:
    record = Record()
    spoil(record)
    if name == "I11" and not record.audit:  # the whole of it is here, and one entry tells of something else
        record.audit = [started("req-9")]

    found = verdict_of(record, name)

    assert found.standing is Standing.BROKEN
    assert [finding.stream for finding in found.findings if finding.certain][:1] == [stream]
    assert all(finding.entry_id for finding in found.findings)


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("I2", spoiled.an_arm_that_nobody_asked_for),
        ("I3", spoiled.orders_without_a_request),
        ("I3", spoiled.orders_without_a_decision),
        ("I10", spoiled.an_answer_without_an_intent),
        ("I11", spoiled.a_request_that_was_acknowledged_without_a_verdict),
    ],
)
def test_what_may_stand_before_the_period_cannot_be_shown(name: str, spoil: spoiled.Spoil) -> None:
    record = Record(since_ms=T0_MS - 3)
    record.audit = [event for event in record.audit if event.event_type() != "run.started.v1"]
    if name == "I10":
        del record.audit[2]
    else:
        spoil(record)

    assert verdict_of(record, name).standing is Standing.CANNOT_BE_SHOWN


def test_what_may_stand_after_the_period_cannot_be_shown_i11() -> None:
    record = Record(until_ms=T0_MS + 1_000)
    spoiled.a_request_that_was_acknowledged_without_a_verdict(record)

    assert verdict_of(record, "I11").standing is Standing.CANNOT_BE_SHOWN


def test_a_cooldown_that_is_not_on_record_cannot_be_shown_i4() -> None:
    record = Record()
    unsaid = tuple(replace(gate, required="as it must be") for gate in cooled())
    record.audit.append(replace(an_acceptance("req-2", "arm-2"), gates=unsaid))

    assert verdict_of(record, "I4").standing is Standing.CANNOT_BE_SHOWN


def test_a_command_that_is_pending_or_a_dead_letter_needs_no_outcome_i11() -> None:
    pending, buried, unread = Record(), Record(), Record()
    pending.completed = buried.completed = unread.completed = []
    pending.pending = (an_entry(pending.requests[0], 0).id,)
    letter = (
        (b"dead_stream", f"{NAMESPACE}:stream:flatten.requested".encode()),
        (b"dead_entry_id", pending.pending[0].encode()),
    )
    buried.extra.append(Entry("dead", f"{T0_MS + 500}-0", letter))
    unread.frame["streams"] = (
        StreamSeen(name="flatten.completed", removed=0),
        StreamSeen(name="flatten.requested", removed=0, group=GroupSeen(last_delivered="0-0", pending=())),
        StreamSeen(name="flatten.arm", removed=0, group=GroupSeen(last_delivered="0-0", pending=())),
    )

    assert [verdict_of(record, "I11").standing for record in (pending, buried, unread)] == [Standing.HOLDS] * 3


def test_how_far_a_stream_was_read_must_be_on_record_i11() -> None:
    assert verdict_of(Record(streams=()), "I11").standing is Standing.CANNOT_BE_SHOWN


def test_times_of_two_executors_are_not_compared_i9() -> None:
    record = Record()
    record.audit[7] = replace(verified(1), fence=2)

    assert verdict_of(record, "I9").standing is Standing.HOLDS


def test_a_run_that_is_not_flat_needs_no_reading_i9() -> None:
    record = Record()
    spoiled.flat_without_a_reading(record)
    record.completed[0] = replace(record.completed[0], verdict=RunVerdict.NOT_FLAT)

    assert verdict_of(record, "I9").standing is Standing.HOLDS


def test_signatures_are_verified_where_the_operators_are_known_i2() -> None:
    record = Record()
    record.arms[0] = ALICE.sign(record.arms[0])
    record.requests[0] = a_request(record.arms[0])

    assert verdict_of(record, "I2", operators()).standing is Standing.HOLDS
    assert verdict_of(record, "I2").standing is Standing.CANNOT_BE_SHOWN
    assert verdict_of(record, "I2", operators(a_key(EVE, "alice"))).standing is Standing.CANNOT_BE_SHOWN


def test_a_signature_of_another_arm_is_found_i2() -> None:
    record = Record()
    signed = ALICE.sign(replace(record.arms[0], reason="another arm"))
    record.arms[0] = replace(record.arms[0], signatures=signed.signatures)
    record.requests[0] = a_request(record.arms[0])

    assert verdict_of(record, "I2", operators()).standing is Standing.BROKEN


def test_what_this_version_cannot_read_is_told() -> None:
    record = Record()
    record.extra.append(Entry("flatten.completed", f"{T0_MS + 900}-0", ((b"type", b"flatten.completed.v9"),)))

    assert verdict_of(record, "entries").standing is Standing.CANNOT_BE_SHOWN
