"""One run as the record tells it so far. Pure: events in, what is known of the run out."""

from decimal import Decimal

from msgspec import Struct

from contracts.arming import ArmAccepted
from contracts.base import Event
from contracts.flattening import (
    FlattenCompleted,
    OrderIntended,
    OrderResolved,
    OrderState,
    RunFinished,
    RunStarted,
    RunVerified,
)
from contracts.vocabulary import OrderSide, PositionSide


class PositionProgress(Struct, frozen=True, kw_only=True):
    """One position that is being closed."""

    symbol: str
    position_side: PositionSide
    order_side: OrderSide
    position_quantity: Decimal
    """As read before the first order."""
    orders: int
    filled_quantity: Decimal
    states: tuple[OrderState, ...]
    """Of its orders, as they were intended; `intended` while nothing is known."""
    detail: str = ""
    """What the exchange said last of an order that was not filled."""

    @property
    def settled(self) -> bool:
        """Whether something is known of every order."""
        return OrderState.INTENDED not in self.states

    @property
    def state(self) -> str:
        """The state of its last order, for people."""
        return "sent, no answer yet" if self.states[-1] is OrderState.INTENDED else str(self.states[-1])


class RunRecord:
    """Folds the events of one request. The order of events with equal times does not matter."""

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.accepted: ArmAccepted | None = None
        self.started: RunStarted | None = None
        """The newest attempt."""
        self.first_verified: RunVerified | None = None
        self.last_verified: RunVerified | None = None
        self.finished: RunFinished | None = None
        self.completed: FlattenCompleted | None = None
        self.intended: dict[str, OrderIntended] = {}
        """By client order id."""
        self.resolved: dict[str, OrderResolved] = {}

    def take(self, event: Event) -> bool:
        """Take an event in. False when it is another run's."""
        if getattr(event, "request_id", None) != self.request_id:
            return False
        match event:
            case ArmAccepted():
                self.accepted = event
            case RunStarted():
                self.started = event
            case OrderIntended():
                self.intended.setdefault(event.client_order_id, event)
            case OrderResolved():
                self.resolved[event.client_order_id] = event
            case RunVerified():
                self.first_verified = self.first_verified or event
                self.last_verified = event
            case RunFinished():
                self.finished = event
            case FlattenCompleted():
                self.completed = event
            case _:
                pass
        return True

    @property
    def begun(self) -> bool:
        """Whether an executor has taken it up."""
        return self.started is not None or self.ended

    @property
    def ended(self) -> bool:
        """Whether its verdict is on record."""
        return self.finished is not None or self.completed is not None

    @property
    def stage(self) -> str:
        """What the run is doing, in a few words."""
        if self.ended:
            return "finished"
        if self.started is None:
            return "waiting for the executor"
        if self.first_verified is None:
            return "reading the exchange"
        if not self.intended:
            return "planning"
        return "verifying" if self.intended.keys() <= self.resolved.keys() else "closing"

    def positions(self) -> tuple[PositionProgress, ...]:
        """Every position with an intended order, in the order in which they were taken up."""
        legs: dict[tuple[str, PositionSide], list[OrderIntended]] = {}
        for order in self.intended.values():
            legs.setdefault((order.symbol, order.position_side), []).append(order)
        return tuple(self._position(orders) for orders in legs.values())

    def _position(self, orders: list[OrderIntended]) -> PositionProgress:
        answers = [self.resolved.get(order.client_order_id) for order in orders]
        told = [answer for answer in answers if answer is not None]
        details = [answer.detail for answer in told if answer.state is not OrderState.FILLED and answer.detail]
        return PositionProgress(
            symbol=orders[0].symbol,
            position_side=orders[0].position_side,
            order_side=orders[0].order_side,
            position_quantity=orders[0].position_quantity,
            orders=len(orders),
            filled_quantity=sum((answer.filled_quantity for answer in told), Decimal(0)),
            states=tuple(OrderState.INTENDED if answer is None else answer.state for answer in answers),
            detail=details[-1] if details else "",
        )
