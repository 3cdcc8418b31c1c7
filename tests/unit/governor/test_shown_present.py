"""What the console says of the present."""

import pytest

from authority.operators import OperatorsSeen
from contracts.arming import Gate
from contracts.vocabulary import Environment
from governor.core.case import LatchSeen, Seen, Standing, StoreSeen
from governor.core.outlook import Outlook, look_out
from governor.core.policy import GATES
from governor.core.shown.present import Light, Present, Whose, present
from support.arms import LATCH_CLEAR, LATCH_SET, NOW_MS, UNSIGNED, a_standing
from support.people import operators
from support.snapshots import TAKEN_AT_MS, a_snapshot, leg

EMPTY = Seen()


def an_outlook(
    *, standing: Standing | None = None, latch: LatchSeen = LATCH_SET, armed: Seen = EMPTY, active: Seen = EMPTY
) -> Outlook:
    store = StoreSeen(now_ms=NOW_MS, armed=armed, fired=EMPTY, last_ts=EMPTY, active=active)
    return look_out(standing or a_standing(), latch, store)


def shown(
    outlook: Outlook | None,
    *,
    standing: Standing | None = None,
    seen: OperatorsSeen = UNSIGNED,
    problems: tuple[str, ...] = (),
) -> Present:
    whose = Whose(standing=standing or a_standing(), namespace="quantum:gov:testnet", version="0.1.0")
    return present(whose, outlook, seen, None, problems)


def lights(seen: Present) -> dict[Gate, Light]:
    return {gate.gate: gate.light for gate in seen.gates}


def test_every_gate_is_shown_once_in_the_order_of_the_policy() -> None:
    names = [gate.gate.value for gate in shown(an_outlook()).gates]

    assert names == [gate.__name__ for gate in GATES]
    assert set(names) == {gate.value for gate in Gate}


def test_with_nothing_in_the_way_an_arm_would_be_accepted() -> None:
    seen = shown(an_outlook())

    assert seen.would_pass is True
    assert set(lights(seen).values()) == {Light.PASSES, Light.DEPENDS}


def test_a_gate_that_refuses_says_what_it_saw_and_what_it_requires() -> None:
    seen = shown(an_outlook(latch=LATCH_CLEAR))

    (refusing,) = [gate for gate in seen.gates if gate.light is Light.REFUSES]
    assert (refusing.gate, refusing.observed) == (Gate.ESS_LATCH, "file:/ESS_ON is not there")
    assert refusing.required == "set, and readable"
    assert seen.would_pass is False


def test_before_the_first_look_nothing_is_said_to_pass_or_to_refuse() -> None:
    seen = shown(None)

    assert set(lights(seen).values()) == {Light.UNKNOWN}
    assert seen.would_pass is None


def test_signatures_are_asked_of_each_arm_where_operators_are_named() -> None:
    gate = next(
        gate
        for gate in shown(an_outlook(), seen=OperatorsSeen(operators=operators())).gates
        if gate.gate is Gate.ARM_AUTHENTIC
    )

    assert (gate.light, gate.required) == (Light.DEPENDS, "1 valid signature")
    assert "alice" in gate.observed


def test_an_operators_file_that_cannot_be_read_refuses_every_arm() -> None:
    seen = shown(an_outlook(), seen=OperatorsSeen(problem="OPERATORS_FILE cannot be read"))

    assert lights(seen)[Gate.ARM_AUTHENTIC] is Light.REFUSES
    assert seen.would_pass is False


def test_the_armed_arm_and_the_request_in_flight_are_named() -> None:
    seen = shown(an_outlook(armed=Seen(value="arm-1"), active=Seen(value="req-1")))

    assert (seen.armed, seen.in_flight) == ("arm-1", "req-1")


@pytest.mark.parametrize("field", ["armed", "active"])
def test_what_cannot_be_read_is_never_shown_as_empty(field: str) -> None:
    outlook = an_outlook(**{field: Seen(problem="WRONGTYPE")})  # type: ignore[arg-type]  # by name

    seen = shown(outlook)

    assert "cannot be read: WRONGTYPE" in (seen.armed, seen.in_flight)
    assert seen.would_pass is False


def test_only_live_is_real_money() -> None:
    money = {place: shown(None, standing=a_standing(environment=place)).real_money for place in Environment}

    assert [place for place, real in money.items() if real] == [Environment.LIVE]


def test_the_oracle_is_shown_with_the_time_of_its_reading_and_not_with_an_age() -> None:
    whose = Whose(standing=a_standing(), namespace="n", version="0")

    seen = present(whose, an_outlook(), UNSIGNED, a_snapshot(leg()), ()).oracle

    assert (seen.taken_at_ms, seen.symbols_seen, seen.open_rows) == (TAKEN_AT_MS, 674, 1)
    assert shown(None).oracle.taken_at_ms is None


def test_problems_are_passed_on() -> None:
    assert shown(None, problems=("redis: away",)).problems == ("redis: away",)
