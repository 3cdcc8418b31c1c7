"""The right to work on a run: it holds while it was lately confirmed, and never again once another fence passed it."""

from collections.abc import Mapping, Sequence

import pytest

from contracts.base import Event
from flatten_executor.lease import LeaseLost, LeaseTimes, RunLease

FRESH_S = 2.0


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000.0

    def now_ms(self) -> int:
        return int(self.now_s * 1000)

    def monotonic_s(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds


class Journal:
    """Answers after `takes_s`: that the fence holds, or that another has passed it."""

    def __init__(self, clock: Clock, *, takes_s: float = 0.0, holds: bool = True) -> None:
        self._clock, self._takes_s, self._holds = clock, takes_s, holds

    async def write(self, lease: RunLease, fields: Mapping[str, str], events: Sequence[Event]) -> bool:  # noqa: ARG002 - it takes everything
        await self._clock.sleep(self._takes_s)
        return self._holds


def a_lease(journal: Journal, clock: Clock) -> RunLease:
    return RunLease(journal, "req-1", 1, times=LeaseTimes(fresh_ms=int(FRESH_S * 1000)), clock=clock)


async def test_a_lease_that_was_never_confirmed_does_not_hold() -> None:
    clock = Clock()

    assert not a_lease(Journal(clock), clock).holds()


async def test_a_lease_holds_only_so_long_after_it_was_confirmed() -> None:
    clock = Clock()
    lease = a_lease(Journal(clock), clock)
    await lease.record()

    clock.now_s += FRESH_S - 0.001
    soon = lease.holds()
    clock.now_s += 0.001

    assert (soon, lease.holds()) == (True, False)
    with pytest.raises(LeaseLost, match="fence 1 no longer holds"):
        lease.require()


async def test_a_confirmation_counts_from_when_it_was_asked_for() -> None:
    clock = Clock()
    lease = a_lease(Journal(clock, takes_s=FRESH_S), clock)

    await lease.record()

    assert not lease.holds()


async def test_a_lease_that_another_fence_passed_holds_no_more_however_fresh_it_is() -> None:
    clock = Clock()
    lease = a_lease(Journal(clock, holds=False), clock)
    lease.confirmed(clock.now_s)

    with pytest.raises(LeaseLost, match="another executor passed fence 1"):
        await lease.record()

    assert not lease.holds()
