"""Orders as a test hands them to the adapter, the answers of a venue that fills them, and what went over the wire."""

import json
from decimal import Decimal
from typing import Any

from contracts.vocabulary import OrderSide, PositionSide
from exchange.model import ReducingOrder
from support.stub_exchange import Reply, Seen, ok
from support.venue_samples import order_row

BATCH = "POST /fapi/v1/batchOrders"
SINGLE = "POST /fapi/v1/order"


def order(name: str, *, symbol: str = "ETHUSDT", leg: PositionSide = PositionSide.BOTH) -> ReducingOrder:
    return ReducingOrder(
        symbol=symbol, side=OrderSide.SELL, position_side=leg, quantity=Decimal(1), client_order_id=name
    )


def orders(count: int) -> list[ReducingOrder]:
    return [order(f"o{number}") for number in range(count)]


def filled(*names: str) -> list[dict[str, Any]]:
    return [order_row(name) for name in names]


def all_filled(request: Seen) -> Reply:
    """The answer to a batch, whichever it is."""
    return ok(filled(*names(request)))


def legs(request: Seen) -> list[dict[str, str]]:
    sent: list[dict[str, str]] = json.loads(request.parameters["batchOrders"])
    return sent


def names(request: Seen) -> list[str]:
    return [leg["newClientOrderId"] for leg in legs(request)]
