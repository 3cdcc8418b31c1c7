"""When the oracle polls: on a grid that neither drifts nor piles up."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from position_oracle.core.schedule import Schedule


def test_a_quick_poll_waits_for_the_next_line_of_the_grid() -> None:
    schedule = Schedule(every_s=1.0, due_s=10.0).after(10.25)

    assert schedule.due_s == 11.0
    assert schedule.pause_s(10.25) == 0.75


def test_after_a_slow_poll_the_next_one_comes_at_once_and_the_missed_ones_are_left_out() -> None:
    schedule = Schedule(every_s=1.0, due_s=10.0).after(13.5)

    assert schedule.pause_s(13.5) == 0.0
    assert schedule.after(13.6).pause_s(13.6) > 0.89


def test_the_venue_s_wish_to_be_left_alone_counts_from_now() -> None:
    assert Schedule(every_s=1.0, due_s=10.0).after(10.5, wait_s=15.0).pause_s(10.5) == 15.0


@given(st.lists(st.floats(min_value=0.0, max_value=5.0), min_size=1, max_size=50))
def test_there_are_never_more_polls_than_the_pace_allows(durations_s: list[float]) -> None:
    now_s, schedule, starts = 0.0, Schedule(every_s=1.0, due_s=0.0), []
    for duration_s in durations_s:
        now_s += schedule.pause_s(now_s)
        starts.append(now_s)
        now_s += duration_s
        schedule = schedule.after(now_s)

    assert all(later >= earlier for earlier, later in itertools.pairwise(starts))
    assert len(starts) <= starts[-1] + 1 + 1e-6
