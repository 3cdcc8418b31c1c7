"""Conditional orders. They live in a service of their own: cancelling a symbol's open orders does not touch them."""

from decimal import Decimal
from typing import Final, cast

from msgspec import Struct

from exchange_sim.core import matching, parameters
from exchange_sim.core.account import Account
from exchange_sim.core.admission import check_lot, check_mode, check_status
from exchange_sim.core.errors import VenueError, refusal
from exchange_sim.core.market import Market
from exchange_sim.core.numbers import ZERO
from exchange_sim.core.orders import OrderRequest
from exchange_sim.core.parameters import Params
from exchange_sim.core.words import CONDITIONAL_TYPES, POSITION_SIDES, SIDES, TIMES_IN_FORCE, PositionSide, Side

_PRICED: Final = ("STOP", "TAKE_PROFIT")


class AlgoOrder(Struct, kw_only=True):
    """A stop, a take-profit or a trailing stop that waits for its trigger."""

    algo_id: int
    client_algo_id: str
    symbol: str
    side: Side
    kind: str
    position_side: PositionSide
    quantity: Decimal
    price: Decimal
    trigger_price: Decimal
    time_in_force: str
    reduce_only: bool
    close_position: bool
    created_ms: int
    updated_ms: int
    status: str = "NEW"
    triggered_ms: int = 0
    order_id: int | None = None


class AlgoDesk:
    """All conditional orders of the account."""

    def __init__(self) -> None:
        self.orders: dict[int, AlgoOrder] = {}
        self._next_id = 2_146_000

    def new_id(self) -> int:
        """Return the next id."""
        self._next_id += 1
        return self._next_id

    def open(self, symbol: str | None = None) -> list[AlgoOrder]:
        """Return what still waits, of one symbol or of all."""
        return [
            order
            for order in self.orders.values()
            if order.status == "NEW" and (symbol is None or order.symbol == symbol)
        ]

    def find(self, params: Params) -> AlgoOrder:
        """Return the order named by `algoId` or `clientAlgoId`; -2013 when there is none."""
        algo_id, client_id = parameters.integer(params, "algoId"), params.get("clientAlgoId")
        if algo_id is None and not client_id:
            raise refusal(-1102, "algoId")
        for order in reversed(self.orders.values()):
            if order.algo_id == algo_id or (algo_id is None and order.client_algo_id == client_id):
                return order
        raise refusal(-2013)

    def cancel(self, order: AlgoOrder, now_ms: int) -> None:
        """Cancel a waiting order; -2011 when it does not wait any more."""
        if order.status != "NEW":
            raise refusal(-2011)
        order.status, order.updated_ms = "CANCELED", now_ms

    def place(self, params: Params, market: Market, account: Account, now_ms: int) -> AlgoOrder:
        """Take `POST /fapi/v1/algoOrder`; raises the venue's refusal."""
        order = self._read(params, now_ms)
        instrument = market.instrument(order.symbol)
        check_mode(order.position_side, parameters.flag(params, "reduceOnly"), hedge_mode=account.hedge_mode)
        check_status(instrument, reducing=order.reduce_only or order.close_position)
        if not order.close_position:
            check_lot(order.quantity, instrument, (instrument.lot,))
        if any(other.client_algo_id == order.client_algo_id for other in self.open()):
            raise refusal(-4116)
        if _triggered(order, market.marks[order.symbol]):
            raise refusal(-2021)
        self.orders[order.algo_id] = order
        return order

    def reprice(self, symbol: str, market: Market, account: Account, now_ms: int) -> None:
        """Send what the new mark price triggers."""
        for order in self.open(symbol):
            if _triggered(order, market.marks[symbol]):
                order.triggered_ms = order.updated_ms = now_ms
                _send(order, market, account, now_ms)

    def _read(self, params: Params, now_ms: int) -> AlgoOrder:
        parameters.choice(params, "algoType", ("CONDITIONAL",), -1130)
        symbol = parameters.required(params, "symbol")
        side = parameters.choice(params, "side", SIDES, -1117)
        kind = parameters.choice(params, "type", CONDITIONAL_TYPES, -1116)
        close_position = bool(parameters.flag(params, "closePosition"))
        if close_position and params.get("quantity"):
            raise refusal(-1106, "quantity")
        if not close_position:
            parameters.required(params, "quantity")
        if kind != "TRAILING_STOP_MARKET":
            parameters.required(params, "triggerPrice")
        if kind in _PRICED:
            parameters.required(params, "price")
        algo_id = self.new_id()
        return AlgoOrder(
            algo_id=algo_id,
            client_algo_id=parameters.client_order_id(params, "clientAlgoId") or f"simalgo{algo_id}",
            symbol=symbol,
            side=cast("Side", side),
            kind=kind,
            position_side=cast(
                "PositionSide", parameters.choice(params, "positionSide", POSITION_SIDES, -1130, default="BOTH")
            ),
            quantity=parameters.number(params, "quantity") or ZERO,
            price=parameters.number(params, "price") or ZERO,
            trigger_price=parameters.number(params, "triggerPrice") or ZERO,
            time_in_force=parameters.choice(params, "timeInForce", (*TIMES_IN_FORCE, "GTE_GTC"), -1115, default="GTC"),
            reduce_only=bool(parameters.flag(params, "reduceOnly")),
            close_position=close_position,
            created_ms=now_ms,
            updated_ms=now_ms,
        )


def _triggered(order: AlgoOrder, mark: Decimal) -> bool:
    if order.trigger_price == 0:
        return False  # a trailing stop: it is kept and listed, its trail is not simulated
    rising = (order.side == "BUY") == order.kind.startswith("STOP")
    return mark >= order.trigger_price if rising else mark <= order.trigger_price


def _send(order: AlgoOrder, market: Market, account: Account, now_ms: int) -> None:
    quantity = order.quantity
    if order.close_position:
        quantity = abs(account.leg(order.symbol, order.position_side).quantity)
    hedged = order.position_side != "BOTH"
    request = OrderRequest(
        symbol=order.symbol,
        side=order.side,
        kind="LIMIT" if order.kind in _PRICED else "MARKET",
        quantity=quantity,
        price=order.price if order.kind in _PRICED else None,
        position_side=order.position_side,
        reduce_only=None if hedged else order.reduce_only or order.close_position,
        client_order_id=None,
    )
    try:
        order.order_id = matching.place(request, market, account, now_ms).order_id
    except VenueError:
        order.status = "REJECTED"  # the venue's own word for a trigger whose order was refused
    else:
        order.status = "FINISHED"
