"""Past arms, from the record: who asked for what, what was decided, how the run ended, and what it left open."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from msgspec import Struct
from redis.asyncio import Redis

from contracts.arming import (
    ArmAccepted,
    ArmAwaitingApproval,
    ArmDisarmed,
    ArmRefused,
    ArmRepeated,
    ArmRequested,
    GateVerdict,
    Scope,
)
from contracts.flattening import Counts, FlattenCompleted, Residual, RunVerdict
from contracts.streams import Keys
from contracts.vocabulary import Word
from evidence.still_open import StillOpen, still_open
from flatctl.history import Record, backwards
from runtime.redis_client import raw

E = TypeVar("E")

Decided = ArmAccepted | ArmRefused | ArmDisarmed


class Outcome(Word):
    """What became of an arm."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    DISARMED = "disarmed"
    UNDECIDED = "undecided"
    """Not judged yet, or never."""


class PastRun(Struct, frozen=True, kw_only=True):
    """The run of an accepted arm that has ended."""

    verdict: RunVerdict
    abort_reason: str
    counts: Counts
    still_open: StillOpen
    residual: tuple[Residual, ...]
    finished_at_ms: int


class PastArm(Struct, frozen=True, kw_only=True):
    """One arm and everything that came of it."""

    arm_id: str
    at_ms: int
    """When it was asked for, by Redis's clock; when that is not on record, when it was decided or its run ended."""
    operator: str
    """Empty when neither the arm nor the decision is on record."""
    reason: str
    scope: Scope | None
    """Nothing when the arm itself is not on record."""
    outcome: Outcome
    refused_by: tuple[GateVerdict, ...]
    """The gates that failed, with what they saw."""
    repeated: int
    """How often it was published again after it was decided."""
    signed_by: tuple[str, ...]
    """Whose signatures counted when it waited for more; empty when it never waited."""
    signatures_needed: int
    """Zero when it never waited."""
    request_id: str
    in_flight: bool
    run: PastRun | None
    """Nothing when there is no verdict."""


class Past(Struct, frozen=True, kw_only=True):
    """`history --json`."""

    arms: tuple[PastArm, ...]
    """The newest first."""
    unreadable: int
    """Entries that this version cannot read: what they say is missing here."""


class _Traces(Struct):
    """What the three streams say of one arm."""

    newest_ms: int = 0
    asked: tuple[int, ArmRequested] | None = None
    decided: tuple[int, Decided] | None = None
    ended: tuple[int, FlattenCompleted] | None = None
    awaiting: ArmAwaitingApproval | None = None
    repeated: int = 0


async def read_past(redis: Redis, keys: Keys, limit: int) -> Past:
    """The newest `limit` arms.

    Each stream is read until it has told of so many: an arm that is among the newest by its newest entry is among the
    newest of the stream that holds this entry.
    """
    book = _Book(limit)
    await book.read(redis, keys.of(ArmRequested), book.asked)
    await book.read(redis, keys.of(ArmAccepted), book.decided)
    await book.read(redis, keys.of(FlattenCompleted), book.ended)
    active = await raw(redis, "GET", keys.active)
    flying = None if active is None else active.decode(errors="backslashreplace")
    newest = sorted(book.arms.items(), key=lambda item: -item[1].newest_ms)[:limit]
    return Past(arms=tuple(_past(arm_id, traces, flying) for arm_id, traces in newest), unreadable=book.unreadable)


class _Book:
    """Collects the traces of arms while the streams are read backwards."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.arms: dict[str, _Traces] = {}
        self.unreadable = 0

    async def read(self, redis: Redis, key: str, take: Callable[[int, object], str]) -> None:
        """Read one stream backwards until it has told of as many arms as are wanted."""
        met: set[str] = set()
        async for record in backwards(redis, key):
            self.unreadable += record.event is None
            if arm_id := take(_at_ms(record), record.event):
                met.add(arm_id)
            if len(met) == self._limit:
                return

    def asked(self, at_ms: int, event: object) -> str:
        """An arm that was asked for; the oldest entry of it is the one that stays."""
        if not isinstance(event, ArmRequested):
            return ""
        self._of(event.arm_id, at_ms).asked = (at_ms, event)
        return event.arm_id

    def decided(self, at_ms: int, event: object) -> str:
        """A decision; or its repetition or delay, which tells of no arm that is not told of otherwise."""
        if isinstance(event, ArmRepeated) and event.arm_id in self.arms:
            self.arms[event.arm_id].repeated += 1
        if isinstance(event, ArmAwaitingApproval) and event.arm_id in self.arms:
            traces = self.arms[event.arm_id]
            traces.awaiting = traces.awaiting or event
        if not isinstance(event, Decided) or (isinstance(event, ArmDisarmed) and event.first_outcome):
            return ""
        self._of(event.arm_id, at_ms).decided = (at_ms, event)
        return event.arm_id

    def ended(self, at_ms: int, event: object) -> str:
        """A verdict."""
        if not isinstance(event, FlattenCompleted):
            return ""
        traces = self._of(event.arm_id, at_ms)
        traces.ended = traces.ended or (at_ms, event)
        return event.arm_id

    def _of(self, arm_id: str, at_ms: int) -> _Traces:
        traces = self.arms.setdefault(arm_id, _Traces())
        traces.newest_ms = max(traces.newest_ms, at_ms)
        return traces


def _past(arm_id: str, traces: _Traces, flying: str | None) -> PastArm:
    asked = traces.asked[1] if traces.asked else None
    decision = traces.decided[1] if traces.decided else None
    ended = traces.ended[1] if traces.ended else None
    request_id = ended.request_id if ended else decision.request_id if isinstance(decision, ArmAccepted) else ""
    refused_by = decision.gates if isinstance(decision, ArmRefused) else ()
    return PastArm(
        arm_id=arm_id,
        at_ms=_first(at_ms for at_ms, _ in filter(None, (traces.asked, traces.decided, traces.ended))),
        operator=asked.operator if asked else decision.operator if decision else "",
        reason=asked.reason if asked else decision.reason if decision else "",
        scope=asked.scope if asked else None,
        outcome=Outcome.ACCEPTED if ended else _outcome(decision),
        refused_by=tuple(gate for gate in refused_by if not gate.passed),
        repeated=traces.repeated,
        signed_by=traces.awaiting.signed_by if traces.awaiting else (),
        signatures_needed=traces.awaiting.needed if traces.awaiting else 0,
        request_id=request_id,
        in_flight=bool(request_id) and request_id == flying and ended is None,
        run=_run(ended) if ended else None,
    )


def _outcome(decision: Decided | None) -> Outcome:
    match decision:
        case ArmAccepted():
            return Outcome.ACCEPTED
        case ArmRefused():
            return Outcome.REFUSED
        case ArmDisarmed():
            return Outcome.DISARMED
    return Outcome.UNDECIDED


def _run(ended: FlattenCompleted) -> PastRun:
    return PastRun(
        verdict=ended.verdict,
        abort_reason=ended.abort_reason,
        counts=ended.counts,
        still_open=still_open(ended),
        residual=ended.residual,
        finished_at_ms=ended.timings.finished_at_ms,
    )


def _at_ms(record: Record) -> int:
    return int(record.entry_id.partition("-")[0])


def _first(times: Iterable[int]) -> int:
    return next(iter(times))
