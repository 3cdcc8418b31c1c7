"""The picture of the run's time: what happened when, and how long each order took."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from evidence.figures import offset, span
from evidence.report.markup import Markup, block, element
from evidence.report.model import Moment, OrderStory, PositionStory
from evidence.report.pictures import picture

_LINE = 22
_ORDERS_HIGH = 160
_ORDER_MAX, _ORDER_MIN = 8, 2
_RIGHT_HALF = 50


def clockwork(moments: Sequence[Moment], positions: Sequence[PositionStory]) -> Markup:
    """From the decision to the end on one line; what came before it has its number only."""
    orders = sorted(
        (order for position in positions for order in position.orders),
        key=lambda order: (order.intended_ms, order.client_order_id),
    )
    start = next((moment.at_ms for moment in moments if moment.what in {"accepted", "requested"}), moments[0].at_ms)
    end = max(*(moment.at_ms for moment in moments), *(order.answered_ms or 0 for order in orders), start + 1)
    drawn = [*_lines(moments, start, end), *_bars(orders, start, end, len(moments) * _LINE + 20)]
    height = len(moments) * _LINE + 24 + (_orders_height(len(orders)) + 20 if orders else 0)
    description = "; ".join(
        f"{offset(moment.at_ms - start)} {moment.what}{f' ({moment.detail})' if moment.detail else ''}"
        for moment in moments
    )
    bars = "No order was sent."
    if orders:
        bars = f"Below: {len(orders)} orders, each from the record of its intent to that of its answer."
    return block(
        "figure",
        picture("time", "The run's timeline", description, height, *drawn),
        element(
            "figcaption", f"Counted from the decision, by the Redis server's clock; {span(end - start)} in all. {bars}"
        ),
    )


def _lines(moments: Sequence[Moment], start: int, end: int) -> Iterator[Markup]:
    for at, moment in enumerate(moments):
        y, share = at * _LINE, _share(moment.at_ms, start, end)
        left = share <= _RIGHT_HALF
        yield element("line", x1=0, x2="100%", y1=y + 12, y2=y + 12, class_="rule")
        yield element("circle", cx=f"{_inside(share):.2f}%", cy=y + 12, r=5, class_="dot")
        yield element(
            "text",
            element("tspan", offset(moment.at_ms - start), class_="strong"),
            f" {moment.what}",
            element("tspan", f" {moment.detail}" if moment.detail else "", class_="quiet wide"),
            x=f"{_inside(share):.2f}%",
            dx=10 if left else -10,
            y=y + 16,
            class_="label" if left else "label end",
        )


def _bars(orders: Sequence[OrderStory], start: int, end: int, top: int) -> Iterator[Markup]:
    step = _order_height(len(orders))
    for at, order in enumerate(orders):
        first = _share(order.intended_ms, start, end)
        last = _share(order.answered_ms if order.answered_ms is not None else end, start, end)
        yield element(
            "rect",
            x=f"{first:.2f}%",
            y=f"{top + at * step:.1f}",
            width=f"{max(last - first, Decimal('0.4')):.2f}%",
            height=f"{step * Decimal('0.7'):.1f}",
            class_="bar" if order.state == "filled" else "open",
        )


def _order_height(count: int) -> Decimal:
    return min(max(Decimal(_ORDERS_HIGH) / max(count, 1), Decimal(_ORDER_MIN)), Decimal(_ORDER_MAX))


def _orders_height(count: int) -> int:
    return int(_order_height(count) * count) + 1


def _share(at_ms: int, start: int, end: int) -> Decimal:
    """Per cent of the way."""
    return min(max(Decimal(at_ms - start) * 100 / Decimal(max(end - start, 1)), Decimal(0)), Decimal(100))


def _inside(share: Decimal) -> Decimal:
    """So that a dot at either end is whole."""
    return min(max(share, Decimal(1)), Decimal(99))
