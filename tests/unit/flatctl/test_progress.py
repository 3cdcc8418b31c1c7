"""A run as the record tells it so far."""

import itertools

from contracts.flattening import Counts, OrderState, RunVerdict
from flatctl.progress import RunProgress
from support.run_events import (
    REQUEST_ID,
    completed,
    intended,
    residual,
    resolved,
    started,
    two_closed,
    verified,
    whole_run,
)


def a_progress(*events: object) -> RunProgress:
    progress = RunProgress(REQUEST_ID)
    for event in events:
        progress.add(event)  # type: ignore[arg-type]  # builders give events
    return progress


def test_the_funnel_grows_with_the_record() -> None:
    progress = a_progress(started(), verified(0, still_open=2), intended("ETHUSDT", "9.1"))

    assert progress.funnel() == "seen=3 open_before=2 sent=1 answered=0 orders=1 filled=0"


def test_the_final_funnel_is_that_of_the_verdict() -> None:
    left = (residual("ETHUSDT", "0.1"),)
    counts = two_closed(ok=1, orders_ok=1, errors=1)
    progress = a_progress(*whole_run(), completed(RunVerdict.NOT_FLAT, counts=counts, left=left))

    assert progress.funnel() == "seen=3 nonzero=2 filtered=2 sent=2 ok=1 errors=1 verdict=not_flat"


def test_an_order_without_an_answer_is_shown_as_such() -> None:
    progress = a_progress(intended("ETHUSDT", "9.1"), intended("BTCUSDT", "-1"), resolved("BTCUSDT", "1"))

    states = {position.symbol: position.state for position in progress.positions()}
    assert states == {"ETHUSDT": "sent, no answer yet", "BTCUSDT": "filled"}


def test_the_chunks_of_a_position_add_up() -> None:
    progress = a_progress(
        intended("ETHUSDT", "9.1", quantity="5", chunk=0),
        intended("ETHUSDT", "9.1", quantity="4.1", chunk=1),
        resolved("ETHUSDT", "5", chunk=0),
        resolved("ETHUSDT", "4.1", chunk=1),
    )

    (position,) = progress.positions()
    assert (position.orders, str(position.filled_quantity), position.settled) == (2, "9.1", True)


def test_orders_that_went_wrong_are_counted_by_what_happened() -> None:
    progress = a_progress(
        intended("ETHUSDT", "1"),
        intended("BTCUSDT", "1"),
        resolved("ETHUSDT", "0", state=OrderState.REFUSED),
        resolved("BTCUSDT", "0", state=OrderState.UNKNOWN),
    )

    assert "filled=0 refused=1 unknown=1" in progress.funnel()


def test_events_of_another_run_change_nothing() -> None:
    progress = a_progress(started("req-other"), intended("ETHUSDT", "1", request_id="req-other"))

    assert progress.positions() == ()
    assert progress.stage == "waiting for the executor"


def test_an_event_that_comes_twice_is_told_once() -> None:
    progress = a_progress(intended("ETHUSDT", "1"))

    first, second = (progress.add(resolved("ETHUSDT", "1")) for _ in range(2))
    assert first
    assert second == ""


def test_an_answer_that_changes_is_told_again() -> None:
    progress = a_progress(intended("ETHUSDT", "1"), resolved("ETHUSDT", "0", state=OrderState.UNKNOWN))

    assert "filled 1" in progress.add(resolved("ETHUSDT", "1"))


def test_a_run_that_was_taken_over_says_so() -> None:
    assert "taking over (attempt 2)" in RunProgress(REQUEST_ID).add(started(fence=2))


def test_orders_may_come_in_any_order_before_their_intents() -> None:
    events = [intended("ETHUSDT", "1"), intended("BTCUSDT", "1"), resolved("ETHUSDT", "1"), resolved("BTCUSDT", "1")]

    pictures = {a_progress(*order).funnel() for order in itertools.permutations(events)}
    assert pictures == {"sent=2 answered=2 orders=2 filled=2"}


def test_the_stages_follow_the_record() -> None:
    progress = RunProgress(REQUEST_ID)
    stages = []
    for event in (*whole_run(), completed()):
        progress.add(event)
        stages.append(progress.stage)

    assert list(dict.fromkeys(stages)) == [
        "waiting for the executor",
        "reading the exchange",
        "planning",
        "closing",
        "verifying",
        "finished",
    ]


def test_an_empty_account_has_a_funnel_of_zeros() -> None:
    progress = a_progress(completed(counts=Counts(seen=3, zero=3)))

    assert progress.funnel() == "seen=3 nonzero=0 filtered=0 sent=0 ok=0 errors=0 verdict=flat"
