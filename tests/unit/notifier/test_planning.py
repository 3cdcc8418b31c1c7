"""What is told next: bounded, the oldest first, and no place beyond what was told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from notifier.core.notes import note_of
from notifier.core.pace import BURST, EVERY_S, Pace
from notifier.core.planning import (
    BODY_MAX,
    EXPIRED_AFTER_MS,
    LATE_AFTER_MS,
    MANY,
    TITLE_MAX,
    Item,
    Page,
    covering,
    expired,
    in_order,
    next_telling,
)
from support.telling import accepted, flat, not_flat, refused

NOW_MS = 1_769_571_479_123
EVENTS = {"a": accepted(), "r": refused(), "f": flat(), "n": not_flat()}


def item(age_ms: int = 0, letter: str = "r", stream: str = "flatten.audit", number: int = 0) -> Item:
    note = note_of(EVENTS[letter], "sim/main")
    assert note is not None
    return Item(stream=stream, entry_id=f"{NOW_MS - age_ms}-{number}", note=note)


def page(*items: Item, up_to: str = f"{NOW_MS}-9") -> Page:
    return Page(items=items, read_up_to=up_to)


def test_a_few_fresh_ones_are_told_one_by_one_the_oldest_first() -> None:
    telling = next_telling([item(3, "a"), item(2, "n")], NOW_MS)

    assert telling.items == (item(3, "a"),)
    assert telling.message.title == "[sim/main] ARM ACCEPTED from alice: a flatten begins"


def test_many_are_told_in_one_message_as_bad_as_the_worst() -> None:
    many = [item(9 - number, "r", number=number) for number in range(MANY)] + [item(0, "n")]

    telling = next_telling(many, NOW_MS)

    assert telling.items == tuple(many)
    assert telling.message.title == "[testnet/main] at once, runs with something still open: 1, arms refused: 5"
    assert telling.message.severity == "failure"
    assert telling.message.body.index("NOT FLAT") < telling.message.body.index("ARM REFUSED")


def test_late_ones_are_told_together_and_the_fresh_ones_after_them() -> None:
    late = [item(LATE_AFTER_MS + 2, "a"), item(LATE_AFTER_MS + 1, "f")]

    telling = next_telling([*late, item(5, "n")], NOW_MS)

    assert telling.items == tuple(late)
    assert "told late" in telling.message.title


def test_a_single_late_one_says_that_it_is_late() -> None:
    assert "told late" in next_telling([item(LATE_AFTER_MS + 1, "a")], NOW_MS).message.title
    assert "told late" not in next_telling([item(LATE_AFTER_MS, "a")], NOW_MS).message.title


def test_what_is_a_day_old_is_expired() -> None:
    items = [item(EXPIRED_AFTER_MS + 1), item(EXPIRED_AFTER_MS)]

    assert expired(items, NOW_MS) == (items[0],)


@pytest.mark.parametrize("many", [1, MANY + 1])
def test_a_long_message_is_cut_and_keeps_its_end(many: int) -> None:
    (one,) = not_flat().residual
    long = note_of(replace(not_flat(), residual=(replace(one, reason="x" * 500),) * 50), "sim/main")
    assert long is not None
    items = [replace(item(many - number, "n", number=number), note=long) for number in range(many)]

    message = next_telling(items, NOW_MS).message

    assert len(message.body) <= BODY_MAX
    assert "…\n" in message.body
    assert message.body.splitlines()[-1].startswith("runbook: " if many == 1 else "from ")


def test_streams_are_told_in_the_order_of_their_entries() -> None:
    audit, completed = item(10, "a"), item(5, "f", "flatten.completed")

    assert in_order({"flatten.completed": page(completed), "flatten.audit": page(audit)}) == (audit, completed)
    assert in_order({"s": page(item(0, number=10), item(0, number=9))})[0].entry_id.endswith("-9")


def test_a_place_covers_what_was_told_and_what_nobody_is_told_of() -> None:
    first, second = item(9, "a"), item(5, "r")
    pages = {"flatten.audit": page(first, second), "flatten.completed": page(item(7, "f", "flatten.completed")),
             "dead": page(up_to="7-7")}  # fmt: skip

    assert covering(pages, [first]) == {"flatten.audit": first.entry_id, "dead": "7-7"}
    assert covering(pages, in_order(pages)) == {name: some.read_up_to for name, some in pages.items()}


@given(st.lists(st.tuples(st.integers(0, 2 * EXPIRED_AFTER_MS), st.sampled_from("arfn")), min_size=1, max_size=40))
def test_every_event_is_told_or_expired_once_in_bounded_messages(drawn: list[tuple[int, str]]) -> None:
    events = sorted(drawn, reverse=True)
    waiting = [item(age, letter, number=number) for number, (age, letter) in enumerate(events)]
    done: list[Item] = []
    messages = 0
    while waiting:
        if old := expired(waiting, NOW_MS):
            told = old
        else:
            telling = next_telling(waiting, NOW_MS)
            told, messages = telling.items, messages + 1
            assert len(telling.message.title) <= TITLE_MAX
            assert len(telling.message.body) <= BODY_MAX
        assert tuple(waiting[: len(told)]) == told
        done += told
        waiting = waiting[len(told) :]

    assert len(done) == len(events)
    assert messages <= MANY + 1


def test_a_few_messages_go_at_once_and_then_one_in_a_while() -> None:
    pace = Pace(100.0)

    for _ in range(BURST):
        assert pace.wait_s(100.0) == 0
        pace.take(100.0)

    assert pace.wait_s(100.0) == EVERY_S
    assert pace.wait_s(100.0 + EVERY_S) == 0
    pace.take(100.0 + EVERY_S)
    assert pace.wait_s(100.0 + EVERY_S) == EVERY_S
    assert pace.wait_s(100_000.0) == 0
