"""What an answer or a look-up makes of an order's record."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from closing.filters import PositionKey
from closing.planning import PlannedOrder, client_order_id
from contracts.flattening import OrderState
from contracts.vocabulary import PositionSide
from exchange.model import Accepted, Failed, NotFound, ReducingOrder, Refused, SendResult, Unknown, Unsent
from flatten_executor.core.orders import (
    OrderRecord,
    answered,
    found,
    intended,
    not_found,
    on_its_way_again,
    rounds_spent,
)
from support.exchange_builders import position

ID = client_order_id("req-1", PositionKey("ETHUSDT", PositionSide.BOTH), 1, 0)


def a_record() -> OrderRecord:
    planned = PlannedOrder(
        order=ReducingOrder.closing(position("2"), Decimal(2), ID),
        position_quantity=Decimal(2),
        mark_price=Decimal(100),
        round_number=1,
        chunk=0,
    )
    return intended(planned, 1_000)


def accepted(filled: str, status: str = "EXPIRED", *, final: bool = True) -> Accepted:
    return Accepted(client_order_id=ID, exchange_order_id="77", status=status, filled=Decimal(filled), final=final)


@pytest.mark.parametrize(
    ("result", "state", "live"),
    [
        (accepted("2"), OrderState.FILLED, False),
        (accepted("1.5", "FILLED"), OrderState.FILLED, False),
        (accepted("1.5"), OrderState.PARTIAL, False),
        (accepted("0"), OrderState.PARTIAL, False),
        (accepted("0", final=False), OrderState.UNKNOWN, True),
        (Refused(client_order_id=ID, code=-2022, reason="rejected"), OrderState.REFUSED, False),
        (Failed(client_order_id=ID, code=-1001, reason="internal"), OrderState.FAILED, False),
        (Unknown(client_order_id=ID, code=-1007, reason="timeout"), OrderState.UNKNOWN, True),
    ],
)
def test_an_answer_decides_whether_the_order_may_still_be_live_i7(
    result: SendResult, state: OrderState, *, live: bool
) -> None:
    record = answered(a_record(), result, 2_000)

    assert (record.state, record.may_be_live, record.reached_wire) == (state, live, True)
    assert (record.ended_at_ms is None) == live


def test_an_intended_order_may_be_live_until_someone_knows_better_i7() -> None:
    assert a_record().may_be_live


def test_an_order_that_is_found_takes_what_the_exchange_says() -> None:
    record = found(a_record(), accepted("2"), 3_000)

    assert (record.filled, record.exchange_order_id, record.ended_at_ms) == (Decimal(2), "77", 3_000)


def test_an_order_that_never_left_is_not_counted_as_sent() -> None:
    record = not_found(a_record(), NotFound(client_order_id=ID), 3_000)

    assert (record.state, record.reached_wire) == (OrderState.NEVER_ARRIVED, False)


def test_the_record_goes_over_the_wire_as_it_was_planned_i10() -> None:
    assert a_record().as_order() == ReducingOrder.closing(position("2"), Decimal(2), ID)


UNSENT = Unsent(client_order_id=ID, reason="sending was stopped")


def test_an_order_that_is_handed_back_unsent_is_over_and_was_never_sent() -> None:
    record = answered(a_record(), UNSENT, 3_000)

    assert (record.state, record.reached_wire, record.may_be_live) == (OrderState.UNSENT, False, False)


def test_an_order_whose_second_attempt_never_left_is_what_the_first_one_made_it() -> None:
    failed = answered(a_record(), Failed(client_order_id=ID, code=-1001, reason="internal"), 2_000)

    record = answered(on_its_way_again(failed), UNSENT, 3_000)

    assert (record.state, record.reached_wire, record.may_be_live) == (OrderState.FAILED, True, False)


def test_an_order_on_its_way_again_may_be_live_i7() -> None:
    failed = answered(a_record(), Failed(client_order_id=ID, code=-1001, reason="internal"), 2_000)

    record = on_its_way_again(failed)

    assert (record.may_be_live, record.ended_at_ms) == (True, None)
    assert record.as_order() == a_record().as_order()


def test_a_refusal_outside_the_price_band_is_remembered() -> None:
    refused = Refused(client_order_id=ID, code=-4131, reason="band", outside_band=True)

    assert answered(a_record(), refused, 2_000).outside_band


@pytest.mark.parametrize("breaks", [True, False])
def test_a_refusal_by_the_instruments_rules_is_remembered(*, breaks: bool) -> None:
    refused = Refused(client_order_id=ID, code=-1111, reason="precision", breaks_rules=breaks)

    assert answered(a_record(), refused, 2_000).breaks_rules == breaks


@pytest.mark.parametrize(
    ("state", "reached_wire", "spent"),
    [
        (OrderState.FILLED, True, {1}),
        (OrderState.PARTIAL, True, {1}),
        (OrderState.REFUSED, True, {1}),
        (OrderState.UNKNOWN, True, {1}),
        (OrderState.INTENDED, False, {1}),
        (OrderState.NEVER_ARRIVED, True, {1}),
        (OrderState.NEVER_ARRIVED, False, set()),
        (OrderState.FAILED, True, set()),
        (OrderState.UNSENT, False, set()),
    ],
)
def test_a_round_in_which_nothing_came_to_an_end_is_not_spent(
    state: OrderState, spent: set[int], *, reached_wire: bool
) -> None:
    assert rounds_spent([replace(a_record(), state=state, reached_wire=reached_wire)]) == spent


RESULTS = st.sampled_from(
    [
        accepted("2"),
        accepted("1"),
        accepted("0", final=False),
        Refused(client_order_id=ID, code=-2022, reason="rejected"),
        Failed(client_order_id=ID, code=-1001, reason="internal"),
        Unknown(client_order_id=ID, code=-1007, reason="timeout"),
        UNSENT,
    ]
)


@given(st.lists(RESULTS, min_size=1, max_size=5))
def test_whatever_the_attempts_came_to_an_order_counts_as_sent_exactly_when_one_left_i8(
    results: list[SendResult],
) -> None:
    record = a_record()
    for result in results:
        record = answered(on_its_way_again(record), result, 2_000)

    left = any(not isinstance(result, Unsent) for result in results)
    assert record.reached_wire == left
    assert (record.state is OrderState.UNSENT) == (not left)
    assert record.filled <= record.quantity
