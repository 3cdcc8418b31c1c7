"""Orders and trades, as the venue keeps them."""

from decimal import Decimal
from typing import cast

from msgspec import Struct

from exchange_sim.core import parameters
from exchange_sim.core.errors import refusal
from exchange_sim.core.numbers import ZERO
from exchange_sim.core.parameters import Params
from exchange_sim.core.words import CONDITIONAL_TYPES, LIVE, POSITION_SIDES, SIDES, TIMES_IN_FORCE, PositionSide, Side


class OrderRequest(Struct, frozen=True, kw_only=True):
    """An order as a client asks for it. `reduce_only` is None when it was not sent."""

    symbol: str
    side: Side
    kind: str
    quantity: Decimal
    price: Decimal | None = None
    time_in_force: str = "GTC"
    position_side: PositionSide = "BOTH"
    reduce_only: bool | None = None
    client_order_id: str | None = None
    wants_result: bool = False


class Order(Struct, kw_only=True):
    """An order that the venue accepted, and what became of it."""

    order_id: int
    client_order_id: str
    symbol: str
    side: Side
    kind: str
    quantity: Decimal
    price: Decimal
    time_in_force: str
    position_side: PositionSide
    reduce_only: bool
    created_ms: int
    updated_ms: int
    status: str = "NEW"
    executed: Decimal = ZERO
    quote: Decimal = ZERO

    @property
    def remaining(self) -> Decimal:
        """What has not traded yet."""
        return self.quantity - self.executed

    @property
    def live(self) -> bool:
        """Whether it can still trade."""
        return self.status in LIVE

    @property
    def signed(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self.side == "BUY" else -1


class Trade(Struct, frozen=True, kw_only=True):
    """One execution of an order."""

    trade_id: int
    order_id: int
    symbol: str
    side: Side
    position_side: PositionSide
    price: Decimal
    quantity: Decimal
    realized: Decimal
    maker: bool
    time_ms: int


def read_request(params: Params) -> OrderRequest:
    """Read `POST /fapi/v1/order` or one element of `batchOrders`; raises the venue's refusal for what is malformed."""
    symbol = parameters.required(params, "symbol")
    side = parameters.choice(params, "side", SIDES, -1117)
    kind = parameters.required(params, "type")
    if kind in CONDITIONAL_TYPES:
        raise refusal(-4120)
    if kind not in ("MARKET", "LIMIT"):
        raise refusal(-1116)
    parameters.required(params, "quantity")
    quantity = parameters.number(params, "quantity")
    price = parameters.number(params, "price")
    time_in_force = "GTC"
    if kind == "LIMIT":
        parameters.required(params, "price")
        time_in_force = parameters.choice(params, "timeInForce", TIMES_IN_FORCE, -1115)
    elif price is not None:
        raise refusal(-1106, "price")
    elif params.get("timeInForce"):
        raise refusal(-1106, "timeInForce")
    return OrderRequest(
        symbol=symbol,
        side=cast("Side", side),
        kind=kind,
        quantity=quantity or ZERO,
        price=price,
        time_in_force=time_in_force,
        position_side=cast(
            "PositionSide", parameters.choice(params, "positionSide", POSITION_SIDES, -1130, default="BOTH")
        ),
        reduce_only=parameters.flag(params, "reduceOnly"),
        client_order_id=parameters.client_order_id(params, "newClientOrderId"),
        wants_result=parameters.choice(params, "newOrderRespType", ("ACK", "RESULT"), -1130, default="ACK") == "RESULT",
    )
