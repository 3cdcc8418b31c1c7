"""What a report says, as values. All of it is worked out from entries: the same entries give the same report.

Nothing, and an empty text, stand for what the entries do not show. An entry is named by stream and id.
"""

from decimal import Decimal

from msgspec import Struct

from contracts.arming import GateVerdict, Scope
from contracts.flattening import Counts, OrderState, PositionFate, Residual, RunVerdict
from contracts.positions import AllocationCheck
from contracts.resting import RestingLeft
from contracts.vocabulary import OrderSide, PositionSide, Word
from evidence.findings import Standing, Verdict


class Alarm(Word):
    """How the first line reads."""

    CALM = "calm"
    UNSURE = "unsure"
    """Nobody can say."""
    OPEN = "open"
    """Something is open, or the record is not as it must be."""


class Headline(Struct, frozen=True, kw_only=True):
    """The first line, and the page's title."""

    alarm: Alarm
    text: str


class Mark(Word):
    """How a line of the checklist ended."""

    PASS = "PASS"  # noqa: S105 - it went well
    FAIL = "FAIL"
    NOT_SHOWN = "NOT SHOWN"


class Item(Struct, frozen=True, kw_only=True):
    """One line of the checklist, with the entries that it rests on."""

    name: str
    what: str
    mark: Mark
    why: str
    entries: tuple[str, ...] = ()


class SignatureRow(Struct, frozen=True, kw_only=True):
    """One signature of the arm, looked at again."""

    key_id: str
    signer: str
    """Whose key it is, by the operators' file; empty where none was given, or it does not know the key."""
    counts: bool
    what: str


class ArmStory(Struct, frozen=True, kw_only=True):
    """Who armed, why, and what for."""

    arm_id: str
    operator: str
    reason: str
    scope: Scope
    plan_hash: str
    issued_at_ms: int
    expires_at_ms: int
    signatures: tuple[SignatureRow, ...]
    signatures_told: str
    """What the whole of them amounts to, by the operators' file that was given; empty where none was."""


class Decision(Struct, frozen=True, kw_only=True):
    """The governor's decision."""

    entry: str
    decided_at_ms: int
    gates: tuple[GateVerdict, ...]
    breaches: tuple[AllocationCheck, ...]
    software_version: str
    config_hash: str
    cooldown_from_ms: int
    """By the Redis server's clock: when the script ran that decided."""
    repeated: tuple[str, ...]
    """Entries that tell of the same arm coming again, which did nothing."""


class SnapshotStory(Struct, frozen=True, kw_only=True):
    """One of the oracle's readings."""

    entry: str
    """Empty when it is not among the entries: then only what others say of it is known."""
    snapshot_id: str
    age_ms: int | None = None
    """At the decision, as the request says."""
    taken_at_ms: int | None = None
    rows: int | None = None
    positions: int | None = None
    notional_usd: Decimal | None = None
    """Of the positions that have a mark price."""
    unpriced: int = 0
    unreadable: int = 0


class Attempt(Struct, frozen=True, kw_only=True):
    """An executor's attempt at the run."""

    entry: str
    executor: str
    fence: int
    resumed: bool
    software_version: str
    config_hash: str


class Reading(Struct, frozen=True, kw_only=True):
    """One of the executor's readings of the exchange."""

    entry: str
    round_number: int
    read_started_at_ms: int
    rows: int
    open: int
    unreadable: int


class OrderStory(Struct, frozen=True, kw_only=True):
    """One order, from intent to answer."""

    client_order_id: str
    exchange_order_id: str
    side: OrderSide
    quantity: Decimal
    limit_price: Decimal | None
    round_number: int
    chunk: int
    state: OrderState
    filled_quantity: Decimal
    detail: str
    intent: str
    """The entry that says so before it was sent."""
    answers: tuple[str, ...]
    intended_ms: int
    """When the intent went on record, by the Redis server's clock."""
    answered_ms: int | None


class PositionStory(Struct, frozen=True, kw_only=True):
    """One position, from quantity to fills."""

    symbol: str
    position_side: PositionSide
    quantity_before: Decimal
    quantity_after: Decimal | None
    mark_price: Decimal | None
    before_usd: Decimal | None
    after_usd: Decimal | None
    """By the mark price of the first reading."""
    fate: PositionFate | None
    """Nothing where no verdict says."""
    why: str
    filled_quantity: Decimal
    orders: tuple[OrderStory, ...]


class Moment(Struct, frozen=True, kw_only=True):
    """Something that happened, by the Redis server's clock."""

    at_ms: int
    what: str
    entry: str
    detail: str = ""


class Exposure(Struct, frozen=True, kw_only=True):
    """What the account held, in dollars, the sum of what is long and short."""

    before_usd: Decimal
    before_unpriced: int
    after_usd: Decimal | None
    """Nothing when the exchange could not be read at the end."""
    after_unpriced: int


class Ended(Struct, frozen=True, kw_only=True):
    """How the run ended."""

    entry: str
    verdict: RunVerdict
    abort_reason: str
    counts: Counts
    rounds: int
    residual: tuple[Residual, ...]
    residual_notional_usd: Decimal
    residual_unpriced: int
    resting_left: tuple[RestingLeft, ...]
    armed_at_ms: int
    first_order_at_ms: int | None
    last_order_at_ms: int | None
    verified_at_ms: int | None
    finished_at_ms: int
    software_version: str
    notes: tuple[str, ...]
    log_line: str
    """As the executor's log has it."""


class Record(Struct, frozen=True, kw_only=True):
    """Whether the entries are whole, and show what must always hold."""

    standing: Standing
    chain_first: int
    chain_last: int
    chain_head: str
    unchained: int
    checks: tuple[Verdict, ...]


class Report(Struct, frozen=True, kw_only=True):
    """One run, as its entries tell it."""

    headline: Headline
    request_id: str
    namespace: str
    environment: str
    account: str
    arm: ArmStory | None
    decision: Decision | None
    snapshot: SnapshotStory | None
    afterwards: SnapshotStory | None
    attempts: tuple[Attempt, ...]
    readings: tuple[Reading, ...]
    positions: tuple[PositionStory, ...]
    exposure: Exposure | None
    ended: Ended | None
    timeline: tuple[Moment, ...]
    checklist: tuple[Item, ...]
    record: Record
