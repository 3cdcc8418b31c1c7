import itertools

from hypothesis import given
from hypothesis import strategies as st

from runtime.retries import Retries


def test_an_entry_waits_until_its_time_has_come() -> None:
    retries = Retries(base_s=1.0, cap_s=10.0)
    retries.put_off("1-0", now_s=100.0)

    assert retries.is_waiting("1-0", 100.9)
    assert not retries.is_waiting("1-0", 101.0)
    assert not retries.any_due(100.9)
    assert retries.any_due(101.0)
    assert retries.due_in_s(100.25) == 0.75


@given(st.integers(min_value=1, max_value=200))
def test_the_delay_doubles_up_to_the_cap(attempts: int) -> None:
    retries = Retries(base_s=0.2, cap_s=10.0)

    delays = [retries.put_off("1-0", now_s=0.0) for _ in range(attempts)]

    assert delays[0] == (1, 0.2)
    assert all(delay <= 10.0 for _, delay in delays)
    assert all(later[1] in (earlier[1] * 2, 10.0) for earlier, later in itertools.pairwise(delays))


def test_what_is_done_or_taken_over_is_forgotten() -> None:
    retries = Retries(base_s=1.0, cap_s=10.0)
    for entry_id in ("1-0", "2-0", "3-0"):
        retries.put_off(entry_id, now_s=0.0)

    retries.forget("1-0")
    retries.keep_only({"2-0"})

    assert [entry_id for entry_id in ("1-0", "2-0", "3-0") if retries.is_waiting(entry_id, 0.0)] == ["2-0"]
    assert Retries(1, 1).due_in_s(0) is None
