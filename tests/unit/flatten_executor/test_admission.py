"""Whether a request may run here and now: every reason against it is given."""

from typing import Any

import pytest

from contracts.arming import FlattenRequested, Gate, GateVerdict
from contracts.vocabulary import Environment
from flatten_executor.core.admission import AHEAD_MAX_MS, AdmissionCase, objections
from support.arms import an_arm

NOW_MS = 1_795_000_000_000


def a_case(
    *, requested_at_ms: int = NOW_MS, arm_environment: Environment = Environment.SIM, **fields: Any
) -> AdmissionCase:
    request = FlattenRequested(
        request_id="req-1",
        arm=an_arm("arm-1", environment=arm_environment),
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
        "operators_file": "",
        "now_ms": NOW_MS,
        "max_age_ms": 120_000,
        "orders_on_record": False,
        "fired_request_id": "req-1",
        "active_request_id": "req-1",
    }
    return AdmissionCase(request=request, **{**values, **fields})


def test_a_request_against_which_nothing_speaks_is_admitted() -> None:
    assert objections(a_case()) == ()


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (a_case(account="other"), "for account"),
        (a_case(environment=Environment.DEMO), "for environment"),
        (a_case(latch_set=False), "latch is not set"),
        (a_case(operators_file="operators.toml"), "cannot verify signatures"),
        (a_case(requested_at_ms=NOW_MS - 120_001), "120001 ms old"),
        (a_case(requested_at_ms=NOW_MS + AHEAD_MAX_MS + 1), "in the future"),
        (a_case(active_request_id="req-2"), "in flight"),
        (a_case(fired_request_id=None), "fired None"),
        (a_case(environment=Environment.LIVE, arm_environment=Environment.LIVE), "FLATTEN_ALLOW_LIVE"),
    ],
)
def test_each_reason_objects_alone_i3(case: AdmissionCase, words: str) -> None:
    (reason,) = objections(case)

    assert words in reason


def test_live_is_admitted_where_it_is_allowed() -> None:
    live = Environment.LIVE

    assert objections(a_case(environment=live, arm_environment=live, live_allowed=True)) == ()


def test_a_clock_a_little_behind_is_no_objection() -> None:
    assert objections(a_case(requested_at_ms=NOW_MS + AHEAD_MAX_MS)) == ()


def test_all_reasons_are_given_together() -> None:
    case = a_case(account="other", latch_set=False, requested_at_ms=NOW_MS - 200_000, fired_request_id=None)

    assert len(objections(case)) == 4


@pytest.mark.parametrize(("age_s", "admitted"), [(121, True), (900, True), (901, False)])
def test_a_run_with_orders_is_resumed_while_it_counts_as_in_flight_and_not_days_later_i2(
    age_s: int, *, admitted: bool
) -> None:
    case = a_case(requested_at_ms=NOW_MS - age_s * 1_000, orders_on_record=True)

    assert (objections(case) == ()) is admitted
