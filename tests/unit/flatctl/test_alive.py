"""Whether a service is alive, as far as Redis shows."""

import pytest

from flatctl.looking import SILENT_MS, GroupState, newest_sign
from flatctl.views import seen


def a_group(seen_ms_ago: int | None) -> GroupState:
    return GroupState(
        stream="flatten.arm", group="governor", exists=seen_ms_ago is not None, consumers=1, seen_ms_ago=seen_ms_ago
    )


@pytest.mark.parametrize(
    ("seen_ms_ago", "silent", "words"),
    [
        (400, False, "running, seen 400 ms ago"),
        (SILENT_MS, False, "running, seen 10.0 s ago"),
        (SILENT_MS + 1, True, "NOT RUNNING, last seen 10.0 s ago"),
        (300_000, True, "NOT RUNNING, last seen 5 min 0 s ago"),
        (None, True, "has NEVER RUN here (nobody reads flatten.arm)"),
    ],
)
def test_who_has_not_asked_for_entries_for_long_is_not_running(
    seen_ms_ago: int | None, words: str, *, silent: bool
) -> None:
    group = a_group(seen_ms_ago)

    assert (group.silent, seen(group)) == (silent, words)


def a_row(name: str, idle_ms: int, inactive_ms: int | None = None) -> list[object]:
    row: list[object] = [b"name", name.encode(), b"pending", 0, b"idle", idle_ms]
    return row if inactive_ms is None else [*row, b"inactive", inactive_ms]


@pytest.mark.parametrize("inactive_ms", [None, 80_000], ids=["before Redis 7.2", "since Redis 7.2"])
def test_the_liveliest_consumer_counts(inactive_ms: int | None) -> None:
    assert newest_sign([a_row("a", 90_000, inactive_ms), a_row("b", 300, inactive_ms)]) == 300
    assert newest_sign([]) is None
