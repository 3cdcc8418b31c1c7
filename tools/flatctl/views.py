"""What people see of a decision, a run, a status and an exposure."""

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from contracts.arming import GateVerdict, Scope
from contracts.flattening import FlattenCompleted, PositionFate, RunVerdict
from contracts.vocabulary import PositionSide
from evidence.still_open import StillOpen, still_open
from flatctl.drilling.record import short
from flatctl.figures import drops, funnel, funnel_line, moment, money, quantity, second, some, span
from flatctl.last_run import LastRun
from flatctl.looking import SILENT_MS, GroupState, Status
from flatctl.screen import Screen
from runtime.latch import LatchState

if TYPE_CHECKING:  # importing it costs more than everything else together: only who reads the exchange pays
    from flatctl.exposure import Exposure

_STYLES = {
    RunVerdict.FLAT: "bold green",
    RunVerdict.FLAT_EXCEPT_DUST: "bold green",
    RunVerdict.NOT_FLAT: "bold red",
    RunVerdict.ABORTED: "bold red",
}
WARNING = "bold yellow"
BAD = "bold red"


def show_gates(screen: Screen, gates: Sequence[GateVerdict]) -> None:
    """Every gate, those that refuse first."""
    rows = [
        ("pass" if gate.passed else "REFUSED", str(gate.gate), gate.observed, gate.required)
        for gate in sorted(gates, key=lambda gate: gate.passed)
    ]
    screen.table(("", "gate", "observed", "required"), rows, numeric=frozenset())


def show_completed(screen: Screen, completed: FlattenCompleted) -> None:
    """The verdict, and above all what is still open."""
    screen.line()
    screen.line(funnel_line(completed), style=_STYLES[completed.verdict])
    counts = completed.counts
    if reasons := drops(counts):
        screen.line(f"not sent because: {reasons}")
    screen.line(
        f"orders: sent={counts.orders_sent} ok={counts.orders_ok} errors={counts.errors} unknown={counts.unknown}"
        f"   resting cancelled={counts.resting_cancelled}   rounds={completed.rounds}"
    )
    screen.line(timings_line(completed))
    if completed.abort_reason:
        screen.line(f"ABORTED: {completed.abort_reason}", style=BAD)
    for note in completed.notes:
        screen.line(f"note: {note}", style=WARNING)
    _show_still_open(screen, completed)


def _show_still_open(screen: Screen, completed: FlattenCompleted) -> None:
    left = still_open(completed)
    screen.line(f"{left.heading}: {left.text}", style=_left_style(completed.verdict, left))
    if completed.residual:
        rows = [
            (row.symbol, leg(row.position_side), quantity(row.quantity), money(row.notional_usd), row.reason)
            for row in completed.residual
        ]
        screen.table(
            ("symbol", "leg", "quantity", "notional", "why"), rows, numeric=frozenset({"quantity", "notional"})
        )
    if completed.resting_left:
        _show_resting(screen, completed)
    outside = [outcome for outcome in completed.outcomes if outcome.fate is PositionFate.OUT_OF_SCOPE]
    outside.sort(key=lambda outcome: (outcome.notional_usd is not None, -(outcome.notional_usd or 0)))
    if outside:
        names = some([outcome.symbol for outcome in outside], "flatctl positions")
        screen.line(f"not touched, outside the arm's scope: {names}", style=WARNING)


def _left_style(verdict: RunVerdict, left: StillOpen) -> str:
    if left.read_at_ms is not None and not left.positions and verdict is not RunVerdict.NOT_FLAT:
        return WARNING if left.outside else "bold"
    return WARNING if verdict is RunVerdict.FLAT_EXCEPT_DUST else BAD


def _show_resting(screen: Screen, completed: FlattenCompleted) -> None:
    """Orders that would not go: the ones that may open a position again are why a run is not flat."""
    may_open = [order for order in completed.resting_left if not order.reduce_only]
    screen.line(
        f"STILL WAITING at the exchange: {len(completed.resting_left)} orders, {len(may_open)} of which may open a "
        "position again; cancel them on the venue's own screen",
        style=BAD if may_open else WARNING,
    )
    rows = [
        (
            order.symbol,
            order.kind,
            str(order.side),
            quantity(order.quantity),
            "reduce-only" if order.reduce_only else "",
        )
        for order in completed.resting_left
    ]
    screen.table(("symbol", "order", "side", "quantity", ""), rows, numeric=frozenset({"quantity"}))


def timings_line(completed: FlattenCompleted) -> str:
    """How long each stage took, from the arm on."""
    times = completed.timings

    def after(at_ms: int | None) -> str:
        return "never" if at_ms is None else span(at_ms - times.armed_at_ms)

    orders = (
        f"{after(times.first_order_at_ms)} to {after(times.last_order_at_ms)}" if times.last_order_at_ms else "none"
    )
    return (
        f"after arming: requested {after(times.requested_at_ms)}, started {after(times.started_at_ms)}, "
        f"orders {orders}, verified {after(times.verified_at_ms)}, finished {after(times.finished_at_ms)}"
    )


def show_exposure(screen: Screen, exposure: "Exposure") -> None:
    """Every open position and the total, which is only the least there is when the reading is not whole."""
    rows = [
        (
            row.symbol,
            leg(row.position_side) or ("long" if row.quantity > 0 else "short"),
            quantity(row.quantity),
            quantity(row.mark_price),
            money(row.notional_usd),
        )
        for row in exposure.positions
    ]
    if rows:
        numeric = frozenset({"quantity", "mark", "notional"})
        screen.table(("symbol", "side", "quantity", "mark", "notional"), rows, numeric=numeric)
    unpriced = f" and {exposure.unpriced} without a price" if exposure.unpriced else ""
    total = f"total exposure {money(exposure.total_usd)}{unpriced}"
    if exposure.doubts:
        screen.line(
            f"NOT THE WHOLE ACCOUNT: {exposure.symbols_seen} symbols, at least {len(rows)} open, at least {total}",
            style=BAD,
        )
    else:
        screen.line(f"{exposure.symbols_seen} symbols, {len(rows)} open, {total}", style="bold")
    if exposure.unreadable:
        problems = [(row.symbol, row.field, row.problem) for row in exposure.unreadable]
        screen.table(("UNREADABLE", "field", "problem"), problems, numeric=frozenset())


def show_status(screen: Screen, status: Status) -> None:
    """Everything at one look, one fact a line."""
    rows = [
        ("latch", f"{latch_text(status.latch)}; {status.latch.detail}"),
        ("armed", _armed(status)),
        ("run in flight", status.active or "none"),
        ("cooldown", _cooldown(status)),
        ("last snapshot", _snapshot(status)),
        ("last run", _last_run(status.last_run)),
        *_after_last_run(status.last_run),
        ("oracle", _oracle(status)),
        *((group.group, _group(group)) for group in status.groups),
        ("dead letters", f"{status.dead_letters}{'  LOOK AT THEM: flatctl dead list' if status.dead_letters else ''}"),
        ("last drill", short(status.drills, status.now_ms)),
    ]
    screen.table(("", ""), rows, numeric=frozenset())
    if status.last_run and status.last_run.residual:
        unread = status.last_run.still_open.read_at_ms is None
        when = "PERHAPS STILL OPEN, as before" if unread else "STILL OPEN after"
        names = some([row.symbol for row in status.last_run.residual], "flatctl watch")
        screen.line(f"{when} the last run: {names}", style=BAD)


def latch_text(latch: LatchState) -> str:
    """Whether it is set; one that cannot be read may be, and is never called not set."""
    if not latch.readable:
        return "UNREADABLE (counts as not set)"
    return "SET: trading is stopped" if latch.is_set else "not set"


def _armed(status: Status) -> str:
    if status.armed is None:
        return "no"
    left = status.armed.expires_in_ms
    return f"YES: {status.armed.arm_id}, " + (f"expires in {span(left)}" if left >= 0 else "WITHOUT EXPIRY")


def _cooldown(status: Status) -> str:
    if status.last_flatten_ts is None:
        return "over: nothing was ever flattened"
    if status.cooldown_left_ms is None:
        return f"UNREADABLE: the last flatten's time is {status.last_flatten_ts[:40]!r}; every arm is refused"
    left = f"{span(status.cooldown_left_ms)} left" if status.cooldown_left_ms else "over"
    return f"{left} (last accepted at {second(Decimal(status.last_flatten_ts))})"


def _snapshot(status: Status) -> str:
    found = status.snapshot
    if found is None:
        return "none: the oracle has published nothing (a flatten does not need it)"
    unreadable = f", {found.unreadable} rows UNREADABLE" if found.unreadable else ""
    unpriced = f" and {found.unpriced} without a price" if found.unpriced else ""
    return (
        f"{span(found.age_ms)} old: {found.symbols_seen} symbols, {found.open_positions} open, "
        f"exposure {money(found.exposure_usd)}{unpriced}{unreadable}"
    )


def _oracle(status: Status) -> str:
    age_ms = status.snapshot.age_ms if status.snapshot else None
    if age_ms is None:
        return "has NEVER published here (a flatten does not need it)"
    return f"{'publishing' if age_ms <= SILENT_MS else 'NOT PUBLISHING'}, newest reading {span(age_ms)} old"


def _last_run(run: LastRun | None) -> str:
    if run is None:
        return "none"
    reason = f" ({run.abort_reason})" if run.abort_reason else ""
    counts = f"{funnel(run.counts)} verdict={run.verdict}{reason}"
    return f"{run.request_id} at {moment(run.finished_at_ms)}: {counts}"


def _after_last_run(run: LastRun | None) -> list[tuple[str, str]]:
    if run is None:
        return []
    left = run.still_open
    inside = f"within the arm's scope: {left.text}" if left.outside else left.text
    return [("its scope", _scope(run.scope)), ("STILL OPEN then", inside)]


def _scope(scope: Scope | None) -> str:
    if scope is None:
        return "unknown, the request is not on record"
    if scope.whole_account:
        return "the whole account"
    names = some(scope.symbols, "flatctl status --json")
    return f"only {len(scope.symbols)} symbol{'' if len(scope.symbols) == 1 else 's'}: {names}"


def _group(group: GroupState) -> str:
    waiting = f": {group.pending} pending, {group.lag} not delivered on {group.stream}" if group.exists else ""
    return f"{seen(group)}{waiting}"


def seen(group: GroupState) -> str:
    """Whether the service that reads a stream is alive, as far as Redis shows."""
    if group.seen_ms_ago is None:
        return f"has NEVER RUN here (nobody reads {group.stream})"
    how_long = span(group.seen_ms_ago)
    return f"NOT RUNNING, last seen {how_long} ago" if group.silent else f"running, seen {how_long} ago"


def leg(side: PositionSide) -> str:
    """The leg in hedge mode, nothing in one-way mode."""
    return "" if side is PositionSide.BOTH else str(side)
