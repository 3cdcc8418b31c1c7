"""The report's tables: gates, checklist, positions with their orders, timeline, record. Columns have headings."""

from collections.abc import Iterable, Sequence

from contracts.vocabulary import PositionSide
from evidence.figures import moment, money, offset, quantity, span
from evidence.findings import Standing
from evidence.report.document import Document
from evidence.report.markup import Content, Markup, block, element, together
from evidence.report.model import Decision, Item, Mark, Moment, OrderStory, PositionStory, Record, Report

_SIGNS = {Mark.PASS: "✓", Mark.FAIL: "✗", Mark.NOT_SHOWN: "?"}
_STANDINGS = {Standing.HOLDS: Mark.PASS, Standing.BROKEN: Mark.FAIL, Standing.CANNOT_BE_SHOWN: Mark.NOT_SHOWN}
_ENTRIES_MAX = 3


def table(
    name: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Content]],
    numeric: frozenset[str] = frozenset(),
    *,
    wide: bool = False,
) -> Markup:
    """A table; a wide one scrolls by itself where the page is narrow, by touch and by keyboard."""
    kinds = ["number" if column in numeric else None for column in columns]
    head = [element("th", column, scope="col", class_=kind) for column, kind in zip(columns, kinds, strict=True)]
    body = [
        element("tr", *(element("td", cell, class_=kind) for cell, kind in zip(row, kinds, strict=True)))
        for row in rows
    ]
    whole = block(
        "table",
        element("caption", name, class_="unseen"),
        element("thead", element("tr", *head)),
        block("tbody", *body),
    )
    return block("div", whole, role="group", aria_label=name, tabindex=0, class_="scroll wide" if wide else "scroll")


def checklist(items: Sequence[Item]) -> Markup:
    """What was once filled in by hand."""
    rows = []
    for item in items:
        parts = (item.what, element("br"), _quiet(item.why), element("br"), _entries(item.entries))
        rows.append((_marked(item.mark, item.name), together(*parts)))
    return table("Checklist", ("check", "what must be, what was, and where it stands"), rows)


def gates(decision: Decision) -> Markup:
    """Every gate, always."""
    rows = [
        (_marked(Mark.PASS if gate.passed else Mark.FAIL, gate.gate), gate.observed, gate.required)
        for gate in decision.gates
    ]
    return table("Gates", ("gate", "observed", "required"), rows)


def breaches(decision: Decision) -> Markup:
    """What P2.9 said when the arm was judged."""
    rows = [
        (check.symbol, money(check.position_usd), money(check.target_usd), money(check.burst_cap_usd),
         "" if check.ratio is None else f"{check.ratio}")
        for check in decision.breaches
    ]  # fmt: skip
    columns = ("symbol", "position", "target", "burst cap", "ratio")
    return table("In breach at the decision (P2.9)", columns, rows, frozenset(columns[1:]), wide=True)


def residual(report: Report) -> Markup:
    """What is still open, with the reason."""
    left = report.ended.residual if report.ended else ()
    rows = [
        (
            together(_leg(row.symbol, row.position_side), element("br"), _quiet(row.reason)),
            quantity(row.quantity),
            money(row.notional_usd),
        )
        for row in left
    ]
    columns = ("position, and why", "quantity", "notional")
    return table("Still open", columns, rows, frozenset({"quantity", "notional"}))


def waiting(report: Report) -> Markup:
    """Orders that would not go."""
    left = report.ended.resting_left if report.ended else ()
    rows = [
        (row.symbol, row.order_id, row.kind, str(row.side), quantity(row.quantity),
         "no" if row.reduce_only else "YES")
        for row in left
    ]  # fmt: skip
    columns = ("symbol", "order", "kind", "side", "quantity", "may open a position")
    return table("Orders that still wait", columns, rows, frozenset({"quantity"}), wide=True)


def positions(stories: Sequence[PositionStory]) -> Markup:
    """From quantity to fills: one line for each order, the position's own cells before the first."""
    rows: list[tuple[Content, ...]] = []
    for story in stories:
        own = (
            element(
                "strong", story.symbol if story.position_side == "both" else f"{story.symbol} {story.position_side}"
            ),
            quantity(story.quantity_before),
            money(story.before_usd),
            quantity(story.quantity_after),
            _fate(story),
        )
        orders: Sequence[OrderStory | None] = story.orders or (None,)
        rows += [((own if not at else ("",) * len(own)) + _order(order)) for at, order in enumerate(orders)]
    columns = ("position", "before", "notional", "after", "became", "order", "client id", "exchange id", "filled")
    return table("Positions and orders", columns, rows, frozenset({"before", "notional", "after", "filled"}), wide=True)


def timeline(moments: Sequence[Moment], start: int) -> Markup:
    """The same as the picture, with entries."""
    rows = [
        (moment(each.at_ms), offset(each.at_ms - start), each.what, each.detail, element("code", each.entry))
        for each in moments
    ]
    columns = ("when", "since the decision", "what", "detail", "entry")
    return table("Timeline", columns, rows, frozenset({"since the decision"}), wide=True)


def record(found: Record) -> Markup:
    """The chain and the invariants, over the entries of this report."""
    rows = []
    for check in found.checks:
        told = [f"{finding.stream} {finding.entry_id} {finding.what}".strip() for finding in check.findings]
        what = together(check.rule, *(together(element("br"), _quiet(line)) for line in told))
        rows.append((_marked(_STANDINGS[check.standing], check.name), what, str(check.looked_at)))
    return table("Record", ("check", "what must hold", "looked at"), rows, frozenset({"looked at"}))


def entries(document: Document) -> Markup:
    """Every entry that the report rests on."""
    rows = [(each.stream, element("code", each.id), element("code", each.sha256)) for each in document.listed]
    return table("Entries", ("stream", "entry", "SHA-256"), rows, wide=True)


def _order(order: OrderStory | None) -> tuple[Content, ...]:
    if order is None:
        return (_quiet("no order"), "", "", "")
    limit = f" limit {quantity(order.limit_price)}" if order.limit_price is not None else ""
    took = f", {span(order.answered_ms - order.intended_ms)}" if order.answered_ms is not None else ""
    what = f"{order.side} {quantity(order.quantity)}{limit}"
    where = f"round {order.round_number}" + (f", part {order.chunk + 1}" if order.chunk else "")
    state = f"{order.state}{took}" + (f": {order.detail}" if order.detail else "")
    return (
        together(what, element("br"), _quiet(f"{where}; {state}")),
        element("code", order.client_order_id),
        element("code", order.exchange_order_id or "none"),
        quantity(order.filled_quantity),
    )


def _leg(symbol: str, side: PositionSide) -> Markup:
    return element("strong", symbol if side is PositionSide.BOTH else f"{symbol} {side}")


def _fate(story: PositionStory) -> Markup:
    word = str(story.fate) if story.fate else "not shown"
    return together(word, element("br"), _quiet(story.why)) if story.why else together(word)


def _entries(names: Sequence[str]) -> Markup:
    """The first ones by name: the document has them all."""
    if not names:
        return _quiet("no entry")
    more = f" and {len(names) - _ENTRIES_MAX} more" if len(names) > _ENTRIES_MAX else ""
    return element("span", element("code", ", ".join(names[:_ENTRIES_MAX])), more, class_="quiet")


def _marked(mark: Mark, name: str) -> Markup:
    """A sign and a word, and what they are about: the colour only repeats them."""
    kind = mark.lower().replace(" ", "-")
    sign = element("span", element("span", _SIGNS[mark], aria_hidden="true"), f" {mark}", class_=f"mark {kind}")
    return together(sign, element("br"), element("strong", name))


def _quiet(words: str) -> Markup:
    return element("span", words, class_="quiet")
