"""A fault plan: which requests or orders go wrong, how, and how often.

A fault names what it matches; every field that is set must agree. `nth` skips the first matches. Where the request
carries orders, a match on symbol, client order id, side or type looks at each of them.
"""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec
from msgspec import Struct

from exchange_sim.core.parameters import Params
from exchange_sim.core.scenario import Scenario

Action = Literal[
    "none",
    "code",
    "ack",
    "status",
    "drop_before",
    "drop_after",
    "timeout_before",
    "timeout_after",
    "delay",
    "late",
    "hang",
    "truncate_body",
    "truncated_json",
    "empty_200",
    "nan_quantity",
    "missing_mark",
    "drop_row",
    "patch",
]
LEG_ACTIONS: Final = ("none", "code", "ack")
ROW_ACTIONS: Final = ("nan_quantity", "missing_mark", "drop_row", "patch")
EXECUTES: Final = (
    "drop_after",
    "timeout_after",
    "delay",
    "late",
    "truncate_body",
    "truncated_json",
    "empty_200",
    "ack",
    "none",
)


class Match(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a fault applies to. An empty match is every request to the venue."""

    method: str | None = None
    path: str | None = None
    symbol: str | None = None
    client_order_id_prefix: str | None = None
    order_type: str | None = None
    side: str | None = None
    position_side: str | None = None
    """Of an order, or of a row."""
    api_key: str | None = None
    nth: int = 1
    """The first match that goes wrong, counted from 1."""


class Fault(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that goes wrong. What each action does is told in `exchange_sim.control`."""

    action: Action = "none"
    match: Match = msgspec.field(default_factory=Match)
    times: int | None = None
    """How many matches go wrong; 0 is every one. By default 1, and every one for edited rows."""
    effect: Scenario | None = None
    """A change of the account or market just before the order or request is executed."""
    execute: bool | None = None
    """Whether the request takes effect although its answer is lost or an error; each action has its default."""
    status: int | None = None
    body: object = None
    code: int | None = None
    msg: str | None = None
    retry_after_s: int | None = None
    hold_ms: int = 60_000
    patch: dict[str, object] = {}
    """Fields to overwrite in the rows of `match.symbol`; null removes a field."""

    @property
    def executes(self) -> bool:
        """Whether the venue does what was asked."""
        return self.action in EXECUTES if self.execute is None else self.execute

    @property
    def per_order(self) -> bool:
        """Whether it strikes one order of a request and not the request."""
        return self.action in LEG_ACTIONS and (self.action != "code" or self.status is None)


class Call(Struct, frozen=True, kw_only=True):
    """What a fault is matched against: a request and the orders that it carries."""

    method: str
    path: str
    api_key: str = ""
    orders: Sequence[Params] = ()
    params: Params = msgspec.field(default_factory=dict)


class PlannedFault:
    """A fault and how often it was met."""

    def __init__(self, number: int, fault: Fault) -> None:
        self.number = number
        self.fault = fault
        self.matched = 0
        self.fired = 0

    def strikes(self) -> bool:
        """Count one match; whether this one goes wrong."""
        self.matched += 1
        times = self.fault.times
        limit = (0 if self.fault.action in ROW_ACTIONS else 1) if times is None else times
        if self.matched < self.fault.match.nth or (limit and self.fired >= limit):
            return False
        self.fired += 1
        return True

    @property
    def name(self) -> str:
        """How the evidence refers to it."""
        return f"{self.number}:{self.fault.action}"


class FaultPlan:
    """Everything that will go wrong, in the order in which it was asked for; the first that strikes wins."""

    def __init__(self) -> None:
        self.planned: list[PlannedFault] = []
        self._added = 0

    def add(self, faults: Sequence[Fault]) -> None:
        """Append faults to the plan."""
        for fault in faults:
            self._added += 1
            self.planned.append(PlannedFault(self._added, fault))

    def on_request(self, call: Call) -> PlannedFault | None:
        """Return the fault that strikes a request as a whole."""
        for planned in self.planned:
            fault = planned.fault
            if fault.action in ROW_ACTIONS or (fault.per_order and call.orders):
                continue
            orders = call.orders or (call.params,)
            if any(_agrees(fault.match, call, order) for order in orders) and planned.strikes():
                return planned
        return None

    def on_order(self, call: Call, order: Params) -> PlannedFault | None:
        """Return the fault that strikes one order of a request."""
        for planned in self.planned:
            if planned.fault.per_order and _agrees(planned.fault.match, call, order) and planned.strikes():
                return planned
        return None

    def on_rows(self, call: Call) -> list[Fault]:
        """Return the edits of the rows that a request would be answered with."""
        return [
            planned.fault
            for planned in self.planned
            if planned.fault.action in ROW_ACTIONS
            and planned.fault.match.path in (None, call.path)
            and planned.fault.match.symbol is not None
            and planned.strikes()
        ]


def _agrees(match: Match, call: Call, order: Params) -> bool:
    client_order_id = order.get("newClientOrderId") or order.get("origClientOrderId") or order.get("clientAlgoId") or ""
    wanted = (
        (match.method, call.method),
        (match.path, call.path),
        (match.api_key, call.api_key),
        (match.symbol, order.get("symbol")),
        (match.side, order.get("side")),
        (match.position_side, order.get("positionSide")),
        (match.order_type, order.get("type")),
    )
    if any(value is not None and value != actual for value, actual in wanted):
        return False
    return match.client_order_id_prefix is None or client_order_id.startswith(match.client_order_id_prefix)
