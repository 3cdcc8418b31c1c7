import re
from decimal import Decimal

from hypothesis import given
from msgspec.structs import replace

from closing.filters import Limits, PositionKey
from closing.planning import PlannedOrder, client_order_id, plan_round
from contracts.arming import Scope
from contracts.vocabulary import OrderSide, PositionSide
from exchange.model import Instrument, PositionReading
from support.exchange_builders import instrument, position, reading, sieved, universes

LIMITS = Limits(quantity_epsilon=Decimal("1e-8"), min_notional_usd=Decimal("1.0"), max_positions=200, max_rounds=3)

Universe = tuple[PositionReading, dict[str, Instrument]]


def planned(
    universe: Universe, *, round_number: int = 1, request_id: str = "req-1", at_band: bool = False
) -> tuple[PlannedOrder, ...]:
    rows, listed = universe
    to_close = sieved(rows, {}, listed, Scope(), LIMITS).to_close
    keys = {sifted.key for sifted in to_close} if at_band else ()
    return plan_round(to_close, listed, request_id=request_id, round_number=round_number, at_band=keys)


@given(universes())
def test_every_order_is_on_the_opposite_side_of_its_position_i5(universe: Universe) -> None:
    for order in planned(universe):
        expected = OrderSide.SELL if order.position_quantity > 0 else OrderSide.BUY
        assert order.order.side is expected


@given(universes())
def test_the_orders_of_a_position_never_add_up_to_more_than_it_i6(universe: Universe) -> None:
    asked: dict[PositionKey, Decimal] = {}
    held: dict[PositionKey, Decimal] = {}
    for order in planned(universe):
        asked[order.key] = asked.get(order.key, Decimal(0)) + order.order.quantity
        held[order.key] = abs(order.position_quantity)

    assert all(asked[key] <= held[key] for key in asked)


@given(universes())
def test_every_quantity_is_one_that_the_venue_takes_i13(universe: Universe) -> None:
    _, listed = universe
    for order in planned(universe):
        quantity, rules = order.order.quantity, listed[order.order.symbol]
        assert quantity.is_finite()
        assert quantity > 0
        assert quantity % rules.step == 0
        assert rules.min_quantity <= quantity <= rules.max_quantity


@given(universes())
def test_no_two_orders_share_a_client_order_id_i7(universe: Universe) -> None:
    first = [order.order.client_order_id for order in planned(universe, round_number=1)]
    second = [order.order.client_order_id for order in planned(universe, round_number=2)]
    other = [order.order.client_order_id for order in planned(universe, request_id="req-2")]

    assert len(set(first + second + other)) == len(first + second + other)
    assert all(re.fullmatch(r"[.A-Z:/a-z0-9_-]{1,36}", order_id) for order_id in first)


def test_the_legs_of_a_symbol_have_orders_of_their_own_i7() -> None:
    ids = {
        client_order_id("req-1", PositionKey("ETHUSDT", side), round_number, chunk)
        for side in (PositionSide.LONG, PositionSide.SHORT)
        for round_number in (1, 2)
        for chunk in (0, 1)
    }

    assert len(ids) == 8


@given(universes())
def test_the_same_state_gives_the_same_orders_i16(universe: Universe) -> None:
    assert planned(universe) == planned(universe)


def test_the_largest_notional_goes_first_and_an_unknown_one_before_it() -> None:
    rows = reading(
        position("1", symbol="SMALL"), position("9", symbol="LARGE"), position("1", symbol="UNPRICED", mark=None)
    )
    listed = {symbol: instrument(symbol) for symbol in ("SMALL", "LARGE", "UNPRICED")}

    assert [order.order.symbol for order in planned((rows, listed))] == ["UNPRICED", "LARGE", "SMALL"]


@given(universes())
def test_an_order_at_the_price_band_differs_from_the_market_order_in_its_price_alone_i5_i6_i13(
    universe: Universe,
) -> None:
    market, limited = planned(universe), planned(universe, at_band=True)

    assert [replace(order.order, limit_price=None) for order in limited] == [order.order for order in market]
    assert all(order.order.limit_price is None for order in market)


@given(universes())
def test_a_price_at_the_band_is_a_multiple_of_the_tick_within_the_band_around_the_mark_i13(universe: Universe) -> None:
    _, listed = universe
    for order in planned(universe, at_band=True):
        price, mark, rules = order.order.limit_price, order.mark_price, listed[order.order.symbol]
        if mark is None or rules.price_multiplier_down is None or rules.price_multiplier_up is None:
            assert price is None
        elif price is not None:
            assert price > 0
            assert price % rules.tick == 0
            selling = order.order.side is OrderSide.SELL
            assert price >= mark * rules.price_multiplier_down if selling else price <= mark * rules.price_multiplier_up


def test_a_symbol_splits_into_chunks_of_one_price_at_the_band() -> None:
    rules = replace(instrument(largest="5"), price_multiplier_up=Decimal("1.05"), price_multiplier_down=Decimal("0.95"))

    orders = planned((reading(position("-12", mark="2000")), {"ETHUSDT": rules}), at_band=True)

    assert [(order.order.quantity, order.order.limit_price) for order in orders] == [
        (Decimal(5), Decimal("2095.00")),
        (Decimal(5), Decimal("2095.00")),
        (Decimal(2), Decimal("2095.00")),
    ]
