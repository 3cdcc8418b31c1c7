"""What an arm would meet, known without one."""

import pytest

from contracts.arming import Gate
from contracts.vocabulary import Environment
from governor.core.case import LatchSeen, Seen, Standing, StoreSeen
from governor.core.outlook import Outlook, look_out
from support.arms import LATCH_CLEAR, LATCH_SET, LATCH_UNREADABLE, NOW_MS, a_standing

NOW_S = NOW_MS // 1000
UNREADABLE = Seen(problem="WRONGTYPE")


def outlook(
    *,
    standing: Standing | None = None,
    latch: LatchSeen = LATCH_SET,
    last_ts: Seen | None = None,
    active: Seen | None = None,
) -> Outlook:
    store = StoreSeen(now_ms=NOW_MS, armed=Seen(), fired=Seen(), last_ts=last_ts or Seen(), active=active or Seen())
    return look_out(standing or a_standing(), latch, store)


def refusing(seen: Outlook) -> list[Gate]:
    return [gate for gate, passes in seen.passes.items() if not passes]


def test_with_nothing_in_the_way_every_gate_that_needs_no_arm_passes() -> None:
    seen = outlook()

    assert list(seen.passes) == [
        Gate.ENVIRONMENT,
        Gate.FORCE_FLAG,
        Gate.CONFIRM_PHRASE,
        Gate.ESS_LATCH,
        Gate.COOLDOWN,
        Gate.NO_RUN_IN_FLIGHT,
    ]
    assert refusing(seen) == []
    assert (seen.cooldown_left_ms, seen.in_flight_since_ms) == (0, 0)


@pytest.mark.parametrize(
    ("gate", "seen"),
    [
        (Gate.ENVIRONMENT, outlook(standing=a_standing(environment=Environment.LIVE))),
        (Gate.FORCE_FLAG, outlook(standing=a_standing(force_flatten=False))),
        (Gate.CONFIRM_PHRASE, outlook(standing=a_standing(confirm_phrase=""))),
        (Gate.ESS_LATCH, outlook(latch=LATCH_CLEAR)),
        (Gate.ESS_LATCH, outlook(latch=LATCH_UNREADABLE)),
        (Gate.COOLDOWN, outlook(last_ts=Seen(value=str(NOW_S - 59)))),
        (Gate.COOLDOWN, outlook(last_ts=UNREADABLE)),
        (Gate.NO_RUN_IN_FLIGHT, outlook(active=Seen(value="req-1"))),
        (Gate.NO_RUN_IN_FLIGHT, outlook(active=UNREADABLE)),
    ],
)
def test_a_gate_refuses_as_it_would_an_arm(gate: Gate, seen: Outlook) -> None:
    assert refusing(seen) == [gate]


@pytest.mark.parametrize(
    ("last_ts", "left_ms"),
    [
        (Seen(), 0),
        (Seen(value=str(NOW_S - 10)), 49_877),
        (Seen(value=str(NOW_S - 61)), 0),
        (Seen(value=str(NOW_S + 3_600)), 60_000),
        (Seen(value="yesterday"), None),
        (UNREADABLE, None),
    ],
)
def test_what_is_left_of_the_cooldown(last_ts: Seen, left_ms: int | None) -> None:
    assert outlook(last_ts=last_ts).cooldown_left_ms == left_ms


def test_a_request_in_flight_has_been_there_since_it_was_accepted() -> None:
    seen = outlook(active=Seen(value="req-1"), last_ts=Seen(value=str(NOW_S - 7)))

    assert seen.in_flight_since_ms == (NOW_S - 7) * 1000


@pytest.mark.parametrize(("active", "last_ts"), [(UNREADABLE, Seen()), (Seen(value="req-1"), UNREADABLE)])
def test_nobody_can_tell_since_when_what_cannot_be_read_is_in_flight(active: Seen, last_ts: Seen) -> None:
    assert outlook(active=active, last_ts=last_ts).in_flight_since_ms is None
