"""Each of the ten steps fails by itself as soon as what it rests on is not so."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from msgspec.structs import replace

from contracts.arming import ArmRequested, FlattenRequested, Gate, Scope
from contracts.positions import AllocationCheck, AllocationStateChanged, AllocationVerdict, PositionSnapshot
from contracts.vocabulary import Environment, PositionSide
from proof.answers import ArmAnswer, ArmedNow, Audit, Check, Group, Latch, Open, Read, Status, Wrong
from proof.answers import Gate as SeenGate
from proof.operating import Said
from proof.steps import After, Before, Cleaned, Restart, after_steps, before_steps, last_step
from support.run_events import ARM_ID, REQUEST_ID, T0_MS, VERIFIED_MS, accepted, completed, gates, whole_run

ALIVE = (
    Group(group="governor", exists=True, consumers=1, seen_ms_ago=100),
    Group(group="flatten-executor", exists=True, consumers=1, seen_ms_ago=4_000),
)
STATUS = Status(
    environment="sim",
    account="main",
    namespace="n",
    now_ms=T0_MS,
    latch=Latch(is_set=True, readable=True, detail="file:ESS_ON is there"),
    armed=None,
    active=None,
    last_flatten_ts=str(T0_MS // 1000 + 1),
    groups=ALIVE,
    gates=(SeenGate(gate="ess_latch", standing="passes", observed="set"),),
)
ROWS = (
    Open(symbol="ETHUSDT", position_side=PositionSide.BOTH, quantity=Decimal("9.1"), notional_usd=Decimal(31361)),
    Open(symbol="BTCUSDT", position_side=PositionSide.BOTH, quantity=Decimal("-0.002"), notional_usd=None),
)
OPEN = Read(
    read_at_ms=T0_MS - 1_000,
    rows_seen=3,
    verdict="open",
    open=ROWS,
    notional_usd=Decimal(31361),
    resting=(),
    unread=(),
    doubts=(),
)
FLAT = replace(OPEN, read_at_ms=VERIFIED_MS + 300, verdict="flat", open=(), notional_usd=Decimal(0))
ARM = ArmRequested(
    arm_id=ARM_ID, operator="alice", reason="drill", environment=Environment.SIM, account="main",
    scope=Scope(), issued_at_ms=T0_MS - 10, expires_at_ms=T0_MS + 60_000,
)  # fmt: skip
REQUESTED = FlattenRequested(
    request_id=REQUEST_ID, arm=ARM, gates=gates(), breaches=(), snapshot_id=None, snapshot_age_ms=None,
    requested_at_ms=T0_MS,
)  # fmt: skip
SNAPSHOT = PositionSnapshot(
    snapshot_id="s", venue="binanceusdm", environment=Environment.SIM, account="main", sequence=2,
    taken_at_ms=VERIFIED_MS + 200, read_ms=5, symbols_seen=3, positions=(), marks={}, unreadable=(),
)  # fmt: skip


def checked(verdict: AllocationVerdict) -> AllocationStateChanged:
    check = AllocationCheck(symbol="ETHUSDT", verdict=verdict, position_usd=None)
    return AllocationStateChanged(check=check, previous=None, snapshot_id="s", checked_at_ms=T0_MS)


BEFORE = Before(status=STATUS, reading=OPEN)
RESTART = Restart(command="restart it", said=Said(0, b"", ""), status=STATUS)
AFTER = After(
    arm=ArmAnswer(arm_id=ARM_ID, outcome="accepted", request_id=REQUEST_ID),
    arm_code=0,
    restart=RESTART,
    reading=FLAT,
    events=(ARM, REQUESTED, completed(), *whole_run(), checked(AllocationVerdict.FLAT), SNAPSHOT),
    audit=Audit(chain_head="8:ab", checks=(Check(name="chain", rule="whole", standing="holds", findings=()),)),
    status=STATUS,
)
CLEARED = replace(STATUS, latch=Latch(is_set=False, readable=True, detail="not there"))
CLEANED = Cleaned(status=CLEARED, latch_was_set=False)


def failing(before: Before = BEFORE, after: After | None = AFTER, cleaned: Cleaned | None = CLEANED) -> list[int]:
    steps = (*before_steps(before), *after_steps(before, after), last_step(cleaned))
    assert [step.number for step in steps] == list(range(1, 11))
    return [step.number for step in steps if not step.passed]


def test_all_ten_hold() -> None:
    assert failing() == []


def test_what_was_not_reached_does_not_hold() -> None:
    assert failing(after=None, cleaned=None) == [4, 5, 6, 7, 8, 9, 10]


@pytest.mark.parametrize(
    ("step", "before"),
    [
        (1, replace(BEFORE, status=CLEARED)),
        (1, replace(BEFORE, status=replace(STATUS, latch=Latch(is_set=True, readable=False, detail="")))),
        (2, replace(BEFORE, status=replace(STATUS, gates=()))),
        (2, replace(BEFORE, status=replace(STATUS, gates=(SeenGate("cooldown", "refuses", "9 s left"),)))),
        (2, replace(BEFORE, status=replace(STATUS, groups=ALIVE[:1]))),
        (2, replace(BEFORE, status=replace(STATUS, groups=(replace(ALIVE[0], seen_ms_ago=6_000), ALIVE[1])))),
        (3, replace(BEFORE, reading=replace(OPEN, doubts=("a row is missing",)))),
    ],
)
def test_before_the_arm(step: int, before: Before) -> None:
    assert failing(before=before) == [step]


def test_nothing_to_close_proves_nothing() -> None:
    assert 3 in failing(before=replace(BEFORE, reading=replace(OPEN, open=(), verdict="flat")))


def without(kind: type) -> Callable[[], After]:
    return lambda: replace(AFTER, events=tuple(event for event in AFTER.events if not isinstance(event, kind)))


def with_more(*events: object) -> Callable[[], After]:
    return lambda: replace(AFTER, events=(*AFTER.events, *events))


@pytest.mark.parametrize(
    ("step", "after"),
    [
        (4, with_more(accepted())),
        (4, with_more(REQUESTED)),
        (4, without(FlattenRequested)),
        (4, lambda: replace(AFTER, status=replace(STATUS, armed=ArmedNow(ARM_ID)))),
        (4, lambda: replace(AFTER, status=replace(STATUS, last_flatten_ts=None))),
        (4, lambda: replace(AFTER, events=tuple(without_a_gate(event) for event in AFTER.events))),
        (5, lambda: replace(AFTER, arm_code=4)),
        (6, lambda: replace(AFTER, restart=replace(RESTART, said=Said(1, b"", "no such service")))),
        (6, lambda: replace(AFTER, restart=replace(RESTART, status=replace(STATUS, groups=())))),
        (7, lambda: replace(AFTER, audit=Audit(chain_head="", checks=AFTER.audit.checks))),
        (7, lambda: replace(AFTER, audit=Audit(chain_head="8:ab", checks=()))),
        (7, lambda: replace(AFTER, audit=with_standing("broken"))),
        (8, with_more(checked(AllocationVerdict.BREACH))),
        (8, without(PositionSnapshot)),
        (9, lambda: replace(AFTER, reading=replace(FLAT, open=ROWS[:1], verdict="open"))),
        (9, lambda: replace(AFTER, reading=replace(FLAT, resting=({},)))),
        (9, lambda: replace(AFTER, reading=replace(FLAT, verdict="unknown", doubts=("not whole",)))),
    ],
)
def test_after_the_arm(step: int, after: Callable[[], After]) -> None:
    assert failing(after=after()) == [step]


def with_standing(standing: str) -> Audit:
    wrong = Check(name="I1", rule="one request", standing=standing, findings=(Wrong("two requests"),))
    return Audit(chain_head="8:ab", checks=(*AFTER.audit.checks, wrong))


def without_a_gate(event: object) -> object:
    return replace(event, gates=gates(Gate.COOLDOWN)) if event == accepted() else event


def test_what_cannot_be_shown_is_said_and_breaks_nothing() -> None:
    after = replace(AFTER, audit=with_standing("cannot_be_shown"))

    assert failing(after=after) == []
    found = next(step for step in after_steps(BEFORE, after) if step.number == 7).findings
    assert any("cannot_be_shown: two requests" in finding.found for finding in found)


@pytest.mark.parametrize(
    "cleaned",
    [
        Cleaned(status=STATUS, latch_was_set=False),
        Cleaned(status=CLEARED, latch_was_set=True),
        Cleaned(status=replace(CLEARED, armed=ArmedNow("a")), latch_was_set=False),
        Cleaned(status=replace(CLEARED, active="req-2"), latch_was_set=False),
    ],
)
def test_at_the_end(cleaned: Cleaned) -> None:
    assert failing(cleaned=cleaned) == [10]
