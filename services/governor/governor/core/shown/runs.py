"""One run: how far it is, the funnel, every position of it, and what it left open."""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from closing.progress import PositionProgress, RunRecord
from contracts.flattening import (
    Counts,
    FlattenCompleted,
    OrderState,
    PositionFate,
    PositionOutcome,
    RunVerdict,
    Timings,
)
from contracts.vocabulary import PositionSide

_WELL = {PositionFate.CLOSED, PositionFate.GONE}
_LEFT_BY_RULE = {PositionFate.DUST, PositionFate.BELOW_STEP, PositionFate.UNTRADABLE, PositionFate.OUT_OF_SCOPE}
_STEPS = ("accepted", "started", "first order", "last order", "verified", "verdict")
_STAGES = ("seen", "open", "to close", "sent", "closed")
_GOOD = {RunVerdict.FLAT, RunVerdict.FLAT_EXCEPT_DUST}
_ON_THE_WAY = {OrderState.INTENDED, OrderState.UNSENT, OrderState.NEVER_ARRIVED}
"""Of an order in one of these states nobody knows that it reached the exchange."""


class State(StrEnum):
    """How a position of a run stands."""

    WAITING = "waiting"
    DONE = "done"
    TROUBLE = "trouble"
    DOUBT = "doubt"
    """Nobody knows what became of its order."""
    LEFT = "left"
    """Not to be closed, by a rule or by the arm's scope."""


class Step(Struct, frozen=True, kw_only=True):
    """One stage of the run's way."""

    name: str
    at_ms: int | None
    """Nothing when it was not reached."""


class Count(Struct, frozen=True, kw_only=True):
    """One stage of the funnel, in positions."""

    name: str
    positions: int | None
    """Nothing while it is not known."""


class RunPosition(Struct, frozen=True, array_like=True):
    """One position of the run. Travels as a list."""

    symbol: str
    leg: str
    """Empty in one-way mode."""
    quantity: str
    filled: str
    order_side: str
    state: State
    word: str
    why: str


class Left(Struct, frozen=True, kw_only=True):
    """One position that is still open after the run."""

    symbol: str
    leg: str
    quantity: str | None
    usd: str | None
    reason: str


class RunShown(Struct, frozen=True, kw_only=True):
    """The run in flight, or the last one."""

    request_id: str
    arm_id: str
    operator: str
    reason: str
    stage: str
    ended: bool
    steps: tuple[Step, ...]
    funnel: tuple[Count, ...]
    positions: tuple[RunPosition, ...]
    verdict: str
    """Empty until it is there."""
    good: bool
    """Whether the verdict says that nothing is left to do."""
    abort_reason: str
    left: tuple[Left, ...]
    left_usd: str
    left_unpriced: int
    waiting_orders: int
    """Orders that still wait at the exchange."""
    notes: tuple[str, ...]
    orders: str
    """The orders in one line."""


def run_shown(record: RunRecord) -> RunShown:
    """A run as far as it is on record."""
    completed, accepted = record.completed, record.accepted
    positions = record.positions()
    verdict = completed.verdict if completed else record.finished.verdict if record.finished else None
    return RunShown(
        request_id=record.request_id,
        arm_id=accepted.arm_id if accepted else completed.arm_id if completed else "",
        operator=accepted.operator if accepted else "",
        reason=accepted.reason if accepted else "",
        stage=record.stage,
        ended=record.ended,
        steps=_steps(record),
        funnel=_funnel(record, positions),
        positions=_outcomes(completed, record) if completed else tuple(map(_position, positions)),
        verdict=verdict.value if verdict else "",
        good=verdict in _GOOD,
        abort_reason=completed.abort_reason if completed else "",
        left=_left(completed),
        left_usd=format(completed.residual_notional_usd, ".2f") if completed else "0.00",
        left_unpriced=completed.residual_unpriced if completed else 0,
        waiting_orders=len(completed.resting_left) if completed else 0,
        notes=completed.notes if completed else (),
        orders=_orders(record),
    )


def _steps(record: RunRecord) -> tuple[Step, ...]:
    """By the verdict's times once it is there, until then by those of the single events."""
    times = _times_told(record.completed.timings) if record.completed else _times_seen(record)
    return tuple(Step(name=name, at_ms=at_ms) for name, at_ms in zip(_STEPS, times, strict=True))


def _times_told(timings: Timings) -> tuple[int | None, ...]:
    return (
        timings.requested_at_ms,
        timings.started_at_ms,
        timings.first_order_at_ms,
        timings.last_order_at_ms,
        timings.verified_at_ms,
        timings.finished_at_ms,
    )


def _times_seen(record: RunRecord) -> tuple[int | None, ...]:
    intended = [order.intended_at_ms for order in record.intended.values()]
    last = record.last_verified if record.last_verified is not record.first_verified else None
    return (
        record.accepted.decided_at_ms if record.accepted else None,
        record.started.started_at_ms if record.started else None,
        min(intended, default=None),
        None,  # which order is the last one the verdict alone says
        last.read_started_at_ms if last else None,
        record.finished.finished_at_ms if record.finished else None,
    )


def _funnel(record: RunRecord, positions: tuple[PositionProgress, ...]) -> tuple[Count, ...]:
    counts, first = _counts(record), record.first_verified
    numbers: tuple[int | None, ...]
    if counts is not None:
        numbers = (counts.seen, counts.nonzero, counts.filtered, counts.sent, counts.ok)
    else:
        known = bool(positions)
        numbers = (
            first.rows_seen if first else None,
            first.still_open if first else None,
            len(positions) if known else None,
            sum(map(_reached, positions)) if known else None,
            sum(map(_filled, positions)) if known else None,
        )
    return tuple(Count(name=name, positions=number) for name, number in zip(_STAGES, numbers, strict=True))


def _counts(record: RunRecord) -> Counts | None:
    if record.completed is not None:
        return record.completed.counts
    return record.finished.counts if record.finished is not None else None


def _reached(position: PositionProgress) -> bool:
    """Whether an order for it surely reached the exchange."""
    return any(state not in _ON_THE_WAY for state in position.states)


def _filled(position: PositionProgress) -> bool:
    """Whether what was filled makes up the position: a later order may have closed what an earlier one did not."""
    return position.settled and position.filled_quantity >= abs(position.position_quantity)


def _position(position: PositionProgress) -> RunPosition:
    if _filled(position):
        state, word = State.DONE, "filled"
    elif position.settled:
        last = position.states[-1]
        state, word = State.DOUBT if last is OrderState.UNKNOWN else State.TROUBLE, last.value.replace("_", " ")
    else:
        state, word = State.WAITING, "no answer yet"
    return RunPosition(
        position.symbol,
        _leg(position.position_side),
        _plain(position.position_quantity),
        _plain(position.filled_quantity),
        position.order_side.value,
        state,
        word,
        position.detail if position.settled and state is not State.DONE else "",
    )


def _outcomes(completed: FlattenCompleted, record: RunRecord) -> tuple[RunPosition, ...]:
    """What became of each; where the verdict lists none, what the orders tell."""
    if not completed.outcomes:
        return tuple(map(_position, record.positions()))
    return tuple(map(_outcome, completed.outcomes))


def _outcome(outcome: PositionOutcome) -> RunPosition:
    fate = outcome.fate
    state = State.DONE if fate in _WELL else State.LEFT if fate in _LEFT_BY_RULE else State.TROUBLE
    return RunPosition(
        outcome.symbol,
        _leg(outcome.position_side),
        _plain(outcome.quantity_before),
        _plain(outcome.filled_quantity),
        outcome.order_side.value if outcome.order_side else "",
        state,
        fate.value.replace("_", " "),
        outcome.why,
    )


def _left(completed: FlattenCompleted | None) -> tuple[Left, ...]:
    if completed is None:
        return ()
    return tuple(
        Left(
            symbol=row.symbol,
            leg=_leg(row.position_side),
            quantity=None if row.quantity is None else _plain(row.quantity),
            usd=None if row.notional_usd is None else format(row.notional_usd, ".2f"),
            reason=row.reason,
        )
        for row in completed.residual
    )


def _orders(record: RunRecord) -> str:
    counts = _counts(record)
    if counts is not None:
        parts = [f"{counts.orders_sent} orders sent", f"{counts.orders_ok} filled", f"{counts.errors} not filled"]
        return ", ".join([*parts, f"{counts.unknown} unknown"] if counts.unknown else parts)
    if not record.intended:
        return ""
    states = [answer.state for answer in record.resolved.values()]
    return f"{len(record.intended)} orders, {len(states)} answered, {states.count(OrderState.FILLED)} filled"


def _leg(side: PositionSide) -> str:
    return "" if side is PositionSide.BOTH else side.value


def _plain(amount: Decimal) -> str:
    return format(amount, "f")
