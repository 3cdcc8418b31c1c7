"""The pictures: the funnel, and what was held before and after. Every bar has its number beside it.

Places along the line are per cent, sizes of letters are not: a picture is as legible on a telephone as on paper.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from contracts.flattening import Counts
from evidence.figures import money
from evidence.report.markup import Markup, block, element
from evidence.report.model import Exposure, PositionStory

_ROW = 40
_NAMED_MAX = 12
_DROPS = ("zero", "unreadable", "dust", "below_step", "untradable", "out_of_scope")


def picture(name: str, title: str, description: str, height: int, *parts: Markup) -> Markup:
    """A picture with a name, and a description that says all that it shows."""
    return block(
        "svg",
        element("title", title, id=f"{name}-title"),
        element("desc", description, id=f"{name}-desc"),
        *parts,
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
        width="100%",
        height=height,
        class_=f"picture {name}",
    )


def funnel(counts: Counts) -> Markup:
    """From the rows that the exchange returned to the positions that are closed for sure, and why others left."""
    stages = [
        ("seen", "rows that the exchange returned", counts.seen),
        ("nonzero", "not zero", counts.nonzero),
        ("filtered", "left to close", counts.filtered),
        ("sent", "with an order on the wire", counts.sent),
        ("ok", "closed, as the exchange confirmed", counts.ok),
    ]
    most = max(1, *(count for _, _, count in stages))
    rows = []
    for at, (name, what, count) in enumerate(stages):
        y = at * _ROW
        rows += [
            element("text", element("tspan", name, class_="strong"), f"  {what}", x=0, y=y + 14),
            element("text", str(count), x="100%", y=y + 14, class_="end strong"),
            element("rect", x=0, y=y + 20, width="100%", height=10, class_="track"),
            element("rect", x=0, y=y + 20, width=_percent(count, most), height=10, class_="bar"),
        ]
    description = ", ".join(f"{name} {count}" for name, _, count in stages)
    drops = ", ".join(f"{getattr(counts, name)} {name}" for name in _DROPS if getattr(counts, name))
    return block(
        "figure",
        picture("funnel", "Funnel, in positions", description, len(stages) * _ROW, *rows),
        element("figcaption", f"Left out: {drops or 'none'}. {_orders(counts)}"),
    )


def exposure(total: Exposure, positions: Sequence[PositionStory]) -> Markup:
    """What is still open and then the largest positions, before and after, and the sums."""
    priced = [position for position in positions if position.before_usd is not None]
    priced.sort(key=lambda position: position.quantity_after == 0)
    named, others = priced[:_NAMED_MAX], priced[_NAMED_MAX:]
    rows = [("all positions", total.before_usd, total.after_usd)]
    rows += [(_name(position), position.before_usd or Decimal(0), position.after_usd) for position in named]
    if others:
        after = None if any(each.after_usd is None for each in others) else _sum(each.after_usd for each in others)
        rows.append((f"{len(others)} others", _sum(each.before_usd for each in others), after))
    drawn: list[Markup] = []
    for at, (name, before, left) in enumerate(rows):
        drawn += _pair(at * (_ROW + 8), name, before, left, _scale(at, total, rows))
    description = "; ".join(f"{name}: {money(before)} before, {money(left)} after" for name, before, left in rows)
    unpriced = f" {total.before_unpriced} positions have no price, and are not in it." if total.before_unpriced else ""
    return block(
        "figure",
        picture("exposure", "Exposure before and after", description, len(rows) * (_ROW + 8), *drawn),
        element(
            "figcaption",
            "Hollow: before the run. Solid: after its last reading, at the prices of the first. The bars of the sum "
            f"have a scale of their own.{unpriced}",
        ),
    )


def _pair(y: int, name: str, before: Decimal, left: Decimal | None, most: Decimal) -> Iterator[Markup]:
    yield element("text", name, x=0, y=y + 14, class_="strong")
    yield element("text", f"{money(before)} → {money(left)}", x="100%", y=y + 14, class_="end")
    yield element("rect", x=0, y=y + 20, width=_percent(before, most), height=8, class_="hollow")
    if left is None:
        yield element("rect", x=0, y=y + 30, width=_percent(before, most), height=8, class_="dashed")
    elif left:
        yield element("rect", x=0, y=y + 30, width=_percent(left, most), height=8, class_="open")
    else:
        yield element("rect", x=0, y=y + 30, width=2, height=8, class_="bar")


def _scale(at: int, total: Exposure, rows: Sequence[tuple[str, Decimal, Decimal | None]]) -> Decimal:
    """The largest amount that the bars of this row are measured by."""
    if at == 0:
        return max(total.before_usd, total.after_usd or Decimal(0))
    return max(max(before, left or Decimal(0)) for _, before, left in rows[1:])


def _name(position: PositionStory) -> str:
    side = "" if position.position_side == "both" else f" {position.position_side}"
    return f"{position.symbol}{side} {'long' if position.quantity_before > 0 else 'short'}".replace("long long", "long")


def _orders(counts: Counts) -> str:
    resting = f" Waiting orders cancelled: {counts.resting_cancelled}." if counts.resting_cancelled else ""
    return (
        f"Orders: {counts.orders_sent} sent, {counts.orders_ok} filled, {counts.errors} errors, "
        f"{counts.unknown} unknown.{resting}"
    )


def _percent(part: Decimal | int, whole: Decimal | int) -> str:
    share = Decimal(part) * 100 / Decimal(whole) if whole else Decimal(0)
    return f"{min(max(share, Decimal(0)), Decimal(100)):.2f}%"


def _sum(amounts: Iterator[Decimal | None]) -> Decimal:
    return sum((amount for amount in amounts if amount is not None), Decimal(0))
