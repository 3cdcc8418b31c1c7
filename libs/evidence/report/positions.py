"""Each position of a run: its quantity, what was sent for it, and what became of it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal

from contracts.flattening import OrderIntended, OrderResolved, OrderState, PositionFate, PositionOutcome
from contracts.vocabulary import PositionSide
from evidence.history import Told
from evidence.report.model import Exposure, OrderStory, PositionStory
from evidence.report.story import name_of
from evidence.runs import Run

_Leg = tuple[str, PositionSide]
_UNTOUCHED = frozenset({PositionFate.DUST, PositionFate.BELOW_STEP, PositionFate.UNTRADABLE, PositionFate.OUT_OF_SCOPE})


def position_stories(run: Run) -> tuple[PositionStory, ...]:
    """The largest first, as they were before; those of which no price is known come first of all."""
    answers: dict[str, list[Told[OrderResolved]]] = defaultdict(list)
    for answer in run.of(OrderResolved):
        answers[answer.event.client_order_id].append(answer)
    orders: dict[_Leg, list[OrderStory]] = defaultdict(list)
    first: dict[_Leg, OrderIntended] = {}
    for intent in run.intended:
        leg = (intent.event.symbol, intent.event.position_side)
        orders[leg].append(_order(intent, answers[intent.event.client_order_id]))
        first.setdefault(leg, intent.event)
    outcomes = {
        (outcome.symbol, outcome.position_side): outcome
        for completed in run.completed[:1]
        for outcome in completed.event.outcomes
    }
    stories = [_told(outcome, orders.get(leg, ())) for leg, outcome in outcomes.items()]
    stories += [_untold(intent, orders[leg]) for leg, intent in first.items() if leg not in outcomes]
    return tuple(sorted(stories, key=_size))


def exposure(run: Run, stories: Iterable[PositionStory]) -> Exposure | None:
    """The sums over all positions; nothing without a verdict."""
    if not run.completed:
        return None
    held = list(stories)
    unread = any(story.quantity_after is None for story in held)
    return Exposure(
        before_usd=_sum(story.before_usd for story in held),
        before_unpriced=sum(story.before_usd is None for story in held),
        after_usd=None if unread else _sum(story.after_usd for story in held),
        after_unpriced=sum(story.after_usd is None and story.quantity_after is not None for story in held),
    )


def untouched(story: PositionStory) -> bool:
    """Whether the filters left it alone."""
    return story.fate in _UNTOUCHED


def _told(outcome: PositionOutcome, orders: Iterable[OrderStory]) -> PositionStory:
    return PositionStory(
        symbol=outcome.symbol,
        position_side=outcome.position_side,
        quantity_before=outcome.quantity_before,
        quantity_after=outcome.quantity_after,
        mark_price=outcome.mark_price,
        before_usd=outcome.notional_usd,
        after_usd=_after(outcome),
        fate=outcome.fate,
        why=outcome.why,
        filled_quantity=outcome.filled_quantity,
        orders=tuple(orders),
    )


def _untold(intent: OrderIntended, orders: Iterable[OrderStory]) -> PositionStory:
    """A position that orders tell of, and no verdict."""
    mark = intent.mark_price
    found = tuple(orders)
    return PositionStory(
        symbol=intent.symbol,
        position_side=intent.position_side,
        quantity_before=intent.position_quantity,
        quantity_after=None,
        mark_price=mark,
        before_usd=None if mark is None else abs(intent.position_quantity) * mark,
        after_usd=None,
        fate=None,
        why="no verdict is on record",
        filled_quantity=_sum(order.filled_quantity for order in found),
        orders=found,
    )


def _after(outcome: PositionOutcome) -> Decimal | None:
    """Its part of the notional before: a contract may be worth something else than its price."""
    before, after = outcome.quantity_before, outcome.quantity_after
    if after is None:
        return None
    if after == 0:
        return Decimal(0)
    if outcome.notional_usd is None or before == 0:
        return None
    return outcome.notional_usd if after == before else abs(outcome.notional_usd * after / before)


def _order(intent: Told[OrderIntended], answers: Sequence[Told[OrderResolved]]) -> OrderStory:
    event = intent.event
    last = answers[-1].event if answers else None
    return OrderStory(
        client_order_id=event.client_order_id,
        exchange_order_id=next((told.event.exchange_order_id for told in answers if told.event.exchange_order_id), ""),
        side=event.order_side,
        quantity=event.quantity,
        limit_price=event.limit_price,
        round_number=event.round_number,
        chunk=event.chunk,
        state=last.state if last else OrderState.INTENDED,
        filled_quantity=last.filled_quantity if last else Decimal(0),
        detail=last.detail if last else "",
        intent=name_of(intent.entry),
        answers=tuple(name_of(told.entry) for told in answers),
        intended_ms=intent.entry.at_ms,
        answered_ms=answers[-1].entry.at_ms if answers else None,
    )


def _size(story: PositionStory) -> tuple[bool, Decimal, str, str]:
    return (story.before_usd is not None, -(story.before_usd or Decimal(0)), story.symbol, story.position_side)


def _sum(amounts: Iterable[Decimal | None]) -> Decimal:
    return sum((amount for amount in amounts if amount is not None), Decimal(0))
