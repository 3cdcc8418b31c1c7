"""Whether a request may run here and now: every reason against it is given."""

from typing import Any

import pytest
from msgspec.structs import replace

from authority.operators import OperatorsSeen
from contracts.arming import ArmRequested, FlattenRequested, Gate, GateVerdict
from contracts.vocabulary import Environment
from flatten_executor.core.admission import AHEAD_MAX_MS, AdmissionCase, objections
from support.arms import NOW_MS, UNSIGNED, an_arm
from support.people import ALICE, ALICES_SECOND, BOB, EVE, an_entry, operators

LATER = NOW_MS + 150_000
AN_ARM = an_arm("arm-1")
A_LIVE_ARM = an_arm("arm-1", environment=Environment.LIVE)
PEOPLE = OperatorsSeen(
    operators=operators(an_entry(ALICE, "alice"), an_entry(ALICES_SECOND, "alice"), an_entry(BOB, "bob"))
)
ONLY_REVOKED = OperatorsSeen(operators=operators(an_entry(ALICE, "alice", revoked="true")))
FILE_AWAY = OperatorsSeen(problem="OPERATORS_FILE='/keys' cannot be read: No such file or directory")


def a_case(*, requested_at_ms: int = NOW_MS, arm: ArmRequested | None = None, **fields: Any) -> AdmissionCase:
    request = FlattenRequested(
        request_id="req-1",
        arm=arm or AN_ARM,
        gates=tuple(GateVerdict(gate=gate, passed=True, observed="ok", required="ok") for gate in Gate),
        breaches=(),
        snapshot_id=None,
        snapshot_age_ms=None,
        requested_at_ms=requested_at_ms,
    )
    values: dict[str, Any] = {
        "account": "main",
        "environment": Environment.SIM,
        "live_allowed": False,
        "latch_set": True,
        "latch_detail": "",
        "operators": UNSIGNED,
        "now_ms": NOW_MS,
        "max_age_ms": 120_000,
        "orders_on_record": False,
        "own_request_id": "req-1",
        "fired_request_id": "req-1",
        "active_request_id": "req-1",
    }
    return AdmissionCase(request=request, **{**values, **fields})


def a_live_case(**fields: Any) -> AdmissionCase:
    values = {"environment": Environment.LIVE, "live_allowed": True, "operators": PEOPLE}
    return a_case(**{"arm": BOB.sign(ALICE.sign(A_LIVE_ARM)), **values, **fields})


def test_a_request_against_which_nothing_speaks_is_admitted() -> None:
    assert objections(a_case()) == ()


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (a_case(account="other"), "for account"),
        (a_case(environment=Environment.DEMO, arm=ALICE.sign(AN_ARM), operators=PEOPLE), "for environment"),
        (a_case(latch_set=False), "latch is not set"),
        (a_case(requested_at_ms=LATER - 120_001, now_ms=LATER), "120001 ms old"),
        (a_case(requested_at_ms=NOW_MS + AHEAD_MAX_MS + 1), "in the future"),
        (a_case(own_request_id="req-2"), "can only become 'req-2'"),
        (a_case(operators=FILE_AWAY), "the arm cannot be verified: OPERATORS_FILE="),
        (a_case(operators=PEOPLE), "signed by nobody who may (0 of 1); not by its operator 'alice'"),
        (a_case(arm=EVE.sign(AN_ARM), operators=PEOPLE), "is not among the operators' keys"),
        (a_case(arm=BOB.sign(AN_ARM), operators=PEOPLE), "not by its operator"),
        (a_case(arm=replace(ALICE.sign(AN_ARM), reason="x"), operators=PEOPLE), "the signature is not of this arm"),
        (a_case(arm=ALICE.sign(AN_ARM), operators=ONLY_REVOKED), "is alice's and was revoked"),
        (a_live_case(arm=ALICE.sign(A_LIVE_ARM)), "signed by alice (1 of 2)"),
        (a_live_case(arm=ALICES_SECOND.sign(ALICE.sign(A_LIVE_ARM))), "signed by alice (1 of 2)"),
        (a_case(requested_at_ms=AN_ARM.expires_at_ms, now_ms=AN_ARM.expires_at_ms), "not decided in the time"),
        (a_case(arm=replace(AN_ARM, issued_at_ms=NOW_MS + 5_001)), "not decided in the time"),
        (a_case(arm=replace(AN_ARM, expires_at_ms=AN_ARM.issued_at_ms + 300_001)), "valid for 300001 ms"),
        (
            a_case(environment=Environment.TESTNET, arm=replace(AN_ARM, environment=Environment.TESTNET)),
            "OPERATORS_FILE is not set, and the environment is testnet",
        ),
        (a_case(active_request_id="req-2"), "in flight"),
        (a_case(fired_request_id=None), "fired None"),
        (a_live_case(live_allowed=False), "FLATTEN_ALLOW_LIVE"),
    ],
)
def test_each_reason_objects_alone_i3(case: AdmissionCase, words: str) -> None:
    (reason,) = objections(case)

    assert words in reason


def test_live_is_admitted_where_it_is_allowed() -> None:
    assert objections(a_live_case()) == ()


def test_a_signed_arm_is_admitted() -> None:
    assert objections(a_case(arm=ALICE.sign(AN_ARM), operators=PEOPLE)) == ()


def test_an_operators_clock_a_little_ahead_is_no_objection() -> None:
    assert objections(a_case(arm=replace(AN_ARM, issued_at_ms=NOW_MS + 5_000))) == ()


def test_a_clock_a_little_behind_is_no_objection() -> None:
    assert objections(a_case(requested_at_ms=NOW_MS + AHEAD_MAX_MS)) == ()


def test_all_reasons_are_given_together() -> None:
    case = a_case(account="other", latch_set=False, now_ms=NOW_MS + 200_000, fired_request_id=None, operators=PEOPLE)

    assert len(objections(case)) == 5


@pytest.mark.parametrize(("age_s", "admitted"), [(121, True), (900, True), (901, False)])
def test_a_run_with_orders_is_resumed_while_it_counts_as_in_flight_and_not_days_later_i2(
    age_s: int, *, admitted: bool
) -> None:
    case = a_case(now_ms=NOW_MS + age_s * 1_000, orders_on_record=True)

    assert (objections(case) == ()) is admitted
