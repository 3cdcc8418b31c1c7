"""What the console says of a run, and of the arms before it."""

from decimal import Decimal

from msgspec.structs import replace

from closing.progress import RunRecord
from contracts.arming import ArmDisarmed, Gate
from contracts.base import Event
from contracts.flattening import OrderState, PositionFate, PositionOutcome, RunVerdict
from contracts.vocabulary import PositionSide
from governor.core.shown.past import KEPT, Past
from governor.core.shown.runs import RunShown, State, run_shown
from support.arms import a_wait
from support.run_events import (
    REQUEST_ID,
    T0_MS,
    accepted,
    completed,
    intended,
    refused,
    residual,
    resolved,
    started,
    two_closed,
    verified,
    waiting,
    whole_run,
)


def shown(*events: Event) -> RunShown:
    record = RunRecord(REQUEST_ID)
    for event in events:
        record.take(event)
    return run_shown(record)


def funnel(run: RunShown) -> list[int | None]:
    return [stage.positions for stage in run.funnel]


def states(run: RunShown) -> dict[str, State]:
    return {position.symbol: position.state for position in run.positions}


def outcome(symbol: str, fate: PositionFate) -> PositionOutcome:
    return PositionOutcome(
        symbol=symbol,
        position_side=PositionSide.BOTH,
        quantity_before=Decimal(1),
        quantity_after=Decimal(0),
        mark_price=None,
        notional_usd=None,
        fate=fate,
    )


def test_what_is_not_known_yet_is_no_number() -> None:
    assert funnel(shown(accepted())) == [None] * 5
    assert funnel(shown(accepted(), started(), verified(0, still_open=2))) == [3, 2, None, None, None]


def test_the_funnel_grows_with_the_answers() -> None:
    run = shown(
        accepted(),
        started(),
        verified(0, still_open=2),
        intended("ETHUSDT", "9.1"),
        intended("BTCUSDT", "-1"),
        resolved("ETHUSDT", "9.1"),
    )

    assert funnel(run) == [3, 2, 2, 1, 1]
    assert states(run) == {"ETHUSDT": State.DONE, "BTCUSDT": State.WAITING}
    assert (run.stage, run.ended, run.verdict) == ("closing", False, "")


def test_the_verdicts_own_counts_end_it() -> None:
    run = shown(*whole_run(), completed())

    assert funnel(run) == [3, 2, 2, 2, 2]
    assert (run.ended, run.verdict, run.good, run.left) == (True, "flat", True, ())
    assert run.orders == "2 orders sent, 2 filled, 0 not filled"


def test_an_order_that_was_not_filled_is_trouble_and_says_why() -> None:
    run = shown(intended("ETHUSDT", "9.1"), resolved("ETHUSDT", "0", state=OrderState.REFUSED))

    (position,) = run.positions
    assert (position.state, position.word, position.why) == (State.TROUBLE, "refused", "the exchange said so")


def test_an_order_that_is_lost_is_in_doubt_and_not_called_failed() -> None:
    run = shown(intended("ETHUSDT", "9.1"), resolved("ETHUSDT", "0", state=OrderState.UNKNOWN))

    (position,) = run.positions
    assert (position.state, position.word, position.why) == (State.DOUBT, "unknown", "the exchange said so")


def test_an_order_that_never_left_was_not_sent() -> None:
    run = shown(intended("ETHUSDT", "9.1"), resolved("ETHUSDT", "0", state=OrderState.UNSENT))

    assert funnel(run)[3:] == [0, 0]


def test_a_position_that_a_later_order_closed_is_done() -> None:
    run = shown(
        intended("ETHUSDT", "9.1", chunk=0),
        resolved("ETHUSDT", "4", state=OrderState.PARTIAL, chunk=0),
        intended("ETHUSDT", "9.1", quantity="5.1", chunk=1),
        resolved("ETHUSDT", "5.1", chunk=1),
    )

    assert states(run) == {"ETHUSDT": State.DONE}


def test_a_position_that_is_left_by_a_rule_is_no_trouble() -> None:
    fates = {
        PositionFate.CLOSED: State.DONE,
        PositionFate.GONE: State.DONE,
        PositionFate.DUST: State.LEFT,
        PositionFate.BELOW_STEP: State.LEFT,
        PositionFate.UNTRADABLE: State.LEFT,
        PositionFate.OUT_OF_SCOPE: State.LEFT,
        PositionFate.OPEN: State.TROUBLE,
        PositionFate.NOT_ATTEMPTED: State.TROUBLE,
    }
    outcomes = tuple(outcome(fate.value, fate) for fate in PositionFate)

    run = shown(replace(completed(), outcomes=outcomes))

    assert states(run) == {fate.value: state for fate, state in fates.items()}


def test_what_is_left_open_is_named_with_its_reason_and_never_called_good_i17() -> None:
    left = (residual("ETHUSDT", "0.1"), residual("XRPUSDT", None, None, "its row could not be read"))

    run = shown(completed(RunVerdict.NOT_FLAT, left=left, resting_left=(waiting("ETHUSDT"),)))

    assert not run.good
    assert [(row.symbol, row.quantity, row.usd, row.reason) for row in run.left] == [
        ("ETHUSDT", "0.1", "100.00", "still open"),
        ("XRPUSDT", None, None, "its row could not be read"),
    ]
    assert (run.left_usd, run.waiting_orders) == ("100.00", 1)


def test_the_steps_have_the_times_of_the_record() -> None:
    seen = {step.name: step.at_ms for step in shown(*whole_run()).steps}
    told = {step.name: step.at_ms for step in shown(*whole_run(), completed()).steps}

    assert seen == {
        "accepted": T0_MS,
        "started": T0_MS + 10,
        "first order": T0_MS + 30,
        "last order": None,
        "verified": T0_MS + 20,
        "verdict": None,
    }
    assert (told["last order"], told["verdict"]) == (T0_MS + 40, T0_MS + 410)


def past(*events: Event) -> Past:
    kept = Past()
    for event in events:
        kept.take(event)
    return kept


def test_the_newest_arm_stands_first_with_what_came_of_it() -> None:
    arms = past(*whole_run(), completed(), refused(Gate.COOLDOWN, arm_id="arm-2")).arms()

    assert [(arm.arm_id, arm.decision, arm.verdict) for arm in arms] == [
        ("arm-2", "refused", ""),
        ("arm-1", "accepted", "flat"),
    ]
    assert arms[0].failed == ("cooldown: cooldown as seen",)
    assert (arms[1].closed, arms[1].to_close) == (2, 2)


def test_an_arm_that_waits_says_for_how_many_and_is_one_arm_when_it_is_decided() -> None:
    assert [arm.decision for arm in past(a_wait()).arms()] == ["waits for 1 more to sign"]
    assert [arm.decision for arm in past(a_wait(), accepted()).arms()] == ["accepted"]


def test_a_disarm_that_came_too_late_changes_nothing() -> None:
    late = ArmDisarmed(arm_id="arm-1", operator="bob", reason="late", first_outcome="fired", disarmed_at_ms=T0_MS + 1)

    assert [arm.decision for arm in past(accepted(), late).arms()] == ["accepted"]


def test_no_more_is_kept_than_is_shown() -> None:
    arms = past(*(refused(Gate.COOLDOWN, arm_id=f"arm-{number}") for number in range(KEPT + 5))).arms()

    assert len(arms) == KEPT
    assert arms[0].arm_id == f"arm-{KEPT + 4}"


def test_the_run_that_is_shown_is_the_newest() -> None:
    kept = past(*whole_run(), completed(), accepted("req-2", "arm-2"))

    run = kept.run()
    assert run is not None
    assert (run.request_id, run.ended, kept.under_way) == ("req-2", False, True)


def test_the_end_of_another_run_does_not_hide_the_one_under_way() -> None:
    kept = past(accepted("req-2", "arm-2"), completed(counts=two_closed()))

    run = kept.run()
    assert run is not None
    assert run.request_id == "req-2"


def test_a_verdict_that_was_read_before_its_arm_is_not_lost() -> None:
    kept = past(completed(), accepted("req-0", "arm-0"), *whole_run())

    run = kept.run()
    assert run is not None
    assert (run.request_id, run.verdict) == (REQUEST_ID, "flat")


def test_nothing_on_record_is_no_run() -> None:
    assert past().run() is None
    assert past().arms() == ()
