"""What people see of a plan: what would be done, what would not and why, and that nothing was."""

from decimal import Decimal

from closing.filters import Limits
from contracts.arming import Scope
from contracts.resting import RestingLeft
from contracts.vocabulary import PositionSide
from exchange.model import PositionMode
from flatctl.figures import drops, moment, money, quantity, some, span
from flatctl.plan import Plan, PlannedClose
from flatctl.screen import Screen
from flatctl.views import BAD, WARNING, leg

PNL = "unrealised PnL"


def show_plan(screen: Screen, plan: Plan) -> None:
    """The whole plan; what stays open comes last, so that it is what is left on the screen."""
    screen.line("a plan: nothing was sent, and nothing is armed", style="bold")
    screen.line(
        f"exchange read at {moment(plan.taken_at_ms)}, in {span(plan.read_ms)}; {mode_text(plan.position_mode)}"
    )
    screen.line(f"scope: {scope_text(plan.scope)}")
    screen.line(f"limits: {limits_text(plan.limits)} FLATTEN_RUN_MAX_SECONDS={plan.limits.run_max_s}")
    screen.line("these are this command's environment or the defaults; the executor goes by its own")
    counts = plan.counts
    reasons = f"; not to be closed: {drops(counts)}" if drops(counts) else ""
    screen.line(f"seen={counts.seen} nonzero={counts.nonzero} filtered={counts.filtered}{reasons}")
    for note in plan.notes:
        screen.line(f"note: {note}", style=WARNING)
    screen.line()
    _show_to_close(screen, plan)
    show_resting(screen, plan.resting, f"would cancel {len(plan.resting)} waiting orders")
    _show_estimate(screen, plan)
    _show_doubts(screen, plan)
    _show_left(screen, plan)
    screen.line(f"plan hash {plan.plan_hash}")


def show_summary(screen: Screen, plan: Plan, origin: str) -> None:
    """What is to be known of a plan before it is confirmed, one fact a line; `origin` says which plan it is."""
    closed = f"would close {len(plan.to_close)} positions, {_worth(plan)}, with {plan.estimate.pace.orders} orders"
    screen.line(f"{origin}: {f'THE RUN WOULD ABORT: {plan.would_abort}' if plan.would_abort else closed}", style="bold")
    if plan.resting:
        screen.line(f"would cancel {len(plan.resting)} waiting orders")
    if plan.out_of_scope:
        screen.line(f"would not be touched, outside the scope: {some(plan.out_of_scope)}", style=WARNING)
    if plan.left_open:
        dust = ", dust" if all(left.negligible for left in plan.left_open) else ""
        names = some([left.symbol for left in plan.left_open])
        screen.line(f"WOULD STAY OPEN: {len(plan.left_open)} positions{dust}: {names}", style=WARNING if dust else BAD)
    _show_too_long(screen, plan)
    for doubt in plan.doubts:
        screen.line(f"NOT READ IN FULL: {doubt}", style=BAD)


def limits_text(limits: Limits) -> str:
    """The limits by their variables' names."""
    return (
        f"MAX_FLATTEN_SYMBOLS={limits.max_positions} MIN_FLATTEN_NOTIONAL_USD={quantity(limits.min_notional_usd)} "
        f"FLATTEN_QTY_EPSILON={quantity(limits.quantity_epsilon)} FLATTEN_MAX_ROUNDS={limits.max_rounds}"
    )


def scope_text(scope: Scope) -> str:
    """What is covered."""
    return "the whole account" if scope.whole_account else f"only {some(scope.symbols)}"


def mode_text(mode: PositionMode) -> str:
    """The position mode in words."""
    return "hedge mode" if mode is PositionMode.HEDGE else "one-way mode"


def side(position_side: PositionSide, amount: Decimal) -> str:
    """Long or short, in either mode."""
    return leg(position_side) or ("long" if amount > 0 else "short")


def show_resting(screen: Screen, resting: tuple[RestingLeft, ...], heading: str) -> None:
    """Waiting orders, one a line; nothing when there is none."""
    if not resting:
        return
    screen.line(heading, style="bold")
    rows = [
        (
            order.symbol,
            order.kind,
            str(order.side),
            quantity(order.quantity),
            "reduce-only" if order.reduce_only else "MAY OPEN a position",
        )
        for order in resting
    ]
    screen.table(("symbol", "order", "side", "quantity", ""), rows, numeric=frozenset({"quantity"}))
    screen.line()


def _show_to_close(screen: Screen, plan: Plan) -> None:
    if plan.would_abort:
        screen.line(f"THE RUN WOULD ABORT before any order: {plan.would_abort}", style=BAD)
        return
    if not plan.to_close:
        screen.line("nothing would be closed", style="bold")
        return
    screen.line(
        f"would close {len(plan.to_close)} positions, {_worth(plan)}, "
        f"with {plan.estimate.pace.orders} orders that can only reduce",
        style="bold",
    )
    in_part = any(close.closing_quantity < abs(close.quantity) for close in plan.to_close)
    columns = ("symbol", "side", "order", "quantity", *(("closes",) if in_part else ()), "orders", "notional", PNL)
    rows = [_row(close, in_part=in_part) for close in plan.to_close]
    screen.table(columns, rows, numeric=frozenset(columns[3:]))
    screen.line()


def _worth(plan: Plan) -> str:
    unpriced = f" and {plan.unpriced} of unknown worth" if plan.unpriced else ""
    return f"{money(plan.notional_usd)}{unpriced}"


def _row(close: PlannedClose, *, in_part: bool) -> tuple[str, ...]:
    return (
        close.symbol,
        side(close.position_side, close.quantity),
        str(close.order_side),
        quantity(close.quantity),
        *((quantity(close.closing_quantity),) if in_part else ()),
        str(close.orders),
        money(close.notional_usd),
        pnl(close.unrealised_pnl),
    )


def pnl(amount: Decimal | None) -> str:
    """Profit or loss with two digits, in the margin asset."""
    return "unknown" if amount is None else f"{amount:,.2f}"


def _show_estimate(screen: Screen, plan: Plan) -> None:
    estimate, pace = plan.estimate, plan.estimate.pace
    limits = pace.limits
    screen.line(
        f"would take about {span(estimate.total_ms)}: {estimate.answers} answers one after the other, at "
        f"{span(estimate.answer_ms)} as the exchange just took for one, and {span(pace.held_back_ms)} held back by "
        "limits; how fast it fills is not known"
    )
    screen.line(
        f"{pace.orders} orders go in {pace.requests} requests and {estimate.rounds} rounds; the exchange takes "
        f"{limits.orders_per_10s} orders in 10 s, {limits.orders_per_minute} requests with orders and weight "
        f"{limits.weight_per_minute} in a minute"
    )
    _show_too_long(screen, plan)


def _show_too_long(screen: Screen, plan: Plan) -> None:
    if not plan.in_time:
        screen.line(
            f"TOO LONG: a run sends nothing more after FLATTEN_RUN_MAX_SECONDS={plan.limits.run_max_s}, so that "
            "some of this would stay open",
            style=BAD,
        )


def _show_doubts(screen: Screen, plan: Plan) -> None:
    for doubt in plan.doubts:
        screen.line(f"NOT READ IN FULL: {doubt}", style=BAD)
    if plan.unread:
        rows = [(row.symbol, row.why) for row in plan.unread]
        screen.table(("symbol", "why it is not known"), rows, numeric=frozenset())


def _show_left(screen: Screen, plan: Plan) -> None:
    if plan.out_of_scope:
        screen.line(
            f"would not be touched, outside the scope: {some(plan.out_of_scope, 'flatctl positions')}", style=WARNING
        )
    if not plan.left_open:
        if plan.in_time:
            screen.line("nothing of what is known would stay open", style="bold")
        return
    only_dust = all(left.negligible for left in plan.left_open)
    screen.line(
        f"WOULD STAY OPEN: {len(plan.left_open)} positions{', dust' if only_dust else ''}",
        style=WARNING if only_dust else BAD,
    )
    rows = [
        (
            left.symbol,
            side(left.position_side, left.quantity),
            quantity(left.quantity),
            money(left.notional_usd),
            str(left.bucket),
            left.why,
        )
        for left in plan.left_open
    ]
    columns = ("symbol", "side", "quantity", "notional", "", "why")
    screen.table(columns, rows, numeric=frozenset({"quantity", "notional"}))
