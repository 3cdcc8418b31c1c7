from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from closing.quantities import ORDERS_PER_POSITION, closable_quantity, split
from exchange.model import Instrument
from support.exchange_builders import instrument, instruments

QUANTITIES = st.decimals(min_value=0, max_value=10**12, allow_nan=False, places=8)


@given(QUANTITIES, instruments())
def test_every_order_of_a_split_is_one_that_the_venue_takes_i13(quantity: Decimal, listed: Instrument) -> None:
    closable = closable_quantity(quantity, listed)
    orders = split(closable, listed) if closable else ()

    assert len(orders) <= ORDERS_PER_POSITION
    assert sum(orders) <= closable <= quantity
    assert sum(orders) == closable or len(orders) == ORDERS_PER_POSITION
    for order in orders:
        assert listed.min_quantity <= order <= listed.max_quantity
        assert order % listed.step == 0


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [("2.5", ["1", "1", "0.5"]), ("2.0", ["1", "1"]), ("2.05", ["1", "0.95", "0.1"]), ("0.3", ["0.3"])],
)
def test_a_split_never_leaves_a_rest_that_is_too_small_to_send(quantity: str, expected: list[str]) -> None:
    listed = instrument(step="0.01", smallest="0.1", largest="1")

    assert list(split(Decimal(quantity), listed)) == [Decimal(order) for order in expected]


def test_less_than_the_minimum_cannot_be_closed() -> None:
    assert closable_quantity(Decimal("0.09"), instrument(step="0.01", smallest="0.1")) == 0


def test_what_no_two_orders_can_share_is_left_over() -> None:
    """Eleven, by orders of six to ten."""
    assert split(Decimal(11), instrument(step="1", smallest="6", largest="10")) == (Decimal(10),)
