"""Orders: each behind gates that passed, on record before it was sent, on the opposite side, and never too large."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from contracts.arming import ArmAccepted, FlattenRequested, Gate, GateVerdict
from contracts.flattening import OrderIntended, OrderResolved, OrderState
from contracts.vocabulary import OrderSide, PositionSide
from evidence.findings import Finding, broken, unshown
from evidence.history import AUDIT, History, Told
from evidence.runs import Run, runs_of

_ENDED = frozenset(OrderState) - {OrderState.INTENDED, OrderState.UNKNOWN}
"""States after which the order can fill no more."""
_GATES = frozenset(
    {
        Gate.ENVIRONMENT,
        Gate.FORCE_FLAG,
        Gate.CONFIRM_PHRASE,
        Gate.ESS_LATCH,
        Gate.ARM_AUTHENTIC,
        Gate.ARM_UNUSED,
        Gate.COOLDOWN,
        Gate.NO_RUN_IN_FLIGHT,
    }
)
"""Those that every version has. One that comes later has no verdict in an older record."""
_SIDE_OF_LEG = {PositionSide.LONG: 1, PositionSide.SHORT: -1}

Position = tuple[str, PositionSide]


def behind_passed_gates(history: History) -> Iterator[Finding]:
    """I3: whatever was sent stands behind a request and a decision in which every gate passed."""
    for run in runs_of(history):
        if not run.intended:
            continue
        first = run.intended[0]
        yield from _recorded(history, first, run, FlattenRequested, run.requests)
        yield from _recorded(history, first, run, ArmAccepted, run.accepted)
        for request in run.requests:
            if failed := _failed(request.event.gates):
                yield broken(request.entry, f"{run.request_id} has orders, and {failed}")
        for accepted in run.accepted:
            if failed := _failed(accepted.event.gates):
                yield broken(accepted.entry, f"{run.request_id} has orders, and {failed}")
            if accepted.entry.order > first.entry.order:
                yield broken(first.entry, f"order {first.event.client_order_id} is older than the decision")
            if any(request.event.gates != accepted.event.gates for request in run.requests):
                yield broken(accepted.entry, f"the gates are not those of request {run.request_id}")


def only_against_the_position(history: History) -> Iterator[Finding]:
    """I5: every order is on the opposite side of the position that was read. How it was sent is not on record."""
    for told in history.of(OrderIntended):
        order = told.event
        side = OrderSide.SELL if order.position_quantity > 0 else OrderSide.BUY
        leg = _SIDE_OF_LEG.get(order.position_side)
        if order.position_quantity == 0:
            yield broken(told.entry, f"order {order.client_order_id} closes a position of zero")
        elif order.order_side is not side:
            held = f"{order.position_quantity} {order.symbol}"
            yield broken(told.entry, f"order {order.client_order_id} is a {order.order_side} against {held}")
        elif leg is not None and leg * order.position_quantity < 0:
            what = f"{order.symbol} {order.position_side} at {order.position_quantity}"
            yield broken(told.entry, f"order {order.client_order_id} is for the leg {what}: no leg is on that side")


def never_more_than_the_position(history: History) -> Iterator[Finding]:
    """I6: the orders of a round are no more than the position as read; none fills beyond itself; no sign changes."""
    asked: dict[str, Decimal] = {}
    rounds: dict[tuple[str, Position, int], Decimal] = defaultdict(Decimal)
    for told in history.of(OrderIntended):
        order = told.event
        if order.client_order_id in asked:
            continue  # I7 looks at that
        asked[order.client_order_id] = order.quantity
        key = (order.request_id, (order.symbol, order.position_side), order.round_number)
        rounds[key] += order.quantity
        if order.quantity <= 0:
            yield broken(told.entry, f"order {order.client_order_id} is for {order.quantity}")
        if rounds[key] > abs(order.position_quantity):
            what = (
                f"{rounds[key]} of {order.symbol} in round {order.round_number}, and {order.position_quantity} was open"
            )
            yield broken(told.entry, f"with order {order.client_order_id} the run asks for {what}")
    for resolved in history.of(OrderResolved):
        order_id, filled = resolved.event.client_order_id, resolved.event.filled_quantity
        if order_id in asked and filled > asked[order_id]:
            yield broken(resolved.entry, f"order {order_id} filled {filled}, and asked for {asked[order_id]}")
    yield from _signs(history)


def one_id_for_one_order(history: History) -> Iterator[Finding]:
    """I7: one client order id for one order, and nothing new for a position while an older order is in doubt."""
    by_id: dict[str, tuple[object, ...]] = {}
    by_order: dict[tuple[object, ...], str] = {}
    in_doubt: dict[tuple[str, Position], dict[str, int]] = defaultdict(dict)
    rounds: dict[str, int] = {}
    for told in history.told(AUDIT):
        event = told.event
        if isinstance(event, OrderIntended):
            order_id, position = event.client_order_id, (event.symbol, event.position_side)
            order = (event.request_id, *position, event.round_number, event.chunk)
            if by_id.setdefault(order_id, order) != order:
                yield broken(told.entry, f"client order id {order_id} stands for another order already")
            if by_order.setdefault(order, order_id) != order_id:
                yield broken(told.entry, f"the order of {order_id} has the client order id {by_order[order]} already")
            doubts = in_doubt[event.request_id, position]
            for older, round_number in doubts.items():
                if round_number < event.round_number:
                    yield broken(told.entry, f"order {order_id} is new while {older} was in doubt")
            doubts[order_id] = rounds[order_id] = event.round_number
        elif isinstance(event, OrderResolved):
            doubts = in_doubt[event.request_id, (event.symbol, event.position_side)]
            if event.state in _ENDED:
                doubts.pop(event.client_order_id, None)
            elif event.client_order_id in rounds:
                doubts[event.client_order_id] = rounds[event.client_order_id]


def intended_before_sent(history: History) -> Iterator[Finding]:
    """I10: what became of an order is on record only after its intent; a verdict names no order without one."""
    for run in runs_of(history):
        known: set[str] = set()
        cut = not (run.from_the_start or history.whole(AUDIT))
        for told in run.audit:
            event = told.event
            if isinstance(event, OrderIntended):
                known.add(event.client_order_id)
            elif isinstance(event, OrderResolved) and event.client_order_id not in known:
                what = f"order {event.client_order_id} has no intent before it"
                yield unshown(told.entry, f"{what} in this record") if cut else broken(told.entry, what)
        for completed in run.completed:
            named = {name for outcome in completed.event.outcomes for name in outcome.client_order_ids}
            for order_id in sorted(named - known):
                what = f"{run.request_id} names order {order_id}, and its intent is not on record"
                yield unshown(completed.entry, what) if cut else broken(completed.entry, what)


def _recorded(
    history: History,
    first: Told[OrderIntended],
    run: Run,
    event_type: type[FlattenRequested | ArmAccepted],
    found: object,
) -> Iterator[Finding]:
    if found:
        return
    what = f"{run.request_id} has orders, and no {event_type.event_type()} is on record"
    yield broken(first.entry, what) if history.whole(event_type.stream) else unshown(first.entry, what)


def _failed(gates: tuple[GateVerdict, ...]) -> str:
    failed = [gate.gate for gate in gates if not gate.passed]
    missing = sorted(_GATES - {gate.gate for gate in gates})
    if failed:
        return f"these gates failed: {', '.join(failed)}"
    return f"these gates have no verdict: {', '.join(missing)}" if missing else ""


def _signs(history: History) -> Iterator[Finding]:
    """A sign that changed is ours where our orders filled more than there was: others may trade, too."""
    for run in runs_of(history):
        for completed in run.completed:
            for outcome in completed.event.outcomes:
                before, after = outcome.quantity_before, outcome.quantity_after
                if after is not None and before * after < 0 and outcome.filled_quantity > abs(before):
                    what = f"{outcome.symbol} went from {before} to {after}"
                    yield broken(completed.entry, f"{what}, and our orders filled {outcome.filled_quantity}")
