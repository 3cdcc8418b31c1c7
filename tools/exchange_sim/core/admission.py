"""Which orders the venue takes: mode, symbol status, filters, reduce-only. Each check raises the venue's refusal."""

from decimal import Decimal
from typing import Final

from exchange_sim.core.account import Account, is_closing
from exchange_sim.core.errors import refusal
from exchange_sim.core.instruments import Instrument, LotRule
from exchange_sim.core.market import Market
from exchange_sim.core.numbers import decimals, is_multiple, short
from exchange_sim.core.orders import OrderRequest

_CLOSED: Final = ("SETTLING", "DELIVERING", "CLOSE", "DELIVERED")


def admit(request: OrderRequest, market: Market, account: Account) -> Decimal:
    """Return the quantity to work: as asked, or shrunk to the position when the order may only reduce."""
    instrument = market.instrument(request.symbol)
    check_mode(request.position_side, request.reduce_only, hedge_mode=account.hedge_mode)
    check_status(instrument, reducing=_reduces(request, account))
    _check_quantity(request, instrument)
    if request.client_order_id is not None and account.live_client_id(request.client_order_id):
        raise refusal(-4116)
    _check_price(request, instrument, market)
    quantity = _within_position(request, account)
    if not _reduces(request, account):
        _check_notional(request, instrument, market)
    return quantity


def check_mode(position_side: str, reduce_only: bool | None, *, hedge_mode: bool) -> None:  # noqa: FBT001 - three-valued
    """`positionSide` belongs to hedge mode and is a must there; `reduceOnly` may not be sent in hedge mode at all."""
    if (position_side == "BOTH") == hedge_mode:
        raise refusal(-4061)
    if hedge_mode and reduce_only is not None:
        raise refusal(-1106, "reduceonly")


def check_status(instrument: Instrument, *, reducing: bool) -> None:
    """TRADING takes everything, PRE_SETTLE only what reduces, every other state nothing."""
    if instrument.status in _CLOSED:
        raise refusal(-4141)
    if instrument.status != "TRADING" and not (instrument.status == "PRE_SETTLE" and reducing):
        raise refusal(-4140)


def check_lot(quantity: Decimal, instrument: Instrument, rules: tuple[LotRule, ...]) -> None:
    """Digits first (-1111), then bounds, then step, as the venue reports them."""
    if quantity <= 0:
        raise refusal(-4003)
    if decimals(quantity) > instrument.quantity_places:
        raise refusal(-1111)
    for rule in rules:
        if quantity < rule.minimum:
            raise refusal(-4004)
        if quantity > rule.maximum:
            raise refusal(-4005)
        if not is_multiple(quantity, rule.step):
            raise refusal(-4023)


def _reduces(request: OrderRequest, account: Account) -> bool:
    if request.position_side == "BOTH":
        return bool(request.reduce_only)
    return is_closing(request.side, request.position_side, account.leg(request.symbol, request.position_side).quantity)


def _check_quantity(request: OrderRequest, instrument: Instrument) -> None:
    # A market order answers to both rules: on some symbols the market maximum is the larger one.
    rules = (instrument.lot, instrument.market_lot) if request.kind == "MARKET" else (instrument.lot,)
    check_lot(request.quantity, instrument, rules)


def _check_price(request: OrderRequest, instrument: Instrument, market: Market) -> None:
    mark = market.marks[request.symbol]
    highest, lowest = mark * instrument.multiplier_up, mark * instrument.multiplier_down
    if request.price is None:
        best = market.counter_price(request.symbol, request.side)
        if (best > highest) if request.side == "BUY" else (best < lowest):
            raise refusal(-4131)
        return
    if request.price < instrument.minimum_price:
        raise refusal(-4013)
    if decimals(request.price) > instrument.price_places:
        raise refusal(-1111)
    if not is_multiple(request.price - instrument.minimum_price, instrument.tick):
        raise refusal(-4014)
    if request.side == "BUY" and request.price > highest:
        raise refusal(-4016)
    if request.side == "SELL" and request.price < lowest:
        raise refusal(-4024)


def _within_position(request: OrderRequest, account: Account) -> Decimal:
    if not _reduces(request, account):
        return request.quantity
    position = account.leg(request.symbol, request.position_side).quantity
    if position == 0 or not is_closing(request.side, request.position_side, position):
        raise refusal(-2022)
    size = abs(position)
    hedged = request.position_side != "BOTH"
    quantity = request.quantity if hedged else min(request.quantity, size)
    # What rests on the closing side already claims its part of the position: cancel it first.
    if quantity + account.resting(request.symbol, request.side, request.position_side) > size:
        raise refusal(-2022)
    return quantity


def _check_notional(request: OrderRequest, instrument: Instrument, market: Market) -> None:
    price = market.marks[request.symbol] if request.price is None else request.price
    if request.quantity * price < instrument.minimum_notional:
        raise refusal(-4164, short(instrument.minimum_notional))
