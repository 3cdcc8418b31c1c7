"""Every gate by itself, and all of them together."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from authority.operators import OperatorsSeen
from contracts.arming import ArmRequested, Gate
from contracts.vocabulary import Environment
from governor.core import policy
from governor.core.case import ArmCase, Seen
from support.arms import LATCH_CLEAR, LATCH_UNREADABLE, NOW_MS, a_case, a_standing, an_arm
from support.people import ALICE, BOB, EVE, operators

PEOPLE = OperatorsSeen(operators=operators())
FILE_AWAY = OperatorsSeen(problem="OPERATORS_FILE='/keys' cannot be read: No such file or directory")
LIVE_ARM = ALICE.sign(an_arm(environment=Environment.LIVE))
UNREADABLE = Seen(problem="WRONGTYPE Operation against a key holding the wrong kind of value")


def failed(case: ArmCase) -> list[Gate]:
    return [verdict.gate for verdict in policy.judge(case).failed]


def a_live_case(arm: ArmRequested, **changed: Any) -> ArmCase:
    standing = a_standing(environment=Environment.LIVE, live_allowed=True)
    return a_case(arm=arm, **{"standing": standing, "operators": PEOPLE, **changed})


def test_an_arm_that_meets_every_condition_passes() -> None:
    decision = policy.judge(a_case())

    assert decision.passed
    assert [verdict.gate for verdict in decision.verdicts] == list(Gate)


@pytest.mark.parametrize(
    ("gate", "case"),
    [
        pytest.param(Gate.ENVIRONMENT, a_case(arm=an_arm(environment=Environment.TESTNET)), id="another environment"),
        pytest.param(Gate.ENVIRONMENT, a_case(arm=an_arm(account="other")), id="another account"),
        pytest.param(Gate.ENVIRONMENT, a_case(arm=an_arm(environment=Environment.LIVE)), id="a live arm elsewhere"),
        pytest.param(
            Gate.ENVIRONMENT,
            a_live_case(BOB.sign(LIVE_ARM), standing=a_standing(environment=Environment.LIVE)),
            id="live without permission",
        ),
        pytest.param(Gate.FORCE_FLAG, a_case(standing=a_standing(force_flatten=False)), id="flag off"),
        pytest.param(Gate.CONFIRM_PHRASE, a_case(standing=a_standing(confirm_phrase="")), id="no phrase"),
        pytest.param(Gate.CONFIRM_PHRASE, a_case(standing=a_standing(confirm_phrase="flatten_now")), id="other case"),
        pytest.param(
            Gate.CONFIRM_PHRASE, a_case(standing=a_standing(confirm_phrase="FLATTEN_NOW ")), id="trailing space"
        ),
        pytest.param(Gate.ESS_LATCH, a_case(latch=LATCH_CLEAR), id="latch clear"),
        pytest.param(Gate.ESS_LATCH, a_case(latch=LATCH_UNREADABLE), id="latch unreadable, though it says set"),
        pytest.param(Gate.ARM_AUTHENTIC, a_case(operators=FILE_AWAY), id="the operators' file is away"),
        pytest.param(Gate.ARM_AUTHENTIC, a_case(operators=PEOPLE), id="not signed"),
        pytest.param(Gate.ARM_AUTHENTIC, a_case(arm=EVE.sign(an_arm()), operators=PEOPLE), id="signed by a stranger"),
        pytest.param(Gate.ARM_AUTHENTIC, a_case(arm=BOB.sign(an_arm()), operators=PEOPLE), id="signed by another"),
        pytest.param(
            Gate.ARM_AUTHENTIC,
            a_case(arm=replace(ALICE.sign(an_arm()), reason="another"), operators=PEOPLE),
            id="changed after it was signed",
        ),
        pytest.param(
            Gate.ARM_AUTHENTIC,
            a_case(arm=an_arm(environment=Environment.TESTNET), standing=a_standing(environment=Environment.TESTNET)),
            id="no operators' file outside of sim",
        ),
        pytest.param(Gate.ARM_UNUSED, a_case(armed=Seen()), id="arm key empty"),
        pytest.param(Gate.ARM_UNUSED, a_case(armed=Seen(value="arm-2")), id="another arm armed"),
        pytest.param(Gate.ARM_UNUSED, a_case(armed=Seen(value="")), id="arm key blank"),
        pytest.param(Gate.ARM_UNUSED, a_case(armed=UNREADABLE), id="arm key unreadable"),
        pytest.param(Gate.ARM_UNUSED, a_case(arm=an_arm(expires_at_ms=NOW_MS)), id="expires this very millisecond"),
        pytest.param(Gate.ARM_UNUSED, a_case(arm=an_arm(issued_at_ms=NOW_MS + 5_001)), id="from the future"),
        pytest.param(Gate.ARM_UNUSED, a_case(arm=an_arm(expires_at_ms=NOW_MS + 299_001)), id="for too long"),
        pytest.param(Gate.ARM_UNUSED, a_case(fired=Seen(value='{"outcome":"fired"}')), id="fired before"),
        pytest.param(Gate.ARM_UNUSED, a_case(fired=Seen(value='{"outcome":"disarmed"}')), id="disarmed"),
        pytest.param(Gate.ARM_UNUSED, a_case(fired=Seen(value="")), id="a blank record is a record"),
        pytest.param(Gate.ARM_UNUSED, a_case(fired=UNREADABLE), id="record unreadable"),
        pytest.param(Gate.COOLDOWN, a_case(last_ts=Seen(value=str(NOW_MS // 1000 - 59))), id="59 seconds"),
        pytest.param(
            Gate.COOLDOWN, a_case(last_ts=Seen(value=str(NOW_MS // 1000 + 500))), id="last flatten in the future"
        ),
        pytest.param(Gate.COOLDOWN, a_case(last_ts=Seen(value="yesterday")), id="not a number"),
        pytest.param(Gate.COOLDOWN, a_case(last_ts=Seen(value="nan")), id="nan"),
        pytest.param(Gate.COOLDOWN, a_case(last_ts=Seen(value="-5")), id="negative"),
        pytest.param(Gate.COOLDOWN, a_case(last_ts=Seen(value="")), id="blank"),
        pytest.param(Gate.COOLDOWN, a_case(last_ts=UNREADABLE), id="unreadable"),
        pytest.param(Gate.NO_RUN_IN_FLIGHT, a_case(active=Seen(value="req-1")), id="in flight"),
        pytest.param(Gate.NO_RUN_IN_FLIGHT, a_case(active=Seen(value="")), id="a blank one is one"),
        pytest.param(Gate.NO_RUN_IN_FLIGHT, a_case(active=UNREADABLE), id="unreadable"),
    ],
)
def test_i3_each_gate_refuses_alone(gate: Gate, case: ArmCase) -> None:
    assert failed(case) == [gate]


def test_all_failures_are_reported_together() -> None:
    case = a_case(
        arm=an_arm(environment=Environment.DEMO),
        standing=a_standing(force_flatten=False, confirm_phrase=""),
        operators=FILE_AWAY,
        latch=LATCH_CLEAR,
        armed=Seen(),
        last_ts=Seen(value=str(NOW_MS // 1000)),
        active=Seen(value="req-9"),
    )

    assert failed(case) == list(Gate)


def test_every_failed_gate_says_what_it_saw_and_what_it_wanted() -> None:
    case = a_case(last_ts=Seen(value=str(NOW_MS // 1000 - 13)), active=Seen(value="req-9"))

    cooldown, in_flight = policy.judge(case).failed

    assert (cooldown.observed, cooldown.required) == ("13.1s", ">= 60s")
    assert (in_flight.observed, in_flight.required) == ("req-9 is in flight", "no request in flight")


def test_the_signature_gate_says_that_it_checked_nothing() -> None:
    verdict = next(verdict for verdict in policy.judge(a_case()).verdicts if verdict.gate is Gate.ARM_AUTHENTIC)

    assert verdict.passed
    assert verdict.observed == "not checked: OPERATORS_FILE is not set, and the environment is sim"


def test_a_signed_arm_passes_and_the_gate_names_who_signed() -> None:
    decision = policy.judge(a_case(arm=ALICE.sign(an_arm()), operators=PEOPLE))
    verdict = next(verdict for verdict in decision.verdicts if verdict.gate is Gate.ARM_AUTHENTIC)

    assert decision.passed
    assert (verdict.observed, verdict.required) == ("signed by alice (1 of 1)", "the operator's valid signature")


def test_live_passes_with_permission_and_the_signatures_of_two() -> None:
    assert policy.judge(a_live_case(BOB.sign(LIVE_ARM))).passed


def test_an_arm_that_lacks_only_a_signature_waits_for_it() -> None:
    case = a_live_case(LIVE_ARM)
    decision = policy.judge(case)

    waiting = policy.lacking(case, decision)

    assert [verdict.gate for verdict in decision.failed] == [Gate.ARM_AUTHENTIC]
    assert waiting is not None
    assert (waiting.signed_by, waiting.needed) == (("alice",), 2)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(lambda: a_live_case(BOB.sign(LIVE_ARM)), id="it passes"),
        pytest.param(lambda: a_live_case(LIVE_ARM, latch=LATCH_CLEAR), id="another gate refuses too"),
        pytest.param(lambda: a_live_case(LIVE_ARM, fired=Seen(value='{"outcome":"disarmed"}')), id="disarmed"),
        pytest.param(lambda: a_live_case(LIVE_ARM, now_ms=LIVE_ARM.expires_at_ms), id="expired"),
        pytest.param(lambda: a_live_case(BOB.sign(replace(LIVE_ARM, signatures=()))), id="not by its operator"),
        pytest.param(lambda: a_live_case(replace(LIVE_ARM, reason="x")), id="changed"),
        pytest.param(lambda: a_live_case(LIVE_ARM, operators=FILE_AWAY), id="the file is away"),
        pytest.param(lambda: a_live_case(LIVE_ARM, operators=OperatorsSeen()), id="no file"),
    ],
)
def test_i2_nothing_else_waits(case: Callable[[], ArmCase]) -> None:
    made = case()

    assert policy.lacking(made, policy.judge(made)) is None


def test_a_decision_that_did_not_ask_every_gate_does_not_pass() -> None:
    every = policy.judge(a_case()).verdicts

    assert not policy.Decision(verdicts=every[:-1]).passed
    assert not policy.Decision(verdicts=()).passed


@given(
    accepted_at_ms=st.integers(min_value=1_600_000_000_000, max_value=1_900_000_000_000),
    waited_ms=st.integers(min_value=-10_000, max_value=200_000),
    cooldown_ms=st.integers(min_value=0, max_value=120_000),
)
def test_i4_what_the_gate_lets_through_is_at_least_the_cooldown_later(
    accepted_at_ms: int, waited_ms: int, cooldown_ms: int
) -> None:
    recorded = str(-(-accepted_at_ms // 1000))
    case = a_case(
        now_ms=accepted_at_ms + waited_ms,
        arm=an_arm(issued_at_ms=accepted_at_ms + waited_ms, expires_at_ms=accepted_at_ms + waited_ms + 60_000),
        last_ts=Seen(value=recorded),
        standing=a_standing(cooldown_ms=cooldown_ms),
    )

    if policy.judge(case).passed:
        assert waited_ms >= cooldown_ms or cooldown_ms == 0
    else:
        assert waited_ms < cooldown_ms + 1_000


@pytest.mark.parametrize(("waited_ms", "passes"), [(59_999, False), (60_000, True)])
def test_i4_the_cooldown_ends_on_the_millisecond(waited_ms: int, *, passes: bool) -> None:
    case = a_case(last_ts=Seen(value="1769571400"), now_ms=1_769_571_400_000 + waited_ms)

    verdict = next(verdict for verdict in policy.judge(case).verdicts if verdict.gate is Gate.COOLDOWN)

    assert verdict.passed is passes
    assert verdict.observed == ("60.0s" if passes else "59.9s")


def test_a_cooldown_of_zero_passes_in_the_very_second_of_the_last_flatten() -> None:
    case = a_case(last_ts=Seen(value=str(NOW_MS // 1000 + 1)), standing=a_standing(cooldown_ms=0))

    assert policy.judge(case).passed


def test_i2_how_many_sign_is_asked_of_where_the_governor_stands_and_not_of_the_arm() -> None:
    failed_gates = policy.judge(a_live_case(ALICE.sign(an_arm()))).failed

    assert [verdict.required for verdict in failed_gates if verdict.gate is Gate.ARM_AUTHENTIC] == [
        "valid signatures of 2 people"
    ]
