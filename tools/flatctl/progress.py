"""One run as the record tells it so far. Pure: events in, a picture out."""

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
from contracts.resting import RestingCancelled
from contracts.vocabulary import OrderSide, PositionSide
from flatctl.figures import funnel_line, quantity


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

    @property
    def settled(self) -> bool:
        """Whether something is known of every order."""
        return OrderState.INTENDED not in self.states

    @property
    def state(self) -> str:
        """The state of its last order, for people."""
        return "sent, no answer yet" if self.states[-1] is OrderState.INTENDED else str(self.states[-1])


class RunProgress:
    """Folds the events of one request. The order of events with equal times does not matter."""

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.arm_id = ""
        self.completed: FlattenCompleted | None = None
        self._started: RunStarted | None = None
        self._first_verified: RunVerified | None = None
        self._last_verified: RunVerified | None = None
        self._finished: RunFinished | None = None
        self._intended: dict[str, OrderIntended] = {}
        self._resolved: dict[str, OrderResolved] = {}

    def add(self, event: Event) -> str:
        """Take an event in; returns the line that tells it, or nothing when it is another run's or says nothing new."""
        if getattr(event, "request_id", None) != self.request_id:
            return ""
        line = ""
        match event:
            case ArmAccepted():
                self.arm_id = event.arm_id
                line = f"arm {event.arm_id} by {event.operator} accepted: {event.reason}"
            case RunStarted():
                again = f", taking over (attempt {event.fence})" if event.resumed else ""
                self._started = event
                line = f"run started by {event.executor}, version {event.software_version}{again}"
            case OrderIntended():
                self._intended.setdefault(event.client_order_id, event)
            case OrderResolved():
                line = self._resolve(event)
            case RestingCancelled():
                line = f"{event.symbol:<20} {len(event.order_ids)} resting orders cancelled"
            case RunVerified():
                line = self._verify(event)
            case RunFinished():
                self._finished = event
            case FlattenCompleted():
                self.completed = event
        return line

    def funnel(self) -> str:
        """The funnel as far as it is known: complete once the run is."""
        if self.completed is not None:
            return funnel_line(self.completed)
        positions = self.positions()
        states = [state for position in positions for state in position.states]
        parts = []
        if self._first_verified is not None:
            parts += [f"seen={self._first_verified.rows_seen}", f"open_before={self._first_verified.still_open}"]
        parts += [
            f"sent={len(positions)}",
            f"answered={sum(position.settled for position in positions)}",
            f"orders={len(states)}",
            f"filled={states.count(OrderState.FILLED)}",
        ]
        for state in (OrderState.PARTIAL, OrderState.REFUSED, OrderState.FAILED, OrderState.UNKNOWN):
            if state in states:
                parts.append(f"{state}={states.count(state)}")
        if self._last_verified is not self._first_verified and self._last_verified is not None:
            parts.append(f"open_now={self._last_verified.still_open}")
        return " ".join(parts)

    @property
    def begun(self) -> bool:
        """Whether an executor has taken it up."""
        return self._started is not None or self._finished is not None or self.completed is not None

    @property
    def stage(self) -> str:
        """What the run is doing, in a few words."""
        if self.completed is not None or self._finished is not None:
            return "finished"
        if self._started is None:
            return "waiting for the executor"
        if self._first_verified is None:
            return "reading the exchange"
        if not self._intended:
            return "planning"
        return "verifying" if all(position.settled for position in self.positions()) else "closing"

    def positions(self) -> tuple[PositionProgress, ...]:
        """Every position with an intended order, in the order in which they were taken up."""
        legs: dict[tuple[str, PositionSide], list[OrderIntended]] = {}
        for order in self._intended.values():
            legs.setdefault((order.symbol, order.position_side), []).append(order)
        return tuple(self._position(orders) for orders in legs.values())

    def _position(self, orders: list[OrderIntended]) -> PositionProgress:
        answers = [self._resolved.get(order.client_order_id) for order in orders]
        return PositionProgress(
            symbol=orders[0].symbol,
            position_side=orders[0].position_side,
            order_side=orders[0].order_side,
            position_quantity=orders[0].position_quantity,
            orders=len(orders),
            filled_quantity=sum((answer.filled_quantity for answer in answers if answer is not None), Decimal(0)),
            states=tuple(OrderState.INTENDED if answer is None else answer.state for answer in answers),
        )

    def _resolve(self, event: OrderResolved) -> str:
        before = self._resolved.get(event.client_order_id)
        self._resolved[event.client_order_id] = event
        if before is not None and (before.state, before.filled_quantity) == (event.state, event.filled_quantity):
            return ""
        intended = self._intended.get(event.client_order_id)
        asked = f"{intended.order_side:<4} {quantity(intended.quantity)}" if intended else "an order of another attempt"
        leg = "" if event.position_side is PositionSide.BOTH else f" ({event.position_side})"
        became = "" if event.state is OrderState.FILLED else f"{event.state}, "
        detail = f"  {event.detail}" if event.detail and event.state is not OrderState.FILLED else ""
        return f"{event.symbol + leg:<20} {asked:<20} {became}filled {quantity(event.filled_quantity)}{detail}"

    def _verify(self, event: RunVerified) -> str:
        if self._first_verified is None:
            self._first_verified = event
        self._last_verified = event
        unreadable = f", {event.unreadable} rows UNREADABLE" if event.unreadable else ""
        when = "before any order" if event.round_number == 0 else f"after round {event.round_number}"
        return f"exchange read {when}: {event.rows_seen} symbols, {event.still_open} open{unreadable}"
