"""One run out of the history: the request, the decision behind it, everything on record of it, and its verdict."""

from collections.abc import Sequence
from typing import TypeVar

from msgspec import Struct

from contracts.arming import ArmAccepted, FlattenRequested
from contracts.base import Event
from contracts.flattening import FlattenCompleted, OrderIntended, OrderResolved, OrderState, RunStarted
from evidence.history import AUDIT, History, Told

E = TypeVar("E", bound=Event)


class Run(Struct, frozen=True, kw_only=True):
    """Everything that the history holds of one request. What is missing in it is empty."""

    request_id: str
    requests: tuple[Told[FlattenRequested], ...]
    """More than one only where I1 is broken."""
    audit: tuple[Told[Event], ...]
    """What the audit stream says of it, in order: decision, attempts, readings, orders, end."""
    completed: tuple[Told[FlattenCompleted], ...]

    def of(self, event_type: type[E]) -> list[Told[E]]:
        """Every event of one type in its audit."""
        return [Told(told.entry, told.event) for told in self.audit if type(told.event) is event_type]

    @property
    def accepted(self) -> Sequence[Told[ArmAccepted]]:
        """The decision."""
        return self.of(ArmAccepted)

    @property
    def intended(self) -> Sequence[Told[OrderIntended]]:
        """Every order that was about to be sent."""
        return self.of(OrderIntended)

    @property
    def last_states(self) -> dict[str, OrderState]:
        """What is known of each order in the end, by its client order id."""
        states = {told.event.client_order_id: OrderState.INTENDED for told in self.intended}
        return states | {told.event.client_order_id: told.event.state for told in self.of(OrderResolved)}

    @property
    def from_the_start(self) -> bool:
        """Whether its first attempt is here, so that nothing before it can be missing."""
        return any(not told.event.resumed for told in self.of(RunStarted))


def runs_of(history: History) -> list[Run]:
    """Every run that any stream tells of, the oldest first."""
    audit: dict[str, list[Told[Event]]] = {}
    for told in history.told(AUDIT):
        request_id = getattr(told.event, "request_id", "")
        if request_id:
            audit.setdefault(request_id, []).append(told)
    requests: dict[str, list[Told[FlattenRequested]]] = {}
    for request in history.of(FlattenRequested):
        requests.setdefault(request.event.request_id, []).append(request)
    completed: dict[str, list[Told[FlattenCompleted]]] = {}
    for verdict in history.of(FlattenCompleted):
        completed.setdefault(verdict.event.request_id, []).append(verdict)
    runs = [
        Run(
            request_id=request_id,
            requests=tuple(requests.get(request_id, ())),
            audit=tuple(audit.get(request_id, ())),
            completed=tuple(completed.get(request_id, ())),
        )
        for request_id in dict.fromkeys([*requests, *audit, *completed])
    ]
    return sorted(runs, key=_began)


def _began(run: Run) -> tuple[int, int]:
    return min(told.entry.order for told in (*run.requests, *run.audit, *run.completed))
