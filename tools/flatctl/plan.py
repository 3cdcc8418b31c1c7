"""A plan: what a flatten would do now, as a value that can be kept, and the hash of what identifies it. Pure."""

import hashlib
from decimal import Decimal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from closing.filters import Bucket, Limits
from contracts.arming import Scope
from contracts.base import require_finite
from contracts.flattening import Counts
from contracts.resting import RestingLeft
from contracts.vocabulary import Environment, OrderSide, PositionSide
from exchange.budget import Pace
from exchange.model import PositionMode

FORMAT = "flatguard.plan.v1"


class PlanLimits(Limits, frozen=True, kw_only=True):
    """What the plan was made with; the executor reads the same variables in its own environment."""

    run_max_s: int
    """After so many seconds a run sends nothing more."""

    def __post_init__(self) -> None:
        """Refuse what is not a number."""
        require_finite("limits", quantity_epsilon=self.quantity_epsilon, min_notional_usd=self.min_notional_usd)


class PlannedClose(Struct, frozen=True, kw_only=True):
    """A position that would be closed."""

    symbol: str
    position_side: PositionSide
    quantity: Decimal
    """Signed: negative is short."""
    order_side: OrderSide
    closing_quantity: Decimal
    """What the orders add up to; the rest, if any, would stay open."""
    orders: int
    """So many orders that the exchange takes."""
    rounds: int
    mark_price: Decimal | None
    notional_usd: Decimal | None
    unrealised_pnl: Decimal | None
    """As the exchange says, in the margin asset."""

    def __post_init__(self) -> None:
        """Refuse what is not a number."""
        require_finite(self.symbol, quantity=self.quantity, closing_quantity=self.closing_quantity)


class LeftAlone(Struct, frozen=True, kw_only=True):
    """A position of which something would stay open."""

    symbol: str
    position_side: PositionSide
    quantity: Decimal
    """What would be left of it."""
    notional_usd: Decimal | None
    bucket: Bucket
    why: str
    negligible: bool
    """Worth less than the limit for dust: a run that leaves nothing else is `flat_except_dust`."""

    def __post_init__(self) -> None:
        """Refuse what is not a number."""
        require_finite(self.symbol, quantity=self.quantity)


class Unread(Struct, frozen=True, kw_only=True):
    """A row that is missing or could not be read: it may hide an open position."""

    symbol: str
    why: str


class Estimate(Struct, frozen=True, kw_only=True):
    """How long the run would take from the request on, worked out from what is known."""

    total_ms: int
    """Answers one after another, and what the limits hold back. How fast the exchange fills is not in it."""
    answers: int
    """So many answers of the exchange follow one another."""
    answer_ms: int
    """How long the exchange took to answer with the positions just now."""
    rounds: int
    pace: Pace


class Plan(Struct, frozen=True, kw_only=True):
    """`flatctl plan --json`, and the file that `--save` writes."""

    format: str = FORMAT
    plan_hash: str = ""
    environment: Environment
    account: str
    namespace: str
    scope: Scope
    taken_at_ms: int
    """When the exchange was asked."""
    read_ms: int
    limits: PlanLimits
    position_mode: PositionMode
    counts: Counts
    would_abort: str
    """Why the run would send no order at all; empty when it would."""
    to_close: tuple[PlannedClose, ...]
    """In the order in which the orders would leave: largest notional first, unknown ones before all."""
    notional_usd: Decimal
    """Of those that are to be closed and whose notional is known."""
    unpriced: int
    resting: tuple[RestingLeft, ...]
    """Waiting orders that would be cancelled."""
    left_open: tuple[LeftAlone, ...]
    out_of_scope: tuple[str, ...]
    """Symbols of open positions that would not be touched."""
    unread: tuple[Unread, ...]
    troubles: tuple[str, ...]
    """What else could not be read, and may change the plan."""
    notes: tuple[str, ...]
    estimate: Estimate

    @property
    def in_time(self) -> bool:
        """Whether the last order would leave before the run has to end."""
        return self.estimate.total_ms <= self.limits.run_max_s * 1000

    @property
    def leaves_open(self) -> bool:
        """Whether something in the scope would stay open, dust aside."""
        return any(not left.negligible for left in self.left_open) or not self.in_time

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why the account may hold more than this plan knows, one line each; nothing when it was read in full."""
        if not self.unread:
            return self.troubles
        return (
            f"{len(self.unread)} rows could not be read or are missing, each may hide an open position",
            *self.troubles,
        )


def sealed(plan: Plan) -> Plan:
    """The plan with its hash."""
    return replace(plan, plan_hash=hash_of(plan))


def hash_of(plan: Plan) -> str:
    """SHA-256, in hex, over the canonical JSON of what would be done: see `identity`."""
    return hashlib.sha256(identity(plan)).hexdigest()


def identity(plan: Plan) -> bytes:
    """What identifies a plan, as canonical JSON: sorted keys, no white space, UTF-8, numbers as plain decimal text.

    In it: format, account, environment, namespace, scope, limits, position mode; each position that would be closed,
    with side and quantities; what would stay open; what is not known; each waiting order that would be cancelled; and
    whether the run would abort. Not in it: times, prices, profit, the estimate and words for people. So an account in
    which nothing but prices moved has the plan that it had.
    """
    limits = plan.limits
    facts = {
        "format": plan.format,
        "environment": plan.environment,
        "account": plan.account,
        "namespace": plan.namespace,
        "scope": sorted(plan.scope.symbols),
        "limits": {
            "FLATTEN_MAX_ROUNDS": limits.max_rounds,
            "FLATTEN_QTY_EPSILON": _plain(limits.quantity_epsilon),
            "FLATTEN_RUN_MAX_SECONDS": limits.run_max_s,
            "MAX_FLATTEN_SYMBOLS": limits.max_positions,
            "MIN_FLATTEN_NOTIONAL_USD": _plain(limits.min_notional_usd),
        },
        "position_mode": plan.position_mode,
        "close": sorted(
            [
                row.symbol,
                row.position_side,
                _plain(row.quantity),
                row.order_side,
                _plain(row.closing_quantity),
                row.orders,
            ]
            for row in plan.to_close
        ),
        "left_open": sorted(
            [row.symbol, row.position_side, _plain(row.quantity), row.bucket] for row in plan.left_open
        ),
        "out_of_scope": sorted(plan.out_of_scope),
        "unread": sorted(row.symbol for row in plan.unread),
        "troubles": len(plan.troubles),
        "cancel": sorted([order.symbol, order.order_id, order.conditional] for order in plan.resting),
        "would_abort": bool(plan.would_abort),
    }
    return msgspec.json.encode(facts, order="sorted")


def _plain(number: Decimal) -> str:
    """`9.100` and `9.1` are the same number, and `1E-8` is one that people read as 0.00000001."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
