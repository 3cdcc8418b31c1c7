"""One run as the record tells it so far, in lines for people. Pure: events in, a picture out."""

from closing.progress import PositionProgress, RunRecord
from contracts.arming import ArmAccepted
from contracts.base import Event
from contracts.flattening import OrderResolved, OrderState, RunStarted, RunVerified
from contracts.resting import RestingCancelled
from contracts.vocabulary import PositionSide
from flatctl.figures import funnel_line, quantity

__all__ = ["PositionProgress", "RunProgress"]


class RunProgress(RunRecord):
    """The record of one run, and the line that tells each event."""

    @property
    def arm_id(self) -> str:
        """The arm that became this run, once that is known."""
        return self.accepted.arm_id if self.accepted is not None else ""

    def add(self, event: Event) -> str:
        """Take an event in; returns the line that tells it, or nothing when it is another run's or says nothing new."""
        before = self.resolved.get(event.client_order_id) if isinstance(event, OrderResolved) else None
        if not self.take(event):
            return ""
        if isinstance(event, OrderResolved):
            return self._resolved_line(event, before)
        return _line(event)

    def funnel(self) -> str:
        """The funnel as far as it is known: complete once the run is."""
        if self.completed is not None:
            return funnel_line(self.completed)
        positions = self.positions()
        states = [state for position in positions for state in position.states]
        parts = []
        if self.first_verified is not None:
            parts += [f"seen={self.first_verified.rows_seen}", f"open_before={self.first_verified.still_open}"]
        parts += [
            f"sent={len(positions)}",
            f"answered={sum(position.settled for position in positions)}",
            f"orders={len(states)}",
            f"filled={states.count(OrderState.FILLED)}",
        ]
        for state in (OrderState.PARTIAL, OrderState.REFUSED, OrderState.FAILED, OrderState.UNKNOWN):
            if state in states:
                parts.append(f"{state}={states.count(state)}")
        if self.last_verified is not self.first_verified and self.last_verified is not None:
            parts.append(f"open_now={self.last_verified.still_open}")
        return " ".join(parts)

    def _resolved_line(self, event: OrderResolved, before: OrderResolved | None) -> str:
        if before is not None and (before.state, before.filled_quantity) == (event.state, event.filled_quantity):
            return ""
        intended = self.intended.get(event.client_order_id)
        asked = f"{intended.order_side:<4} {quantity(intended.quantity)}" if intended else "an order of another attempt"
        leg = "" if event.position_side is PositionSide.BOTH else f" ({event.position_side})"
        became = "" if event.state is OrderState.FILLED else f"{event.state}, "
        detail = f"  {event.detail}" if event.detail and event.state is not OrderState.FILLED else ""
        return f"{event.symbol + leg:<20} {asked:<20} {became}filled {quantity(event.filled_quantity)}{detail}"


def _line(event: Event) -> str:
    match event:
        case ArmAccepted():
            return f"arm {event.arm_id} by {event.operator} accepted: {event.reason}"
        case RunStarted():
            again = f", taking over (attempt {event.fence})" if event.resumed else ""
            return f"run started by {event.executor}, version {event.software_version}{again}"
        case RestingCancelled():
            return f"{event.symbol:<20} {len(event.order_ids)} resting orders cancelled"
        case RunVerified():
            return _verified_line(event)
        case _:
            return ""


def _verified_line(event: RunVerified) -> str:
    unreadable = f", {event.unreadable} rows UNREADABLE" if event.unreadable else ""
    when = "before any order" if event.round_number == 0 else f"after round {event.round_number}"
    return f"exchange read {when}: {event.rows_seen} symbols, {event.still_open} open{unreadable}"
