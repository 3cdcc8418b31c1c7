"""What must hold for every order that reached the simulator, checked on its order log."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

LogEntry = Mapping[str, Any]


def assert_orders_only_reduced(orders: Iterable[LogEntry]) -> None:
    """Every order could only reduce (I5), none made a position larger or changed its sign (I6), none was off (I13)."""
    for order in orders:
        one_way = order["position_side"] in (None, "BOTH")
        assert one_way == (order["reduce_only"] == "true"), f"neither reduce-only nor a leg's close: {order}"
        asked = Decimal(order["quantity"])
        assert asked.is_finite(), f"not a quantity: {order}"
        assert asked > 0, f"not a quantity: {order}"
        if order["position_before"] is None:
            continue  # a fault kept it from the matching engine
        before, after = Decimal(order["position_before"]), Decimal(order["position_after"])
        assert abs(after) <= abs(before), f"made a position larger: {order}"
        assert before * after >= 0, f"changed a position's sign: {order}"
        if order["outcome"] == "accepted":
            assert (order["side"] == "SELL") == (before > 0), f"on the side of the position: {order}"


def assert_client_ids_never_reused(orders: Iterable[LogEntry]) -> None:
    """No client order id was accepted twice, or sent while an order with it was open (I7)."""
    for order in orders:
        assert order["client_order_id"], f"without a client order id: {order}"
        assert not order["live_duplicate"], f"sent while open: {order}"
        assert not (order["reused_client_id"] and order["outcome"] == "accepted"), f"accepted twice: {order}"
