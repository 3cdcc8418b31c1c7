"""What an answer or a look-up makes of an order's record."""

from decimal import Decimal

import pytest

from contracts.flattening import OrderState
from contracts.vocabulary import PositionSide
from exchange.model import Accepted, Failed, NotFound, ReducingOrder, Refused, SendResult, Unknown
from flatten_executor.core.filters import PositionKey
from flatten_executor.core.orders import OrderRecord, answered, found, intended, not_found
from flatten_executor.core.planning import PlannedOrder, client_order_id
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
