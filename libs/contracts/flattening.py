"""Events about a run: from the request to the verdict, every position accounted for."""

from decimal import Decimal
from typing import ClassVar

from msgspec import Struct

from contracts.base import Event, require_finite
from contracts.resting import RestingLeft
from contracts.vocabulary import Environment, OrderSide, PositionSide, Word


class RunVerdict(Word):
    """What the exchange showed when the run ended."""

    FLAT = "flat"
    FLAT_EXCEPT_DUST = "flat_except_dust"
    NOT_FLAT = "not_flat"
    ABORTED = "aborted"
    """Stopped before the work was done, by a limit, a gate or an operator: see `abort_reason`."""


class PositionFate(Word):
    """What became of one non-zero position."""

    CLOSED = "closed"
    """Our orders filled and the exchange shows zero."""
    GONE = "gone"
    """The exchange shows zero, but not (only) because of our orders: someone else closed it."""
    DUST = "dust"
    BELOW_STEP = "below_step"
    UNTRADABLE = "untradable"
    OUT_OF_SCOPE = "out_of_scope"
    OPEN = "open"
    """It was to be closed and is still open."""
    NOT_ATTEMPTED = "not_attempted"
    """The run was stopped before an order for it was sent."""


class Counts(Struct, frozen=True, kw_only=True):
    """The funnel, in positions, and beside it the orders. Every drop has a reason, so that the buckets sum (I8)."""

    seen: int = 0
    """Rows that the exchange returned."""
    zero: int = 0
    unreadable: int = 0
    nonzero: int = 0
    dust: int = 0
    below_step: int = 0
    untradable: int = 0
    out_of_scope: int = 0
    filtered: int = 0
    """Left to close after the filters."""
    sent: int = 0
    """Positions for which at least one order reached the wire."""
    ok: int = 0
    """Positions whose close the exchange confirmed filled."""
    orders_sent: int = 0
    orders_ok: int = 0
    errors: int = 0
    """Orders that the exchange refused or that failed."""
    unknown: int = 0
    """Orders of which nobody could find out what became of them."""
    resting_cancelled: int = 0
    """Resting orders that were cancelled and are gone; one that filled in that very moment is among them."""

    def __post_init__(self) -> None:
        """Refuse counts that do not add up: raises ValueError that names the broken sum (I8)."""
        rules = {
            "seen = zero + unreadable + nonzero": self.seen == self.zero + self.unreadable + self.nonzero,
            "nonzero = filtered + dust + below_step + untradable + out_of_scope": self.nonzero
            == self.filtered + self.dust + self.below_step + self.untradable + self.out_of_scope,
            "filtered >= sent >= ok >= 0": self.filtered >= self.sent >= self.ok >= 0,
            "orders_sent = orders_ok + errors + unknown": self.orders_sent
            == self.orders_ok + self.errors + self.unknown,
            "no negative count": min(self.zero, self.unreadable, self.dust, self.below_step, self.untradable) >= 0
            and min(self.out_of_scope, self.errors, self.unknown, self.resting_cancelled) >= 0,
        }
        broken = [rule for rule, holds in rules.items() if not holds]
        if broken:
            raise ValueError(f"counts do not add up: {'; '.join(broken)} fails")


class PositionOutcome(Struct, frozen=True, kw_only=True):
    """One non-zero position, from first reading to last."""

    symbol: str
    position_side: PositionSide
    quantity_before: Decimal
    quantity_after: Decimal | None
    """Nothing when the exchange could not be read at the end."""
    mark_price: Decimal | None
    notional_usd: Decimal | None
    fate: PositionFate
    why: str = ""
    order_side: OrderSide | None = None
    client_order_ids: tuple[str, ...] = ()
    exchange_order_ids: tuple[str, ...] = ()
    filled_quantity: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        """Refuse what is not a number."""
        require_finite(
            self.symbol,
            quantity_before=self.quantity_before,
            quantity_after=self.quantity_after,
            mark_price=self.mark_price,
            notional_usd=self.notional_usd,
            filled_quantity=self.filled_quantity,
        )


class Residual(Struct, frozen=True, kw_only=True):
    """What is still open after the run, inside its scope, with the reason."""

    symbol: str
    position_side: PositionSide
    quantity: Decimal | None
    """Nothing when the row could not be read."""
    notional_usd: Decimal | None
    reason: str

    def __post_init__(self) -> None:
        """Refuse what is not a number."""
        require_finite(self.symbol, quantity=self.quantity, notional_usd=self.notional_usd)


class Timings(Struct, frozen=True, kw_only=True):
    """When each stage of the run happened, in Unix milliseconds; nothing for a stage that was not reached."""

    armed_at_ms: int
    requested_at_ms: int
    started_at_ms: int
    first_order_at_ms: int | None = None
    last_order_at_ms: int | None = None
    verified_at_ms: int | None = None
    finished_at_ms: int


class FlattenCompleted(Event, frozen=True, kw_only=True, tag="flatten.completed.v1"):
    """The executor finished a run; `verdict` says what the exchange showed afterwards."""

    stream: ClassVar[str] = "flatten.completed"

    request_id: str
    arm_id: str
    account: str
    environment: Environment
    verdict: RunVerdict
    abort_reason: str = ""
    counts: Counts
    outcomes: tuple[PositionOutcome, ...]
    """One for each non-zero position."""
    residual: tuple[Residual, ...]
    residual_notional_usd: Decimal
    """Sum over the residuals whose notional is known."""
    residual_unpriced: int = 0
    """Residuals whose notional is not known."""
    resting_left: tuple[RestingLeft, ...] = ()
    """Orders that would not go, as the last reading showed them."""
    rounds: int
    timings: Timings
    software_version: str
    notes: tuple[str, ...] = ()
    """What a reader of the verdict must know besides, e.g. that resting orders could not be read."""
    audit_head: str = ""
    """Where the audit chain stood after the run's last entry (`contracts.chain`). Written by the finish script."""

    def __post_init__(self) -> None:
        """Refuse what is not a number."""
        require_finite("FlattenCompleted", residual_notional_usd=self.residual_notional_usd)


class RunStarted(Event, frozen=True, kw_only=True, tag="run.started.v1"):
    """The executor took the lease of a run. A higher fence means that an earlier attempt was cut off."""

    stream: ClassVar[str] = "flatten.audit"

    request_id: str
    executor: str
    fence: int
    resumed: bool
    software_version: str
    started_at_ms: int
    config_hash: str = ""
    """Of the executor's settings, secrets aside, as in its first log line. Empty in what older versions wrote."""


class OrderIntended(Event, frozen=True, kw_only=True, tag="order.intended.v1"):
    """An order is about to be sent: on record before it reaches the wire (I10)."""

    stream: ClassVar[str] = "flatten.audit"

    request_id: str
    client_order_id: str
    fence: int
    symbol: str
    position_side: PositionSide
    order_side: OrderSide
    quantity: Decimal
    position_quantity: Decimal
    """The position that the order reduces, as last read."""
    mark_price: Decimal | None
    round_number: int
    chunk: int
    limit_price: Decimal | None = None
    """Nothing for a market order; else the worst price of an immediate-or-cancel order at the venue's price band."""
    intended_at_ms: int

    def __post_init__(self) -> None:
        """Refuse what is not a number."""
        require_finite(
            self.symbol,
            quantity=self.quantity,
            position_quantity=self.position_quantity,
            mark_price=self.mark_price,
            limit_price=self.limit_price,
        )


class OrderState(Word):
    """What is known about an intended order."""

    INTENDED = "intended"
    """Journaled; it may or may not have been sent."""
    FILLED = "filled"
    PARTIAL = "partial"
    """It ended with less than it asked for, or nothing."""
    REFUSED = "refused"
    FAILED = "failed"
    UNSENT = "unsent"
    """It never left: the run was stopped, the venue's limit was used up, or there was no connection."""
    UNKNOWN = "unknown"
    NEVER_ARRIVED = "never_arrived"
    """Looked up repeatedly, and the exchange does not know it."""


class OrderResolved(Event, frozen=True, kw_only=True, tag="order.resolved.v1"):
    """What became of an intended order, as far as the exchange said."""

    stream: ClassVar[str] = "flatten.audit"

    request_id: str
    client_order_id: str
    fence: int
    symbol: str
    position_side: PositionSide
    state: OrderState
    exchange_order_id: str = ""
    filled_quantity: Decimal = Decimal(0)
    detail: str = ""
    resolved_at_ms: int

    def __post_init__(self) -> None:
        """Refuse what is not a number."""
        require_finite(self.symbol, filled_quantity=self.filled_quantity)


class RunVerified(Event, frozen=True, kw_only=True, tag="run.verified.v1"):
    """The exchange was read after the last order of a round ended (I9)."""

    stream: ClassVar[str] = "flatten.audit"

    request_id: str
    fence: int
    round_number: int
    rows_seen: int
    still_open: int
    """Positions inside the scope that are not zero, dust included."""
    unreadable: int
    read_started_at_ms: int


class RunFinished(Event, frozen=True, kw_only=True, tag="run.finished.v1"):
    """The run's verdict is on record; FlattenCompleted carries the whole."""

    stream: ClassVar[str] = "flatten.audit"

    request_id: str
    fence: int
    verdict: RunVerdict
    counts: Counts
    residual_notional_usd: Decimal
    finished_at_ms: int

    def __post_init__(self) -> None:
        """Refuse what is not a number."""
        require_finite("RunFinished", residual_notional_usd=self.residual_notional_usd)
