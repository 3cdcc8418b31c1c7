"""The checklist that somebody once filled in by hand, filled in from entries: each line with those it rests on.

NOT SHOWN is no PASS: the entries say nothing about it, and neither does a report.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from msgspec.structs import replace

from contracts.arming import Gate, GateVerdict
from contracts.flattening import RunFinished, RunVerdict
from contracts.positions import AllocationVerdict
from evidence.figures import moment
from evidence.findings import Standing, Verdict
from evidence.history import History
from evidence.report.model import Item, Mark, PositionStory, SnapshotStory
from evidence.report.selecting import handled, newest_checks
from evidence.report.story import ended, name_of, readings, request_of
from evidence.runs import Run
from evidence.still_open import still_open

_FLAT = frozenset({RunVerdict.FLAT, RunVerdict.FLAT_EXCEPT_DUST})
_WITHIN = frozenset({AllocationVerdict.FLAT, AllocationVerdict.WITHIN_TARGET, AllocationVerdict.WITHIN_BURST})


def checklist(
    history: History,
    run: Run,
    positions: tuple[PositionStory, ...],
    afterwards: SnapshotStory | None,
    checks: Mapping[str, Verdict],
) -> tuple[Item, ...]:
    """Every line, always. `checks` are the chain and the invariants over the same entries, by name."""
    doubt = _broken(checks, "chain", "entries")
    items = (
        _gates(run, "flags", "force flag and confirm phrase were set", (Gate.FORCE_FLAG, Gate.CONFIRM_PHRASE)),
        _gates(run, "ESS", "the emergency stop was set at the decision", (Gate.ESS_LATCH,)),
        _arm_key(run, checks),
        _log(run, checks),
        _cooldown(run, checks),
        _flat(run, afterwards, checks),
        _reduce_only(run, positions, checks),
        _trading(history, run, positions),
    )
    return tuple(_doubted(item, doubt) for item in items) if doubt else items


def _gates(run: Run, name: str, what: str, wanted: tuple[Gate, ...]) -> Item:
    decided = [(told.entry, told.event.gates) for told in run.accepted]
    decided += [(told.entry, told.event.gates) for told in run.requests]
    gates: dict[Gate, GateVerdict] = {gate.gate: gate for gate in decided[0][1]} if decided else {}
    if not gates.keys() >= set(wanted):
        return Item(name=name, what=what, mark=Mark.NOT_SHOWN, why="no decision on record says what this gate saw")
    why = "; ".join(f"{gate}: observed {gates[gate].observed}, required {gates[gate].required}" for gate in wanted)
    mark = Mark.PASS if all(gates[gate].passed for gate in wanted) else Mark.FAIL
    return Item(name=name, what=what, mark=mark, why=why, entries=(name_of(decided[0][0]),))


def _arm_key(run: Run, checks: Mapping[str, Verdict]) -> Item:
    name, what = "arm key", "the arm was consumed: one arm, one request"
    entries = tuple(name_of(told.entry) for told in (*run.accepted, *run.requests))
    if broken := _broken(checks, "I1", "I2"):
        return Item(name=name, what=what, mark=Mark.FAIL, why=broken, entries=entries)
    if not run.accepted or not run.requests:
        return Item(
            name=name, what=what, mark=Mark.NOT_SHOWN, why="decision or request is not on record", entries=entries
        )
    why = "accepted once; the script that wrote this entry deleted the arm key and put the arm on record as used"
    return Item(name=name, what=what, mark=Mark.PASS, why=why, entries=entries)


def _log(run: Run, checks: Mapping[str, Verdict]) -> Item:
    name, what = "flatten log", "the verdict is on record, and the audit agrees with it"
    finished, verdict = run.of(RunFinished), ended(run)
    entries = tuple(name_of(told.entry) for told in (*finished, *run.completed))
    if broken := _broken(checks, "I8"):
        return Item(name=name, what=what, mark=Mark.FAIL, why=broken, entries=entries)
    if verdict is None or not finished:
        why = "no verdict is on record" if verdict is None else "the audit does not have the run's end"
        return Item(name=name, what=what, mark=Mark.NOT_SHOWN, why=why, entries=entries)
    return Item(name=name, what=what, mark=Mark.PASS, why=verdict.log_line, entries=entries)


def _cooldown(run: Run, checks: Mapping[str, Verdict]) -> Item:
    what = "the cooldown had passed, and counts anew from the decision"
    item = _gates(run, "cooldown", what, (Gate.COOLDOWN,))
    if broken := _broken(checks, "I4"):
        return Item(name=item.name, what=what, mark=Mark.FAIL, why=broken, entries=item.entries)
    if item.mark is not Mark.PASS or not run.accepted:
        return item
    why = f"{item.why}; it counts anew from {moment(run.accepted[0].entry.at_ms)}, by Redis's clock"
    return Item(name=item.name, what=what, mark=Mark.PASS, why=why, entries=item.entries)


def _flat(run: Run, afterwards: SnapshotStory | None, checks: Mapping[str, Verdict]) -> Item:
    name, what = "positions flat", "the exchange showed no open position after the last order"
    last = readings(run)[-1:]
    entries = (*(each.entry for each in last), *(name_of(told.entry) for told in run.completed))
    if not run.completed:
        return Item(name=name, what=what, mark=Mark.NOT_SHOWN, why="no verdict is on record", entries=entries)
    completed = run.completed[0].event
    left = still_open(completed)
    why = left.text if completed.verdict is RunVerdict.FLAT else f"{left.heading}: {left.text}"
    if broken := _broken(checks, "I9"):
        return Item(name=name, what=what, mark=Mark.FAIL, why=broken, entries=entries)
    if completed.verdict not in _FLAT:
        return Item(name=name, what=what, mark=Mark.FAIL if left.certain else Mark.NOT_SHOWN, why=why, entries=entries)
    if not last:
        what_is_missing = "the verdict says so, and its reading is not on record"
        return Item(name=name, what=what, mark=Mark.NOT_SHOWN, why=what_is_missing, entries=entries)
    if afterwards is not None:
        why += f"; the oracle's next snapshot shows {afterwards.positions} positions"
        entries = (*entries, afterwards.entry)
    return Item(name=name, what=what, mark=Mark.PASS, why=why, entries=entries)


def _reduce_only(run: Run, positions: tuple[PositionStory, ...], checks: Mapping[str, Verdict]) -> Item:
    name, what = "reduce-only", "orders could only make positions smaller"
    orders = [order for position in positions for order in position.orders]
    entries = tuple(order.intent for order in orders)
    if broken := _broken(checks, "I5", "I6", "I10"):
        return Item(name=name, what=what, mark=Mark.FAIL, why=broken, entries=entries)
    if not orders:
        why = "no order was sent" if run.completed else "no order is on record"
        return Item(name=name, what=what, mark=Mark.PASS if run.completed else Mark.NOT_SHOWN, why=why)
    turned = [position.symbol for position in positions if _turned(position)]
    if turned:
        why = f"the sign changed: {', '.join(turned)}; not by our orders alone, which filled no more than was there"
        return Item(name=name, what=what, mark=Mark.NOT_SHOWN, why=why, entries=entries)
    why = (
        f"each of {len(orders)} orders was on the opposite side and no larger than the position, none filled more, and "
        "no position changed its sign. The flag itself, as it was sent, is not on record"
    )
    return Item(name=name, what=what, mark=Mark.PASS, why=why, entries=entries)


def _trading(history: History, run: Run, positions: tuple[PositionStory, ...]) -> Item:
    name, what = "trading normal", "every position is within its burst cap again (P2.9)"
    request = request_of(run)
    newest = newest_checks(history, run.request_id)
    entries = tuple(name_of(told.entry) for told in newest.values())
    breaching = [symbol for symbol, told in newest.items() if told.event.check.verdict is AllocationVerdict.BREACH]
    if breaching:
        why = f"in breach, by the newest check on record: {_some(breaching)}"
        return Item(name=name, what=what, mark=Mark.FAIL, why=why, entries=entries)
    if request is None or not newest:
        why = "no P2.9 check after the decision is on record"
        return Item(name=name, what=what, mark=Mark.NOT_SHOWN, why=why, entries=entries)
    breached = {check.symbol for check in request.event.breaches}
    closed = {position.symbol for position in positions if position.quantity_after == Decimal(0)}
    within = {symbol for symbol, told in newest.items() if told.event.check.verdict in _WITHIN}
    left = sorted((breached | (closed & handled(history, run.request_id))) - within)
    if left:
        why = f"no check after the decision shows these within: {_some(left)}"
        return Item(name=name, what=what, mark=Mark.NOT_SHOWN, why=why, entries=entries)
    had = f"{len(breached)} in breach before" if breached else "none was in breach before"
    why = f"{len(within)} symbols checked after the decision are within or flat; {had}, none now"
    return Item(name=name, what=what, mark=Mark.PASS, why=why, entries=entries)


def _doubted(item: Item, doubt: str) -> Item:
    """Where the record itself is not as it must be, nothing passes by it."""
    mark = Mark.NOT_SHOWN if item.mark is Mark.PASS else item.mark
    return replace(item, mark=mark, why=f"{item.why}. But the record is not as it must be: {doubt}")


def _turned(position: PositionStory) -> bool:
    after = position.quantity_after
    return after is not None and position.quantity_before * after < 0


def _broken(checks: Mapping[str, Verdict], *names: str) -> str:
    """What these invariants found for sure; empty when nothing."""
    found = [
        f"{name}: {finding.what}"
        for name in names
        if name in checks and checks[name].standing is Standing.BROKEN
        for finding in checks[name].findings
        if finding.certain
    ]
    return _some(found, "; ")


def _some(names: Iterable[str], between: str = ", ", most: int = 5) -> str:
    found = list(names)
    more = f"{between}and {len(found) - most} more" if len(found) > most else ""
    return between.join(found[:most]) + more
