"""The right to work on a run: it holds while it was lately confirmed, and never again once another fence passed it."""

import pytest

from flatten_executor.lease import LeaseLost
from support.leases import FRESH_S, SteppedClock, a_lease


async def test_a_lease_that_was_never_confirmed_does_not_hold() -> None:
    assert not a_lease(SteppedClock()).holds()


async def test_a_lease_holds_only_so_long_after_it_was_confirmed() -> None:
    clock = SteppedClock()
    lease = a_lease(clock)
    await lease.record()

    clock.now_s += FRESH_S - 0.001
    soon = lease.holds()
    clock.now_s += 0.001

    assert (soon, lease.holds()) == (True, False)
    with pytest.raises(LeaseLost, match="fence 1 no longer holds"):
        lease.require()


async def test_a_confirmation_counts_from_when_it_was_asked_for() -> None:
    lease = a_lease(SteppedClock(), takes_s=FRESH_S)

    await lease.record()

    assert not lease.holds()


async def test_a_lease_that_another_fence_passed_holds_no_more_however_fresh_it_is() -> None:
    clock = SteppedClock()
    lease = a_lease(clock, holds=False)
    lease.confirmed(clock.now_s)

    with pytest.raises(LeaseLost, match="another executor passed fence 1"):
        await lease.record()

    assert not lease.holds()
