"""Whether a run may go on sending, by what latch, aborts and lease say: a moment's blindness pauses, a word ends."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, cast

import pytest

from contracts.base import Event
from contracts.flattening import OrderState
from contracts.vocabulary import OrderSide, PositionSide
from flatten_executor.core.orders import OrderRecord
from flatten_executor.lease import LeaseTimes, RunLease
from flatten_executor.observe import Observer
from flatten_executor.permit import LATCH_FRESH_S, LATCH_PATIENCE_S, LOOK_EVERY_S, Permit, read_patiently
from runtime.latch import LatchRecord, LatchState
from runtime.metrics import Metrics
from support.leases import SteppedClock

if TYPE_CHECKING:
    from flatten_executor.aborts import Aborts

SET = LatchState(is_set=True, readable=True, detail="there")
CLEARED = LatchState(is_set=False, readable=True, detail="not there")
BLIND = LatchState(is_set=False, readable=False, detail="no answer")
LEASE_FRESH_S = 600


RECORD = OrderRecord(
    client_order_id="fg-1",
    symbol="ETHUSDT",
    position_side=PositionSide.BOTH,
    order_side=OrderSide.SELL,
    quantity=Decimal(2),
    round_number=1,
    chunk=0,
    state=OrderState.FILLED,
    intended_at_ms=0,
)


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


class Stepping(SteppedClock):
    """A clock that moves only when somebody sleeps, and notes whether orders could have left meanwhile."""

    def __init__(self) -> None:
        super().__init__(now_s=0.0)
        self.permit: Permit | None = None
        self.could_send: list[bool] = []

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        if self.permit is not None:
            self.could_send.append(self.permit.may_send())


class Journal:
    async def write(self, lease: RunLease, fields: Mapping[str, str], events: Sequence[Event]) -> bool:  # noqa: ARG002 - it takes everything
        return True


class Hanging(Scripted):
    """A latch that answers once, and then no more until it is told to."""

    def __init__(self, *states: LatchState) -> None:
        super().__init__(*states)
        self.answer = asyncio.Event()
        self.answer.set()

    async def read(self) -> LatchState:
        await self.answer.wait()
        return await super().read()


class HangingAborts:
    """Redis that never answers; `asked` once it was."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def look(self) -> None:
        self.asked.set()
        await asyncio.Event().wait()


def a_lease(clock: Stepping) -> RunLease:
    lease = RunLease(Journal(), "req-1", 1, times=LeaseTimes(fresh_ms=LEASE_FRESH_S * 1000), clock=clock)
    lease.confirmed(0.0)
    return lease


def permit_for(
    lease: RunLease, latch: Scripted, clock: Stepping, aborts: object = None, objections: str = ""
) -> Permit:
    told = cast("Aborts", aborts or NoAborts())
    return Permit(lease, latch, told, clock, Observer(Metrics()), objections=objections)


def a_permit(states: Iterable[LatchState], clock: Stepping) -> Permit:
    permit = permit_for(a_lease(clock), Scripted(*states), clock)
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


async def test_a_latch_that_was_not_looked_at_yet_allows_nothing() -> None:
    assert not a_permit([SET], Stepping()).may_send()


async def test_a_look_that_takes_long_pauses_sending_until_it_is_answered() -> None:
    clock, latch = Stepping(), Hanging(SET)
    permit = permit_for(a_lease(clock), latch, clock)
    await permit.look()
    latch.answer.clear()
    looking = asyncio.create_task(permit.look())

    clock.now_s = LATCH_FRESH_S
    soon = permit.may_send()
    clock.now_s += 0.001
    late = permit.may_send()
    latch.answer.set()
    await looking
    await permit.look()

    assert (soon, late, permit.may_send()) == (True, False, True)


async def test_a_latch_that_can_no_longer_be_read_pauses_sending_at_once() -> None:
    clock = Stepping()
    permit = a_permit([SET, BLIND, SET], clock)
    await permit.look()

    await permit.look()

    assert (clock.could_send, permit.may_send()) == ([False], True)


async def test_a_lease_that_was_not_confirmed_for_too_long_lets_nothing_leave() -> None:
    clock = Stepping()
    lease = a_lease(clock)
    permit = permit_for(lease, Scripted(SET), clock)

    clock.now_s = LEASE_FRESH_S
    await permit.look()
    too_old = permit.may_send()
    lease.confirmed(clock.now_s)

    assert (too_old, permit.may_send()) == (False, True)


async def test_a_cleared_latch_is_acted_on_while_redis_does_not_answer_i3() -> None:
    clock, aborts = Stepping(), HangingAborts()
    permit = permit_for(a_lease(clock), Scripted(SET, CLEARED), clock, aborts)
    first, second = asyncio.create_task(permit.look()), asyncio.create_task(permit.look())
    await aborts.asked.wait()

    assert not permit.may_send()
    assert permit.reason == "the ESS latch is no longer set: not there"
    for look in (first, second):
        look.cancel()
    await asyncio.gather(first, second, return_exceptions=True)


async def test_why_a_run_was_stopped_goes_on_record_and_binds_whoever_resumes_it_i3() -> None:
    clock = Stepping()
    lease = a_lease(clock)
    await permit_for(lease, Scripted(CLEARED), clock).look()
    resumed = permit_for(lease, Scripted(SET), clock)

    assert await resumed.look() == lease.stopped == "the ESS latch is no longer set: not there"
    assert not resumed.may_send()


@pytest.mark.parametrize(("records", "refused"), [((), True), ((RECORD,), False)])
async def test_a_run_that_has_orders_on_record_was_not_refused_whatever_stops_it_now(
    records: tuple[OrderRecord, ...], *, refused: bool
) -> None:
    clock = Stepping()
    lease = a_lease(clock)
    lease.records = records

    assert permit_for(lease, Scripted(SET), clock, objections="the ESS latch is not set").refused is refused


async def test_a_look_before_the_run_waits_for_a_latch_that_can_be_read_but_not_for_ever() -> None:
    clock, observer = Stepping(), Observer(Metrics())

    assert await read_patiently(Scripted(BLIND, BLIND, SET), clock, observer) == SET
    assert await read_patiently(Scripted(BLIND, CLEARED, SET), clock, observer) == CLEARED
    assert await read_patiently(Scripted(BLIND), clock, observer) == BLIND
