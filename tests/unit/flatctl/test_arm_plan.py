"""How old what an operator goes by may be, and the notional as it is typed."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from contracts.arming import ARM_LIFETIME_MAX_MS, ISSUED_AHEAD_MAX_MS
from flatctl.arm_plan import PLAN_AGE_MAX_MS, Basis
from flatctl.exits import REFUSED, CommandFailed
from support.accounts import a_plan, an_account
from support.exchange_builders import position

PLAN = a_plan(an_account(position("9.1", mark="3446")))


@pytest.mark.parametrize("age_ms", [0, PLAN_AGE_MAX_MS, -ISSUED_AHEAD_MAX_MS])
@pytest.mark.parametrize("path", ["", "plan.json"])
def test_a_plan_counts_for_as_long_as_an_arm_may_live(age_ms: int, path: str) -> None:
    Basis(plan=PLAN, path=path).require_fresh(PLAN.taken_at_ms + age_ms)

    assert PLAN_AGE_MAX_MS == ARM_LIFETIME_MAX_MS


@pytest.mark.parametrize("age_ms", [PLAN_AGE_MAX_MS + 1, -ISSUED_AHEAD_MAX_MS - 1])
@pytest.mark.parametrize(("path", "words"), [("", "run the command again"), ("plan.json", "flatctl plan --save")])
def test_an_older_one_or_one_of_tomorrow_is_refused(age_ms: int, path: str, words: str) -> None:
    with pytest.raises(CommandFailed, match=words) as failed:
        Basis(plan=PLAN, path=path).require_fresh(PLAN.taken_at_ms + age_ms)

    assert failed.value.code == REFUSED


@pytest.mark.parametrize(
    ("notional", "typed"), [("1234567.5", "1234568"), ("0.49", "0"), ("0", "0"), ("1E+3", "1000"), ("2.5", "3")]
)
def test_the_notional_is_typed_in_whole_dollars_without_separators(notional: str, typed: str) -> None:
    assert Basis(plan=replace(PLAN, notional_usd=Decimal(notional))).notional == typed
    assert Basis().notional == ""
