"""What is known about an order that was intended, and how answers and look-ups change it."""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from closing.filters import PositionKey
from closing.planning import PlannedOrder
from closing.quantities import ORDERS_PER_POSITION
from contracts.flattening import OrderState
from contracts.vocabulary import OrderSide, PositionSide
from exchange.model import Accepted, Failed, NotFound, ReducingOrder, Refused, SendResult, Unknown, Unsent

OPEN_STATES = frozenset({OrderState.INTENDED, OrderState.UNKNOWN})
"""States in which the order may still fill, or may have filled unseen: nothing new is sent for its position (I7)."""


class OrderRecord(Struct, frozen=True, kw_only=True):
    """The journal's entry for one intended order."""

    client_order_id: str
    symbol: str
    position_side: PositionSide
    order_side: OrderSide
    quantity: Decimal
    round_number: int
    chunk: int
    limit_price: Decimal | None = None
    state: OrderState
    reached_wire: bool = False
    """Whether this or an earlier executor saw the order leave, whatever became of it."""
    outside_band: bool = False
    """The venue refused it, because the book is too far from the mark price for a market order."""
    breaks_rules: bool = False
    """The venue refused it, because the instrument's rules do not allow it: they may have changed."""
    filled: Decimal = Decimal(0)
    exchange_order_id: str = ""
    detail: str = ""
    intended_at_ms: int
    ended_at_ms: int | None = None

    @property
    def key(self) -> PositionKey:
        """The position that the order reduces."""
        return PositionKey(self.symbol, self.position_side)

    @property
    def may_be_live(self) -> bool:
        """Whether nobody knows yet what became of it."""
        return self.state in OPEN_STATES

    def as_order(self) -> ReducingOrder:
        """The order as it goes over the wire."""
        return ReducingOrder(
            symbol=self.symbol,
            side=self.order_side,
            position_side=self.position_side,
            quantity=self.quantity,
            client_order_id=self.client_order_id,
            limit_price=self.limit_price,
        )


def intended(planned: PlannedOrder, now_ms: int) -> OrderRecord:
    """The record of an order that is about to be sent (I10)."""
    order = planned.order
    return OrderRecord(
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        position_side=order.position_side,
        order_side=order.side,
        quantity=order.quantity,
        limit_price=order.limit_price,
        round_number=planned.round_number,
        chunk=planned.chunk,
        state=OrderState.INTENDED,
        intended_at_ms=now_ms,
    )


def answered(record: OrderRecord, result: SendResult, now_ms: int) -> OrderRecord:
    """The record after the answer to sending it."""
    if isinstance(result, Unsent):
        # An earlier attempt may have left, and failed: then that is what became of it.
        if record.reached_wire:
            detail = "; then ".join(filter(None, (record.detail, result.reason)))
            return replace(record, state=OrderState.FAILED, detail=detail, ended_at_ms=now_ms)
        return replace(record, state=OrderState.UNSENT, detail=result.reason, ended_at_ms=now_ms)
    record = replace(record, reached_wire=True)
    match result:
        case Accepted():
            return found(record, result, now_ms)
        case Refused():
            return replace(
                record,
                state=OrderState.REFUSED,
                outside_band=result.outside_band,
                breaks_rules=result.breaks_rules,
                detail=_coded(result),
                ended_at_ms=now_ms,
            )
        case Failed():
            return replace(record, state=OrderState.FAILED, detail=_coded(result), ended_at_ms=now_ms)
        case Unknown():
            return replace(record, state=OrderState.UNKNOWN, detail=_coded(result))


def on_its_way_again(record: OrderRecord) -> OrderRecord:
    """The record of an order that surely did not execute and is about to be sent once more, under the same id."""
    return replace(record, state=OrderState.INTENDED, ended_at_ms=None)


def rounds_spent(records: Iterable[OrderRecord]) -> set[int]:
    """Rounds in which an order came to an end that says something of the position or the market.

    Not what surely failed or was never seen to leave: that is worth another round while there is time.
    """
    return {
        record.round_number
        for record in records
        if record.state not in {OrderState.FAILED, OrderState.UNSENT}
        and (record.reached_wire or record.state is not OrderState.NEVER_ARRIVED)
    }


def tries(records: Iterable[OrderRecord]) -> Counter[PositionKey]:
    """How many rounds each position has had that say something of it (see `rounds_spent`).

    One in which `ORDERS_PER_POSITION` orders filled does not count: the position is larger than one round may close.
    """
    by_round: dict[tuple[PositionKey, int], list[OrderRecord]] = {}
    for record in records:
        by_round.setdefault((record.key, record.round_number), []).append(record)
    return Counter(
        key
        for (key, _), of_round in by_round.items()
        if rounds_spent(of_round)
        and not (len(of_round) >= ORDERS_PER_POSITION and all(record.state is OrderState.FILLED for record in of_round))
    )


def found(record: OrderRecord, accepted: Accepted, now_ms: int) -> OrderRecord:
    """The record after the exchange said what became of the order. One that can still fill stays unknown."""
    record = replace(
        record,
        reached_wire=True,
        filled=accepted.filled,
        exchange_order_id=accepted.exchange_order_id,
        detail=accepted.status,
    )
    if not accepted.final:
        return replace(record, state=OrderState.UNKNOWN)
    state = OrderState.FILLED if accepted.complete or accepted.filled >= record.quantity else OrderState.PARTIAL
    return replace(record, state=state, ended_at_ms=now_ms)


def not_found(record: OrderRecord, answer: NotFound, now_ms: int) -> OrderRecord:
    """The record after the exchange said, often enough, that it does not know the order.

    One that it acknowledged has arrived, whatever it says now: that stays unknown (I7).
    """
    if record.exchange_order_id:
        return replace(record, state=OrderState.UNKNOWN, detail=f"taken as {record.exchange_order_id}, then not known")
    detail = f"the exchange does not know {answer.client_order_id}"
    return replace(record, state=OrderState.NEVER_ARRIVED, detail=detail, ended_at_ms=now_ms)


def _coded(result: Refused | Failed | Unknown) -> str:
    code = str(result.code or "")
    return result.reason if code in result.reason else f"{code} {result.reason}"
