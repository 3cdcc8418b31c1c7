"""The three-way proof: the record, the P2.9 check and the exchange, each by itself, must tell the same. Pure."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TypeVar

from msgspec import Struct

from contracts.arming import ArmAccepted, ArmDisarmed, ArmRefused, ArmRepeated
from contracts.base import Event
from contracts.flattening import Counts, FlattenCompleted, OrderIntended, OrderResolved, OrderState, RunVerdict
from contracts.positions import AllocationStateChanged, AllocationVerdict, PositionSnapshot
from contracts.vocabulary import OrderSide, PositionSide

E = TypeVar("E", bound=Event)
Leg = tuple[str, PositionSide]
AUDIT, ALLOCATION, EXCHANGE = "audit stream", "P2.9 check", "exchange"
WRITTEN_WITHIN_MS = 5_000
"""Between the gates' verdict and the record of it, the rounding up to a whole second included."""
WITHIN = frozenset({AllocationVerdict.FLAT, AllocationVerdict.WITHIN_TARGET, AllocationVerdict.WITHIN_BURST})


class Holding(Struct, frozen=True, kw_only=True):
    """One open position in a direct reading of the exchange."""

    symbol: str
    position_side: PositionSide
    quantity: Decimal
    notional_usd: Decimal | None

    @property
    def leg(self) -> Leg:
        """What identifies it."""
        return self.symbol, self.position_side


class DirectReading(Struct, frozen=True, kw_only=True):
    """What the exchange itself answered."""

    started_at_ms: int
    rows_seen: int
    holdings: tuple[Holding, ...]
    unreadable: int
    missing: int
    """Rows of listed symbols that the answer has not."""


class Evidence(Struct, frozen=True, kw_only=True):
    """Everything that is judged, as it was found."""

    arm_id: str
    before: DirectReading
    after: DirectReading
    audit: tuple[Event, ...]
    """The whole audit stream."""
    completed: tuple[FlattenCompleted, ...]
    """The whole completed stream."""
    armed: str | None
    """What the arm key holds now."""
    active: str | None
    last_ts: str | None
    checks: tuple[AllocationStateChanged, ...]
    """The whole P2.9 stream."""
    snapshot: PositionSnapshot | None
    """The oracle's newest reading."""


class Finding(Struct, frozen=True):
    """One statement, and what it rests on."""

    passed: bool
    claim: str
    found: str


class Part(Struct, frozen=True):
    """One of the three ways."""

    name: str
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether every statement holds; no statement at all proves nothing."""
        return bool(self.findings) and all(finding.passed for finding in self.findings)


class Proof(Struct, frozen=True):
    """All three."""

    parts: tuple[Part, ...]

    @property
    def agreed(self) -> bool:
        """Whether all agree."""
        return bool(self.parts) and all(part.passed for part in self.parts)

    @property
    def disagreements(self) -> tuple[Finding, ...]:
        """Every statement that does not hold."""
        return tuple(finding for part in self.parts for finding in part.findings if not finding.passed)


def judge(evidence: Evidence) -> Proof:
    """Judge the evidence. Whatever is missing fails."""
    completed = evidence.completed[0] if len(evidence.completed) == 1 else None
    return Proof(
        parts=(
            Part(AUDIT, (*arm_findings(evidence), *order_findings(evidence), *verdict_findings(evidence, completed))),
            Part(ALLOCATION, (*allocation_findings(evidence, completed), breach_finding(evidence))),
            Part(EXCHANGE, exchange_findings(evidence, completed)),
        )
    )


def arm_findings(evidence: Evidence) -> Iterable[Finding]:
    """The arm: decided once, used up, and the cooldown with it."""
    decisions = [
        event
        for event in evidence.audit
        if isinstance(event, ArmAccepted | ArmRefused | ArmDisarmed | ArmRepeated) and event.arm_id == evidence.arm_id
    ]
    accepted = [event for event in decisions if isinstance(event, ArmAccepted)]
    words = ", ".join(event.event_type() for event in decisions) or "no decision"
    yield Finding(len(decisions) == len(accepted) == 1, "the arm was accepted exactly once", words)
    yield Finding(evidence.armed is None, "the arm is used up", f"arm key: {evidence.armed or 'empty'}")
    yield Finding(evidence.active is None, "no run is in flight", f"active key: {evidence.active or 'empty'}")
    decided_at_ms = accepted[0].decided_at_ms if accepted else None
    held = decided_at_ms is not None and _is_soon_after(evidence.last_ts, decided_at_ms)
    yield Finding(
        held, "the cooldown has begun", f"last_ts={evidence.last_ts or 'not set'}, decided {decided_at_ms} ms"
    )


def _is_soon_after(last_ts: str | None, decided_at_ms: int) -> bool:
    """The record is in whole seconds, rounded up, and written just after the decision."""
    if last_ts is None or not last_ts.isdecimal():
        return False
    return 0 <= int(last_ts) * 1000 - decided_at_ms <= WRITTEN_WITHIN_MS


def order_findings(evidence: Evidence) -> Iterable[Finding]:
    """The orders: each filled, and together what was open."""
    intended = {event.client_order_id: event for event in _of(evidence.audit, OrderIntended)}
    last = {event.client_order_id: event for event in _of(evidence.audit, OrderResolved)}
    open_ends = [
        f"{intended[name].symbol} {last[name].state if name in last else 'without an answer'}"
        for name in intended
        if name not in last or last[name].state is not OrderState.FILLED
    ]
    filled = len(intended) - len(open_ends)
    yield Finding(
        bool(intended) and not open_ends and intended.keys() == last.keys(),
        "every intended order was filled",
        _some(open_ends) or f"{filled} of {len(intended)} intended, {len(last)} resolved",
    )
    sums: dict[Leg, Decimal] = {}
    for name, order in last.items():
        side = intended[name].order_side if name in intended else None
        signed = order.filled_quantity if side is OrderSide.BUY else -order.filled_quantity
        leg = order.symbol, order.position_side
        sums[leg] = sums.get(leg, Decimal(0)) + signed
    before = {holding.leg: holding.quantity for holding in evidence.before.holdings}
    wrong = [_name(leg) for leg in sorted(before.keys() | sums.keys()) if _left(before, sums, leg) != 0]
    yield Finding(
        bool(before) and not wrong,
        "what was filled is what was open, to the last digit",
        _some(wrong) or f"{len(sums)} positions sum to zero with their orders",
    )


def _left(before: Mapping[Leg, Decimal], sums: Mapping[Leg, Decimal], leg: Leg) -> Decimal:
    return before.get(leg, Decimal(0)) + sums.get(leg, Decimal(0))


def verdict_findings(evidence: Evidence, completed: FlattenCompleted | None) -> Iterable[Finding]:
    """The verdict, and its counts counted again."""
    if completed is None:
        yield Finding(passed=False, claim="the run has one verdict", found=f"{len(evidence.completed)} verdicts")
        return
    flat = completed.verdict is RunVerdict.FLAT and not completed.residual
    found = f"verdict={completed.verdict}, residual={len(completed.residual)}"
    yield Finding(flat and completed.arm_id == evidence.arm_id, "the run ended flat, and it was this arm's", found)
    wrong = _counts_differ(completed.counts, evidence)
    yield Finding(
        not wrong,
        "its counts, counted again from record and exchange",
        _some(wrong) or "seen, nonzero, sent, ok and orders are the same",
    )


def _counts_differ(counts: Counts, evidence: Evidence) -> list[str]:
    """The counts again, from the record and the reading before."""
    intended = {event.client_order_id: event for event in _of(evidence.audit, OrderIntended)}
    last = {event.client_order_id: event for event in _of(evidence.audit, OrderResolved)}
    legs = {(event.symbol, event.position_side) for event in intended.values()}
    filled = {name for name, event in last.items() if event.state is OrderState.FILLED}
    closed = {
        leg
        for leg in legs
        if all(name in filled for name, event in intended.items() if (event.symbol, event.position_side) == leg)
    }
    again = {
        "seen": (counts.seen, evidence.before.rows_seen),
        "nonzero": (counts.nonzero, len(evidence.before.holdings)),
        "sent": (counts.sent, len(legs)),
        "ok": (counts.ok, len(closed)),
        "orders_sent": (counts.orders_sent, len(intended)),
        "orders_ok": (counts.orders_ok, len(filled)),
    }
    return [f"{name}: said {said}, counted {counted}" for name, (said, counted) in again.items() if said != counted]


def allocation_findings(evidence: Evidence, completed: FlattenCompleted | None) -> tuple[Finding, ...]:
    """What the P2.9 check says since."""
    verified_at_ms = completed.timings.verified_at_ms if completed is not None else None
    snapshot = evidence.snapshot
    if snapshot is None or verified_at_ms is None:
        missing = "no snapshot" if snapshot is None else "the run was not verified"
        return (Finding(passed=False, claim="the oracle has read the exchange since", found=missing),)
    newest = {change.check.symbol: change.check.verdict for change in evidence.checks}
    beyond = [f"{symbol} {verdict}" for symbol, verdict in newest.items() if verdict not in WITHIN]
    since_ms = snapshot.taken_at_ms - verified_at_ms
    return (
        Finding(since_ms > 0, "the oracle has read the exchange since", f"{since_ms} ms after the run's last reading"),
        Finding(
            not snapshot.positions and not snapshot.unreadable,
            "its snapshot shows nothing open",
            f"{snapshot.symbols_seen} symbols, {len(snapshot.positions)} open, {len(snapshot.unreadable)} unreadable",
        ),
        Finding(
            bool(newest) and not beyond,
            "no symbol is beyond its cap now",
            _some(beyond) or f"the last verdicts of {len(newest)} symbols",
        ),
    )


def breach_finding(evidence: Evidence) -> Finding:
    """What brought the incident about: a position beyond its cap."""
    newest = {change.check.symbol: change.check.verdict for change in evidence.checks}
    breached = sorted({c.check.symbol for c in evidence.checks if c.check.verdict is AllocationVerdict.BREACH})
    found = ", ".join(f"{symbol}: breach → {newest[symbol]}" for symbol in breached)
    return Finding(bool(breached), "there was a breach before", found or "no symbol was ever in breach")


def exchange_findings(evidence: Evidence, completed: FlattenCompleted | None) -> tuple[Finding, ...]:
    """What the exchange shows since."""
    before, after = evidence.before, evidence.after
    verified_at_ms = completed.timings.verified_at_ms if completed is not None else None
    since_ms = None if verified_at_ms is None else after.started_at_ms - verified_at_ms
    still = [f"{holding.symbol} {holding.quantity:f}" for holding in after.holdings]
    return (
        Finding(
            since_ms is not None and since_ms > 0,
            "read directly, after the run",
            f"{since_ms} ms after the run's last reading",
        ),
        Finding(
            not still and bool(before.holdings),
            "nothing is open",
            _some(still) or f"{len(before.holdings)} open before, {len(after.holdings)} now",
        ),
        Finding(
            after.rows_seen == before.rows_seen > 0 and after.unreadable == after.missing == 0,
            "the whole account was read",
            f"{after.rows_seen} rows, {before.rows_seen} before, "
            f"{after.unreadable} unreadable, {after.missing} missing",
        ),
    )


def _of(events: Iterable[Event], event_type: type[E]) -> Iterable[E]:
    return (event for event in events if isinstance(event, event_type))


def _name(leg: Leg) -> str:
    symbol, side = leg
    return symbol if side is PositionSide.BOTH else f"{symbol} {side}"


def _some(texts: list[str], most: int = 3) -> str:
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more
