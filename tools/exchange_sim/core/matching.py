"""Orders against the book: market orders, limit orders that rest or not, and what a price move does to them."""

from decimal import Decimal

from exchange_sim.core.account import Account
from exchange_sim.core.admission import admit
from exchange_sim.core.errors import refusal
from exchange_sim.core.market import Market
from exchange_sim.core.numbers import ZERO
from exchange_sim.core.orders import Order, OrderRequest


def place(request: OrderRequest, market: Market, account: Account, now_ms: int) -> Order:
    """Take an order and match it at once. Raises the venue's refusal; then nothing has changed."""
    quantity = admit(request, market, account)
    crosses = request.kind == "MARKET" or _crosses(request.side, request.price or ZERO, request.symbol, market)
    if request.time_in_force == "GTX" and crosses:
        raise refusal(-5022)
    order_id = account.new_order_id()
    order = Order(
        order_id=order_id,
        client_order_id=request.client_order_id or f"sim{order_id}",
        symbol=request.symbol,
        side=request.side,
        kind=request.kind,
        quantity=quantity,
        price=request.price or ZERO,
        time_in_force=request.time_in_force,
        position_side=request.position_side,
        reduce_only=bool(request.reduce_only),
        created_ms=now_ms,
        updated_ms=now_ms,
    )
    account.remember(order)
    if crosses:
        _trade(order, market, account, now_ms)
    rests = order.kind == "LIMIT" and order.time_in_force in ("GTC", "GTX")
    if order.live and not rests:
        account.close_order(order, market.expire_status(order.symbol), now_ms)
    expire_orphans(order.symbol, account, now_ms)
    return order


def rest(order: Order, account: Account) -> None:
    """Put an order into the book as it is, without checks: it was there before the scenario began."""
    account.remember(order)


def cancel(order: Order, account: Account, now_ms: int) -> None:
    """Cancel an open order; -2011 when it is not open any more."""
    if not order.live:
        raise refusal(-2011)
    account.close_order(order, "CANCELED", now_ms)


def cancel_symbol(symbol: str, account: Account, now_ms: int) -> list[Order]:
    """Cancel every open order of one symbol."""
    orders = [order for order in account.open.values() if order.symbol == symbol]
    for order in orders:
        account.close_order(order, "CANCELED", now_ms)
    return orders


def reprice(symbol: str, market: Market, account: Account, now_ms: int) -> None:
    """Fill the resting orders that the book has come to."""
    for order in [order for order in account.open.values() if order.symbol == symbol]:
        if not order.live or not _crosses(order.side, order.price, symbol, market):
            continue
        quantity = order.remaining
        if order.reduce_only:
            quantity = min(quantity, abs(account.leg(symbol, order.position_side).quantity))
        account.fill(order, quantity, order.price, now_ms, maker=True)
        expire_orphans(symbol, account, now_ms)


def expire_orphans(symbol: str, account: Account, now_ms: int) -> None:
    """End the reduce-only orders that have nothing left to reduce, as the venue does when a position is closed."""
    for order in [order for order in account.open.values() if order.symbol == symbol and order.reduce_only]:
        position = account.leg(symbol, order.position_side).quantity
        if position * order.signed >= 0:
            account.close_order(order, "EXPIRED", now_ms)


def _crosses(side: str, price: Decimal, symbol: str, market: Market) -> bool:
    bid, ask = market.best(symbol)
    return price >= ask if side == "BUY" else price <= bid


def _trade(order: Order, market: Market, account: Account, now_ms: int) -> None:
    found = min(order.remaining, market.available(order.symbol, order.side))
    if found <= 0 or (order.time_in_force == "FOK" and found < order.remaining):
        return
    market.take(order.symbol, order.side, found)
    account.fill(order, found, market.counter_price(order.symbol, order.side), now_ms)
