"""One account: position mode, positions, orders, trades."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from msgspec import Struct

from exchange_sim.core.numbers import ZERO
from exchange_sim.core.orders import Order, Trade
from exchange_sim.core.words import PositionSide, Side

COMMISSION_RATE: Final = Decimal("0.0005")
BALANCE_DEFAULT: Final = Decimal(100_000)


class Leg(Struct, frozen=True, kw_only=True):
    """A position: signed quantity (negative is short) and what it cost per unit."""

    quantity: Decimal = ZERO
    entry_price: Decimal = ZERO
    updated_ms: int = 0


FLAT: Final = Leg()
LegKey = tuple[str, PositionSide]


def is_closing(side: Side, position_side: PositionSide, quantity: Decimal) -> bool:
    """Whether an order of this side makes the position smaller."""
    if position_side == "BOTH":
        return quantity != 0 and (side == "SELL") == (quantity > 0)
    return (side == "SELL") == (position_side == "LONG")


class Account:
    """Everything that belongs to the account. Only `matching` and scenarios change it."""

    def __init__(self) -> None:
        self.hedge_mode = False
        self.balance = BALANCE_DEFAULT
        self.legs: dict[LegKey, Leg] = {}
        self.orders: dict[int, Order] = {}
        self.open: dict[int, Order] = {}
        self.trades: list[Trade] = []
        self._by_client_id: dict[str, list[int]] = {}
        self._next_order_id = 8_389_765_000
        self._next_trade_id = 409_410_000

    def leg(self, symbol: str, position_side: PositionSide) -> Leg:
        """Return a position, flat where there is none."""
        return self.legs.get((symbol, position_side), FLAT)

    def set_leg(self, key: LegKey, leg: Leg) -> None:
        """Write a position, a flat one too: it keeps the time of its last change."""
        self.legs[key] = leg

    def switch_mode(self, *, hedge_mode: bool) -> None:
        """Change the mode. What is open moves to the leg that shows it now, as if it had been opened there."""
        if hedge_mode == self.hedge_mode:
            return
        self.hedge_mode = hedge_mode
        opened, self.legs = list(self.open_legs()), {}
        for (symbol, _), leg in opened:
            side: PositionSide = "BOTH" if not hedge_mode else "LONG" if leg.quantity > 0 else "SHORT"
            total = leg.quantity + self.leg(symbol, side).quantity
            self.legs[symbol, side] = Leg(quantity=total, entry_price=leg.entry_price, updated_ms=leg.updated_ms)

    def sides(self) -> tuple[PositionSide, ...]:
        """Return the rows that `positionRisk` shows of every symbol in this mode."""
        return ("BOTH", "LONG", "SHORT") if self.hedge_mode else ("BOTH",)

    def open_legs(self) -> Iterator[tuple[LegKey, Leg]]:
        """Yield every position that is not flat."""
        return ((key, leg) for key, leg in self.legs.items() if leg.quantity != 0)

    def new_order_id(self) -> int:
        """Return the next id of an order."""
        self._next_order_id += 1
        return self._next_order_id

    def remember(self, order: Order) -> None:
        """File a new order."""
        self.orders[order.order_id] = order
        self._by_client_id.setdefault(order.client_order_id, []).append(order.order_id)
        self.open[order.order_id] = order

    def close_order(self, order: Order, status: str, now_ms: int) -> None:
        """End an order: it can no longer trade."""
        order.status, order.updated_ms = status, now_ms
        self.open.pop(order.order_id, None)

    def find(self, symbol: str, order_id: int | None, client_order_id: str | None) -> Order | None:
        """Return the order with this id, or the newest with this client id."""
        ids = [order_id] if order_id is not None else self._by_client_id.get(client_order_id or "", [])
        found = [self.orders[number] for number in ids if number in self.orders]
        return next((order for order in reversed(found) if order.symbol == symbol), None)

    def knows_client_id(self, client_order_id: str) -> bool:
        """Whether any accepted order ever had this client id."""
        return client_order_id in self._by_client_id

    def live_client_id(self, client_order_id: str) -> bool:
        """Whether an open order has this client id."""
        return any(self.orders[number].live for number in self._by_client_id.get(client_order_id, ()))

    def resting(self, symbol: str, side: Side, position_side: PositionSide) -> Decimal:
        """Sum what open orders would still close of a position: reduce-only ones, or a hedge leg's closing ones."""
        return sum(
            (
                order.remaining
                for order in self.open.values()
                if order.symbol == symbol
                and order.side == side
                and order.position_side == position_side
                and (order.reduce_only or position_side != "BOTH")
            ),
            ZERO,
        )

    def fill(self, order: Order, quantity: Decimal, price: Decimal, now_ms: int, *, maker: bool = False) -> None:
        """Trade `quantity` of an order at `price`: position, order and trade list change together."""
        key: LegKey = (order.symbol, order.position_side)
        before = self.leg(*key)
        after, realized = _moved(before, quantity * order.signed, price, now_ms)
        self.set_leg(key, after)
        self.balance += realized - quantity * price * COMMISSION_RATE
        order.executed += quantity
        order.quote += quantity * price
        order.updated_ms = now_ms
        order.status = "FILLED" if order.remaining == 0 else "PARTIALLY_FILLED"
        if not order.live:
            self.open.pop(order.order_id, None)
        self._next_trade_id += 1
        self.trades.append(
            Trade(
                trade_id=self._next_trade_id,
                order_id=order.order_id,
                symbol=order.symbol,
                side=order.side,
                position_side=order.position_side,
                price=price,
                quantity=quantity,
                realized=realized,
                maker=maker,
                time_ms=now_ms,
            )
        )


def _moved(leg: Leg, change: Decimal, price: Decimal, now_ms: int) -> tuple[Leg, Decimal]:
    """Return the position after trading a signed `change`, and the profit that this realised."""
    after = leg.quantity + change
    grows = leg.quantity == 0 or (leg.quantity > 0) == (change > 0)
    if grows:
        cost = abs(leg.quantity) * leg.entry_price + abs(change) * price
        return Leg(quantity=after, entry_price=cost / abs(after), updated_ms=now_ms), ZERO
    closed = min(abs(change), abs(leg.quantity))
    realized = (price - leg.entry_price) * closed * (1 if leg.quantity > 0 else -1)
    flipped = after != 0 and (after > 0) != (leg.quantity > 0)
    entry = ZERO if after == 0 else price if flipped else leg.entry_price
    return Leg(quantity=after, entry_price=entry, updated_ms=now_ms), realized
