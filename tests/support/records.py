"""Builders: a record as Redis holds it, chained, without Redis."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from contracts import codec
from contracts.arming import ArmAccepted, ArmRequested, FlattenRequested
from contracts.base import Event
from contracts.chain import Head, beginning, digest_of
from contracts.flattening import FlattenCompleted, PositionFate, PositionOutcome, RunFinished
from contracts.streams import Keys
from contracts.vocabulary import PositionSide
from evidence.history import AUDIT, Entry, Frame, GroupSeen, History, StreamSeen
from support.arms import an_arm
from support.run_events import T0_MS, completed, gates, whole_run

NAMESPACE = "test:record"
KEYS = Keys(NAMESPACE)


def an_entry(event: Event, at: int) -> Entry:
    """One event as an entry without a chain; `at` orders it."""
    fields = codec.encode(event, source="/test", subject="main", event_id=f"e-{at}", time_ms=T0_MS, traceparent=None)
    pairs = tuple((name.encode(), value.encode()) for name, value in fields.items())
    return Entry(event.stream, f"{T0_MS + at}-0", pairs)


def chained(entries: Iterable[Entry], head: Head | None = None) -> tuple[list[Entry], Head]:
    """The same entries as links of a chain, and the head after them."""
    head, linked = head or beginning(KEYS.stream(AUDIT)), []
    for entry in entries:
        digest = digest_of(text for pair in entry.fields for text in pair)
        linked.append(Entry(entry.stream, entry.id, ((b"chain", str(head).encode()), *entry.fields)))
        head = head.after(entry.id, digest)
    return linked, head


def audit_of(*events: Event) -> tuple[list[Entry], Head]:
    """An audit stream of these events."""
    return chained(an_entry(event, at) for at, event in enumerate(events))


class Record:
    """The streams of one run that went well, to be spoiled by a test before it is looked at."""

    def __init__(self, *audit: Event, **frame: Any) -> None:
        arm = an_arm("arm-1", issued_at_ms=T0_MS - 5, expires_at_ms=T0_MS + 60_000)
        self.arms: list[ArmRequested] = [arm]
        self.requests: list[FlattenRequested] = [a_request(arm)]
        self.audit: list[Event] = list(audit or (*the_audit(), finished()))
        self.completed: list[FlattenCompleted] = [a_verdict()]
        self.pending: tuple[str, ...] = ()
        self.frame = frame
        self.extra: list[Entry] = []

    @property
    def history(self) -> History:
        """As it stands now: the last verdict carries the head."""
        audit, head = audit_of(*self.audit)
        verdicts = [*self.completed]
        if verdicts:
            verdicts[-1] = replace(verdicts[-1], audit_head=str(head))
        arms, requests = _entries(self.arms, -3), _entries(self.requests, 0)
        frame = Frame(
            namespace=NAMESPACE,
            environment="sim",
            account="main",
            streams=tuple(self._streams(arms, requests)),
            head=str(head),
        )
        entries = [*arms, *requests, *audit, *_entries(verdicts, len(self.audit)), *self.extra]
        return History(replace(frame, **self.frame), entries)

    def _streams(self, arms: Sequence[Entry], requests: Sequence[Entry]) -> Iterable[StreamSeen]:
        for name, entries in (("flatten.arm", arms), ("flatten.requested", requests)):
            last = entries[-1].id if entries else "0-0"
            yield StreamSeen(name=name, removed=0, group=GroupSeen(last_delivered=last, pending=self.pending))
        for name in ("flatten.completed", "dead"):
            yield StreamSeen(name=name, removed=0)


def a_request(arm: ArmRequested, **changed: Any) -> FlattenRequested:
    """What the governor made of the arm."""
    values: dict[str, Any] = {
        "request_id": "req-1",
        "arm": arm,
        "gates": cooled(),
        "breaches": (),
        "snapshot_id": None,
        "snapshot_age_ms": None,
        "requested_at_ms": T0_MS,
    }
    return FlattenRequested(**{**values, **changed})


def cooled() -> Any:
    """Every gate passed, and the cooldown as the governor writes it."""
    return tuple(replace(gate, required=">= 60s") if gate.gate == "cooldown" else gate for gate in gates())


def an_acceptance(request_id: str = "req-1", arm_id: str = "arm-1") -> ArmAccepted:
    """The decision."""
    return ArmAccepted(
        arm_id=arm_id, request_id=request_id, operator="alice", reason="drill", gates=cooled(), decided_at_ms=T0_MS
    )


def the_audit() -> list[Event]:
    """The audit of a run that closed a long and a short, read afterwards."""
    _, *rest = whole_run()
    last = replace(rest[-1], read_started_at_ms=T0_MS + 50)
    return [an_acceptance(), *rest[:-1], last]


def finished(**changed: Any) -> RunFinished:
    """The run's end in the audit."""
    told = completed()
    values: dict[str, Any] = {
        "request_id": "req-1",
        "fence": 1,
        "verdict": told.verdict,
        "counts": told.counts,
        "residual_notional_usd": told.residual_notional_usd,
        "finished_at_ms": T0_MS + 410,
    }
    return RunFinished(**{**values, **changed})


def a_verdict(**changed: Any) -> FlattenCompleted:
    """Flat: a long and a short were closed."""
    outcomes = tuple(
        PositionOutcome(
            symbol=symbol,
            position_side=PositionSide.BOTH,
            quantity_before=Decimal(before),
            quantity_after=Decimal(0),
            mark_price=Decimal(100),
            notional_usd=abs(Decimal(before)) * 100,
            fate=PositionFate.CLOSED,
            client_order_ids=(f"{symbol}-0",),
            filled_quantity=abs(Decimal(before)),
        )
        for symbol, before in (("ETHUSDT", "9.1"), ("BTCUSDT", "-0.002"))
    )
    return replace(completed(), **{"outcomes": outcomes, **changed})


def _entries(events: Sequence[Event], at: int) -> list[Entry]:
    return [an_entry(event, at + index) for index, event in enumerate(events)]
