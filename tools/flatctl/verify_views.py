"""What people see of a verification: what is open, what may open something, what is not known, who says otherwise."""

from flatctl.figures import moment, money, quantity, some
from flatctl.plan_views import PNL, mode_text, pnl, scope_text, show_resting, side
from flatctl.screen import Screen
from flatctl.verification import Compared, difference_text
from flatctl.verifying import Verification
from flatctl.views import BAD, WARNING, leg

DIFFERENCES_MAX = 50
"""More than these are in --json."""


def show_verification(screen: Screen, found: Verification) -> None:
    """Others' words first, the exchange's last: it is what counts."""
    for source in found.compared:
        _show_compared(screen, source)
    screen.line()
    screen.line(
        f"exchange read at {moment(found.read_at_ms)}, waiting orders before positions: {found.symbols_seen} symbols, "
        f"{mode_text(found.position_mode)}; scope: {scope_text(found.scope)}"
    )
    _show_open(screen, found)
    heading = f"STILL WAITING at the exchange: {len(found.resting)} orders, {len(found.may_open)} may open a position"
    show_resting(screen, found.resting, heading)
    if found.out_of_scope:
        screen.line(f"open outside the scope: {some(found.out_of_scope, 'flatctl positions')}", style=WARNING)
    for doubt in found.doubts:
        screen.line(f"NOT READ IN FULL: {doubt}", style=BAD)
    if found.unread:
        rows = [(row.symbol, row.why) for row in found.unread]
        screen.table(("symbol", "why it is not known"), rows, numeric=frozenset())
    screen.line(*_conclusion(found))


def _conclusion(found: Verification) -> tuple[str, str]:
    if found.verdict == "open":
        real = sum(not row.dust for row in found.open)
        unpriced = f" and {found.unpriced} of unknown worth" if found.unpriced else ""
        more = ", and there may be more" if found.doubts else ""
        worth = f"{money(found.notional_usd)}{unpriced}"
        return f"OPEN: {real} positions, {worth}; {len(found.may_open)} waiting orders may open one{more}", BAD
    if found.verdict == "unknown":
        return "UNKNOWN: nothing was seen open, and nobody can say that nothing is", BAD
    if found.open:
        names = some([row.symbol for row in found.open])
        return f"FLAT EXCEPT FOR DUST: {len(found.open)} positions, {money(found.notional_usd)}: {names}", WARNING
    return "FLAT: nothing is open, and no waiting order can open anything", "bold green"


def _show_open(screen: Screen, found: Verification) -> None:
    if not found.open:
        return
    rows = [
        (
            row.symbol,
            side(row.position_side, row.quantity),
            quantity(row.quantity),
            quantity(row.mark_price),
            money(row.notional_usd),
            pnl(row.unrealised_pnl),
            "; ".join(filter(None, ("dust" if row.dust else "", row.why))),
        )
        for row in found.open
    ]
    columns = ("symbol", "side", "quantity", "mark", "notional", PNL, "")
    screen.table(columns, rows, numeric=frozenset(columns[2:6]))


def _show_compared(screen: Screen, source: Compared) -> None:
    if source.unread:
        screen.line(f"{source.source}: not compared: {source.unread}", style=WARNING)
        return
    count = len(source.differences)
    verb = f"{count} DIFFERENCES, the exchange is right" if count else "no difference"
    screen.line(f"{source.source}: {source.about}: {verb}", style=WARNING if count else "")
    if not count:
        return
    rows = [
        (
            row.symbol,
            leg(row.position_side) if row.position_side is not None else "",
            *difference_text(row),
            row.why,
        )
        for row in source.differences[:DIFFERENCES_MAX]
    ]
    columns = ("symbol", "leg", "said", "exchange", "why")
    screen.table(columns, rows, numeric=frozenset({"said", "exchange"}))
    if count > DIFFERENCES_MAX:
        screen.line(f"and {count - DIFFERENCES_MAX} more: flatctl verify --json")
