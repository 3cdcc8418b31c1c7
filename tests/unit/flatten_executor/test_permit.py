"""Whether a run may go on sending, by what latch, aborts and lease say: a moment's blindness pauses, a word ends."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

import pytest

from contracts.base import Event
from flatten_executor.lease import LeaseTimes, RunLease
from flatten_executor.observe import Observer
from flatten_executor.permit import LATCH_PATIENCE_S, LOOK_EVERY_S, Permit, read_patiently
from runtime.latch import LatchRecord, LatchState
from runtime.metrics import Metrics

if TYPE_CHECKING:
    from flatten_executor.aborts import Aborts

SET = LatchState(is_set=True, readable=True, detail="there")
CLEARED = LatchState(is_set=False, readable=True, detail="not there")
BLIND = LatchState(is_set=False, readable=False, detail="no answer")


class Scripted:
    """A latch that shows one state after the other, the last one for ever."""

    where = "scripted"

    def __init__(self, *states: LatchState) -> None:
        self._states = list(states)

    async def read(self) -> LatchState:
        return self._states.pop(0) if len(self._states) > 1 else self._states[0]

    async def activate(self, record: LatchRecord) -> None: ...

    async def deactivate(self) -> bool:
        return False


class NoAborts:
    async def look(self) -> None:
        return None


class Stepping:
    """A clock that moves only when somebody sleeps, and notes whether orders could have left meanwhile."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.permit: Permit | None = None
        self.could_send: list[bool] = []

    def now_ms(self) -> int:
        return int(self.now_s * 1000)

    def monotonic_s(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        if self.permit is not None:
            self.could_send.append(self.permit.may_send())


class Journal:
    async def write(self, lease: RunLease, fields: Mapping[str, str], events: Sequence[Event]) -> bool:  # noqa: ARG002 - it takes everything
        return True


def a_permit(states: Iterable[LatchState], clock: Stepping) -> Permit:
    lease = RunLease(Journal(), "req-1", 1, times=LeaseTimes(fresh_ms=600_000), clock=clock)
    lease.confirmed(0.0)
    permit = Permit(lease, Scripted(*states), cast("Aborts", NoAborts()), clock, Observer(Metrics()), objections="")
    clock.permit = permit
    return permit


async def test_while_the_latch_cannot_be_read_nothing_is_sent_and_a_look_waits() -> None:
    clock = Stepping()
    permit = a_permit([BLIND, BLIND, SET], clock)

    reason = await permit.look()

    assert (reason, permit.may_send()) == ("", True)
    assert clock.could_send == [False, False]


async def test_a_latch_that_stays_unreadable_ends_the_run_after_the_patience() -> None:
    clock = Stepping()
    permit = a_permit([BLIND], clock)

    reason = await permit.look()

    assert "could not be read for 5 s: no answer" in reason
    assert LATCH_PATIENCE_S <= clock.now_s <= LATCH_PATIENCE_S + 2 * LOOK_EVERY_S


async def test_every_blindness_has_the_whole_patience() -> None:
    clock = Stepping()
    short = [BLIND] * int(LATCH_PATIENCE_S / LOOK_EVERY_S - 5)
    permit = a_permit([*short, SET, *short, SET], clock)

    assert (await permit.look(), await permit.look()) == ("", "")


@pytest.mark.parametrize("before", [[], [SET], [BLIND]])
async def test_a_cleared_latch_ends_the_run_at_once_and_for_good(before: list[LatchState]) -> None:
    clock = Stepping()
    permit = a_permit([*before, CLEARED, SET], clock)

    while not (reason := await permit.look()):
        pass

    assert reason == "the ESS latch is no longer set: not there"
    assert (await permit.look(), permit.may_send()) == (reason, False)


async def test_a_look_before_the_run_waits_for_a_latch_that_can_be_read_but_not_for_ever() -> None:
    clock, observer = Stepping(), Observer(Metrics())

    assert await read_patiently(Scripted(BLIND, BLIND, SET), clock, observer) == SET
    assert await read_patiently(Scripted(BLIND, CLEARED, SET), clock, observer) == CLEARED
    assert await read_patiently(Scripted(BLIND), clock, observer) == BLIND
