from decimal import Decimal

import pytest
from hypothesis import given
from msgspec.structs import replace

from closing.filters import Bucket, Limits
from closing.forecast import ROUNDS_MAX, Forecast, forecast
from closing.planning import plan_round
from contracts.arming import Scope
from exchange.model import Instrument, Listings, Position, PositionMode, PositionReading
from support.exchange_builders import instrument, position, reading, sieved, universes

LIMITS = Limits(quantity_epsilon=Decimal("1e-8"), min_notional_usd=Decimal("1.0"), max_positions=200, max_rounds=3)
Universe = tuple[PositionReading, dict[str, Instrument]]


def told(
    rows: PositionReading, listed: dict[str, Instrument], *, scope: Scope | None = None, limits: Limits = LIMITS
) -> Forecast:
    listings = Listings(instruments=listed, unreadable={})
    return forecast(rows, {}, listings, scope or Scope(), limits, mode=PositionMode.ONE_WAY)


def of_one(row: Position, rules: Instrument) -> Forecast:
    return told(reading(row), {row.symbol: rules})


@given(universes())
def test_the_first_round_is_the_one_that_the_executor_would_send(universe: Universe) -> None:
    rows, listed = universe

    foretold = told(rows, listed)

    to_close = sieved(rows, {}, listed, Scope(), LIMITS).to_close
    sent = plan_round(to_close, listed, request_id="req-1", round_number=1)
    assert [replace(order.order, client_order_id="") for order in (foretold.rounds[0] if foretold.rounds else ())] == [
        replace(order.order, client_order_id="") for order in sent
    ]


@given(universes())
def test_orders_never_add_up_to_more_than_the_position_and_no_position_changes_sign_i6(universe: Universe) -> None:
    rows, listed = universe

    foretold = told(rows, listed)

    before = {sifted.key: sifted.position.quantity for sifted in foretold.before.nonzero}
    for sifted in foretold.after.nonzero:
        assert sifted.position.quantity * before[sifted.key] > 0
        assert abs(sifted.position.quantity) <= abs(before[sifted.key])


@given(universes())
def test_nothing_is_left_to_close_unless_it_takes_too_many_rounds(universe: Universe) -> None:
    rows, listed = universe

    foretold = told(rows, listed)

    assert not foretold.after.to_close or len(foretold.rounds) == ROUNDS_MAX


def test_a_rest_that_no_order_can_take_stays_open_with_its_reason_i17() -> None:
    """Eleven, by orders of six to ten."""
    foretold = of_one(position("11"), instrument(step="1", smallest="6", largest="10"))

    (left,) = foretold.after.open_in_scope
    assert (left.position.quantity, left.bucket) == (Decimal(1), Bucket.BELOW_STEP)
    assert [order.order.quantity for order in foretold.orders] == [Decimal(10)]


def test_a_rest_that_is_worth_nothing_is_dust() -> None:
    foretold = of_one(position("-2.0005", mark="100"), instrument(step="0.001"))

    (left,) = foretold.after.open_in_scope
    assert (left.position.quantity, left.bucket) == (Decimal("-0.0005"), Bucket.DUST)


def test_what_one_round_cannot_close_takes_another() -> None:
    foretold = of_one(position("250"), instrument(step="1", smallest="1", largest="1"))

    assert [len(orders) for orders in foretold.rounds] == [200, 50]
    assert not foretold.after.open_in_scope


def test_what_takes_too_many_rounds_is_said_to_stay_open_i17() -> None:
    foretold = of_one(position("5000"), instrument(step="1", smallest="1", largest="1"))

    (left,) = foretold.after.open_in_scope
    assert (len(foretold.rounds), left.position.quantity) == (ROUNDS_MAX, Decimal(1_000))


@pytest.mark.parametrize(("most", "orders"), [(2, 2), (1, 0)])
def test_beyond_the_limit_no_order_is_foretold_and_everything_stays_open_i17(most: int, orders: int) -> None:
    rows = reading(position("1", symbol="A"), position("1", symbol="B"))
    listed = {symbol: instrument(symbol) for symbol in ("A", "B")}

    foretold = told(rows, listed, limits=replace(LIMITS, max_positions=most))

    assert len(foretold.orders) == orders
    assert bool(foretold.would_abort) == bool(foretold.after.open_in_scope) == (orders == 0)
    assert "MAX_FLATTEN_SYMBOLS=1" in foretold.would_abort or orders
