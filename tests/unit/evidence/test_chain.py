"""The chain is verified by its entries alone: whatever was done to it is found, and the entry named."""

from collections.abc import Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.chain import Head, beginning
from evidence.findings import Standing
from evidence.history import AUDIT, Entry, Frame, History
from evidence.links import CarriedOut, Chain, check_chain
from support.records import KEYS, NAMESPACE, Record, an_entry, chained, the_audit
from support.run_events import verified

LENGTHS = st.integers(1, 9)
WRITTEN_DOWN = "17:" + "ab" * 20


def a_chain(length: int) -> tuple[list[Entry], Head]:
    return chained(an_entry(verified(1, seen=number), number * 3) for number in range(length))


def looked_at(
    entries: Sequence[Entry], head: str | None, *, carried_out: Sequence[CarriedOut] = (), **frame: object
) -> Chain:
    whole = Frame(namespace=NAMESPACE, environment="sim", account="main", head=head)
    return check_chain(History(replace(whole, **frame), entries), carried_out)


def named(chain: Chain) -> set[str]:
    return {finding.entry_id for finding in chain.verdict.findings}


@given(LENGTHS)
def test_a_chain_that_nobody_touched_holds(length: int) -> None:
    entries, head = a_chain(length)

    chain = looked_at(entries, str(head))

    assert chain.verdict.standing is Standing.HOLDS
    assert (chain.first, chain.last, chain.head, chain.unchained) == (1, length, str(head), 0)


@given(length=LENGTHS, data=st.data())
def test_any_entry_that_is_changed_is_found_and_named(length: int, data: st.DataObject) -> None:
    entries, head = a_chain(length)
    at = data.draw(st.integers(0, length - 1))
    field = data.draw(st.integers(0, len(entries[at].fields) - 1))
    place = data.draw(st.sampled_from([0, 1]))
    pair = list(entries[at].fields[field])
    pair[place] = data.draw(st.binary(max_size=60).filter(lambda other: other != pair[place]))
    fields = list(entries[at].fields)
    fields[field] = (pair[0], pair[1])
    entries[at] = Entry(AUDIT, entries[at].id, tuple(fields))

    chain = looked_at(entries, str(head))

    assert chain.verdict.standing is not Standing.HOLDS
    assert named(chain) & {entry.id for entry in entries[max(0, at - 1) : at + 2]}


@given(length=LENGTHS, data=st.data())
def test_an_entry_with_another_id_is_found_and_named(length: int, data: st.DataObject) -> None:
    entries, head = a_chain(length)
    at = data.draw(st.integers(0, length - 1))
    first, _, _ = entries[at].id.partition("-")
    entries[at] = Entry(AUDIT, f"{int(first) + 1}-0", entries[at].fields)

    chain = looked_at(entries, str(head))

    assert chain.verdict.standing is Standing.BROKEN
    assert named(chain) == {entries[at].id}


@given(length=st.integers(2, 9), data=st.data())
def test_entries_that_are_gone_are_counted_and_the_next_one_is_named(length: int, data: st.DataObject) -> None:
    entries, head = a_chain(length)
    begin = data.draw(st.integers(1, length - 1))
    end = data.draw(st.integers(begin + 1, length))
    left = entries[:begin] + entries[end:]

    chain = looked_at(left, str(head))

    (finding,) = chain.verdict.findings
    assert chain.verdict.standing is Standing.BROKEN
    assert finding.entry_id == (entries[end].id if end < length else entries[begin - 1].id)
    assert finding.what.startswith(f"{end - begin} entries are missing" if end - begin > 1 else "1 entry is missing")


@given(length=st.integers(2, 9), data=st.data())
def test_entries_that_changed_places_are_found(length: int, data: st.DataObject) -> None:
    entries, head = a_chain(length)
    one, other = data.draw(st.tuples(st.integers(0, length - 1), st.integers(0, length - 1)))
    assume(one < other)
    swapped = list(entries)
    swapped[one] = Entry(AUDIT, entries[one].id, entries[other].fields)
    swapped[other] = Entry(AUDIT, entries[other].id, entries[one].fields)

    chain = looked_at(swapped, str(head))

    assert chain.verdict.standing is Standing.BROKEN
    assert named(chain) & {swapped[one].id, swapped[other].id}


@given(length=st.integers(2, 9), data=st.data())
def test_entries_that_stand_in_another_order_are_found_and_named(length: int, data: st.DataObject) -> None:
    entries, head = a_chain(length)
    other = data.draw(st.permutations(entries).filter(lambda permuted: permuted != entries))

    chain = looked_at(other, str(head))

    assert chain.verdict.standing is Standing.BROKEN
    assert named(chain) <= {entry.id for entry in entries}


def test_entries_behind_those_that_came_after_them_are_called_out_of_order() -> None:
    entries, head = a_chain(4)
    entries[1], entries[2] = entries[2], entries[1]

    (finding,) = looked_at(entries, str(head)).verdict.findings

    assert (finding.entry_id, finding.what) == (
        entries[2].id,
        "out of order: it is entry 2 of the chain, and stands after 3",
    )


@given(length=LENGTHS, data=st.data())
def test_an_entry_that_is_there_twice_is_found_and_named(length: int, data: st.DataObject) -> None:
    entries, head = a_chain(length)
    at = data.draw(st.integers(0, length - 1))
    first, _, _ = entries[at].id.partition("-")
    twice = Entry(AUDIT, f"{int(first) + 1}-0", entries[at].fields)

    chain = looked_at([*entries[: at + 1], twice, *entries[at + 1 :]], str(head))

    assert chain.verdict.standing is Standing.BROKEN
    assert twice.id in named(chain)


@given(length=LENGTHS, data=st.data())
def test_an_entry_without_a_link_after_the_chain_began_is_found_and_named(length: int, data: st.DataObject) -> None:
    entries, head = a_chain(length)
    at = data.draw(st.integers(1, length))
    forged = an_entry(verified(7), (at - 1) * 3 + 1)

    chain = looked_at([*entries[:at], forged, *entries[at:]], str(head))

    assert chain.verdict.standing is Standing.BROKEN
    assert named(chain) == {forged.id}


@given(length=st.integers(2, 9), gone=st.integers(1, 8))
def test_a_beginning_that_is_gone_cannot_be_told_from_one_that_was_trimmed(length: int, gone: int) -> None:
    assume(gone < length)
    entries, head = a_chain(length)
    _, at_the_cut = a_chain(gone)

    alone = looked_at(entries[gone:], str(head))
    known = looked_at(entries[gone:], str(head), carried_out=[CarriedOut(head=at_the_cut, where="--head")])
    exported = looked_at(entries[gone:], str(head), before=str(entries[0].fields[0][1].decode()))

    assert alone.verdict.standing is Standing.CANNOT_BE_SHOWN
    assert "trimmed, or lost" in alone.verdict.findings[0].what
    assert known.verdict.standing is Standing.HOLDS
    assert exported.verdict.standing is Standing.BROKEN


@given(LENGTHS, LENGTHS)
def test_entries_that_are_older_than_the_chain_are_counted_and_prove_nothing(old: int, length: int) -> None:
    unchained = [an_entry(verified(1), number - 100) for number in range(old)]
    entries, head = a_chain(length)

    chain = looked_at([*unchained, *entries], str(head))

    assert (chain.verdict.standing, chain.unchained, chain.first) == (Standing.HOLDS, old, 1)


def test_where_links_were_taken_off_the_first_entries_the_numbers_say_so() -> None:
    entries, head = a_chain(5)
    stripped = [Entry(AUDIT, entry.id, entry.fields[1:]) for entry in entries[:2]]

    chain = looked_at([*stripped, *entries[2:]], str(head))

    assert chain.verdict.standing is Standing.CANNOT_BE_SHOWN
    assert named(chain) == {entries[2].id}


def test_where_all_links_were_taken_off_the_head_says_so() -> None:
    entries, head = a_chain(5)

    chain = looked_at([Entry(AUDIT, entry.id, entry.fields[1:]) for entry in entries], str(head))

    assert chain.verdict.standing is Standing.BROKEN
    assert named(chain) == {entries[4].id}


def test_an_empty_stream_with_a_head_was_trimmed_or_lost() -> None:
    assert looked_at([], "5:" + "ab" * 20).verdict.standing is Standing.CANNOT_BE_SHOWN
    assert looked_at([], "").verdict.standing is Standing.HOLDS


@pytest.mark.parametrize("head", ["", "garbage", WRITTEN_DOWN, "2:" + "0" * 40, "1:" + "0" * 40])
def test_a_head_that_is_not_the_chains_is_found(head: str) -> None:
    entries, _ = a_chain(2)

    assert looked_at(entries, head).verdict.standing is Standing.BROKEN


def test_a_chain_that_began_anew_is_found() -> None:
    lost, _ = a_chain(2)
    anew, head = chained(an_entry(verified(1), 50 + number) for number in range(2))

    chain = looked_at([*lost, *anew], str(head))

    (finding,) = chain.verdict.findings
    assert (finding.entry_id, chain.last) == (anew[0].id, 2)
    assert "begins anew" in finding.what


def test_a_verdict_from_before_the_chain_began_anew_is_no_further_finding() -> None:
    record = Record()
    history = record.history
    anew, head = chained(an_entry(verified(1), 50 + number) for number in range(20))
    entries = [*history.entries(AUDIT), *anew, *history.entries("flatten.completed")]

    (finding,) = check_chain(History(replace(history.frame, head=str(head)), entries)).verdict.findings

    assert finding.entry_id == anew[0].id


def test_the_chain_of_another_stream_is_found() -> None:
    entries, head = chained([an_entry(verified(1), 1)], beginning("quantum:gov:live:stream:flatten.audit"))

    assert looked_at(entries, str(head)).verdict.standing is Standing.BROKEN
    assert KEYS.stream(AUDIT) in looked_at(entries, str(head)).verdict.findings[0].what


def test_a_whole_chain_that_was_worked_out_anew_shows_by_the_head_that_somebody_noted() -> None:
    entries, head = a_chain(4)
    forged, new_head = chained(an_entry(verified(9), number * 3) for number in range(4))
    noted = CarriedOut(head=head, where="the log")

    assert looked_at(forged, str(new_head)).verdict.standing is Standing.HOLDS
    found = looked_at(forged, str(new_head), carried_out=[noted])
    assert found.verdict.standing is Standing.BROKEN
    assert named(found) == {entries[3].id}


def test_a_failover_that_lost_the_end_with_its_head_shows_by_the_head_that_somebody_noted() -> None:
    entries, head = a_chain(4)
    shorter, old_head = a_chain(2)
    noted = CarriedOut(head=head, where="the log")

    assert looked_at(shorter, str(old_head)).verdict.standing is Standing.HOLDS
    (finding,) = looked_at(shorter, str(old_head), carried_out=[noted]).verdict.findings
    assert finding.what.startswith("2 entries are missing at the end: the log saw the chain at 4:")
    assert len(entries) == 4


def test_a_verdict_carries_the_head_and_the_chain_must_pass_through_it() -> None:
    record = Record()
    good = check_chain(record.history)
    record.completed[-1] = replace(record.completed[-1])
    rewritten = Record(*the_audit()[:-1])
    history = record.history
    forged = History(
        replace(history.frame, head=rewritten.history.frame.head),
        [*rewritten.history.entries(AUDIT), *history.entries("flatten.completed")],
    )

    assert good.verdict.standing is Standing.HOLDS
    (finding,) = check_chain(forged).verdict.findings
    assert finding.stream == "flatten.completed"
    assert "the verdict of req-1 saw the chain at" in finding.what
