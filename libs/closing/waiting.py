"""Waiting orders in the words of events."""

from contracts.resting import RestingLeft
from exchange.model import RestingOrder


def left_waiting(order: RestingOrder) -> RestingLeft:
    """A waiting order as it is told."""
    return RestingLeft(
        symbol=order.symbol,
        order_id=order.order_id,
        kind=order.kind,
        side=order.side,
        quantity=order.quantity,
        reduce_only=order.reduce_only,
        conditional=order.conditional,
    )
