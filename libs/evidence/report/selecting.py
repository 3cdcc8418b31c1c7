"""The entries that a report of one run rests on, out of a whole history. Every one of them stays as it is.

Of the audit stream it is an unbroken piece, from the first entry about the arm to the last about the run, with whatever
stands between: only so can its links be followed.
"""

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from contracts.arming import AbortRequested, ArmAccepted, ArmRequested, DisarmRequested, FlattenRequested
from contracts.base import Event
from contracts.dead_letters import DeadLetterSettled
from contracts.flattening import FlattenCompleted, OrderIntended
from contracts.positions import AllocationStateChanged, AllocationVerdict, PositionSnapshot
from evidence.history import AUDIT, Entry, Frame, GroupSeen, History, StreamSeen, Told
from evidence.links import Ends

STREAMS = (
    ArmRequested.stream,
    AbortRequested.stream,
    FlattenRequested.stream,
    FlattenCompleted.stream,
    AUDIT,
    "dead",
    DeadLetterSettled.stream,
    AllocationStateChanged.stream,
    PositionSnapshot.stream,
)
"""What a history must hold, as far as there is any, for a report to show all that it can."""


class NoSuchRun(ValueError):
    """Nothing in the history tells of the run. One line."""


def last_run(history: History) -> str:
    """The request that was decided last. Raises NoSuchRun when there is none."""
    runs = (
        *((told.entry.order, told.event.request_id) for told in history.of(ArmAccepted)),
        *((told.entry.order, told.event.request_id) for told in history.of(FlattenRequested)),
        *((told.entry.order, told.event.request_id) for told in history.of(FlattenCompleted)),
    )
    if not runs:
        raise NoSuchRun("no run is on record")
    return max(runs)[1]


def select(history: History, request_id: str) -> History:
    """The history of one run: as much as shows it, and no more. Raises NoSuchRun."""
    arm_id = _arm_of(history, request_id)
    audit = _audit_piece(history, request_id, arm_id)
    commands = [
        *(told.entry for told in history.of(ArmRequested) if told.event.arm_id == arm_id),
        *(told.entry for told in history.of(DisarmRequested) if told.event.arm_id == arm_id),
        *(told.entry for told in history.of(AbortRequested) if told.event.request_id == request_id),
        *(told.entry for told in history.of(FlattenRequested) if told.event.request_id == request_id),
    ]
    completed = [told.entry for told in history.of(FlattenCompleted) if told.event.request_id == request_id]
    if not (audit or commands or completed):
        raise NoSuchRun(f"no entry tells of {request_id}")
    entries = [*commands, *audit, *completed]
    entries += _letters(history, {(entry.stream, entry.id) for entry in commands})
    entries += _allocations(history, request_id)
    entries += _snapshots(history, request_id)
    entries.sort(key=lambda entry: (STREAMS.index(entry.stream), entry.order))
    return History(_frame(history, entries, audit), entries)


def decided_at(history: History, request_id: str) -> tuple[int, int]:
    """The place of the decision among all entries; of the first thing that tells of the run, where it is missing."""
    told = [each for each in history.of(ArmAccepted) if each.event.request_id == request_id]
    others = [each for each in history.of(FlattenRequested) if each.event.request_id == request_id]
    return min((each.entry.order for each in told or others), default=(0, 0))


def handled(history: History, request_id: str) -> set[str]:
    """The symbols in which the run found a position, or sent an order."""
    outcomes = (
        outcome.symbol
        for told in history.of(FlattenCompleted)
        if told.event.request_id == request_id
        for outcome in told.event.outcomes
    )
    orders = (told.event.symbol for told in history.of(OrderIntended) if told.event.request_id == request_id)
    return {*outcomes, *orders}


def newest_checks(history: History, request_id: str) -> dict[str, Told[AllocationStateChanged]]:
    """By symbol, what P2.9 said last after the decision."""
    since = decided_at(history, request_id)
    return {told.event.check.symbol: told for told in history.of(AllocationStateChanged) if told.entry.order >= since}


def snapshot_of(history: History, request_id: str) -> Told[PositionSnapshot] | None:
    """The snapshot that the request names."""
    named = {told.event.snapshot_id for told in history.of(FlattenRequested) if told.event.request_id == request_id}
    return next((told for told in history.of(PositionSnapshot) if told.event.snapshot_id in named), None)


def snapshot_after(history: History, request_id: str) -> Told[PositionSnapshot] | None:
    """The first snapshot that was begun after the run's end, by the oracle's clock, and published after the verdict."""
    for completed in history.of(FlattenCompleted):
        if completed.event.request_id == request_id:
            end_ms, place = completed.event.timings.finished_at_ms, completed.entry.order
            for told in history.of(PositionSnapshot):
                if told.event.taken_at_ms >= end_ms and told.entry.order > place:
                    return told
    return None


def _arm_of(history: History, request_id: str) -> str:
    requests = (told.event.arm.arm_id for told in history.of(FlattenRequested) if told.event.request_id == request_id)
    accepted = (told.event.arm_id for told in history.of(ArmAccepted) if told.event.request_id == request_id)
    completed = (told.event.arm_id for told in history.of(FlattenCompleted) if told.event.request_id == request_id)
    return next((arm_id for found in (requests, accepted, completed) for arm_id in found), "")


def _audit_piece(history: History, request_id: str, arm_id: str) -> list[Entry]:
    entries = history.entries(AUDIT)
    places = {entry.id: at for at, entry in enumerate(entries)}
    of_run = [places[told.entry.id] for told in history.told(AUDIT) if _about(told, "request_id") == request_id]
    of_arm = [places[told.entry.id] for told in history.told(AUDIT) if arm_id and _about(told, "arm_id") == arm_id]
    if not (of_run or of_arm):
        return []
    return entries[min(of_run + of_arm) : max(of_run or of_arm) + 1]


def _about(told: Told[Event], name: str) -> object:
    return getattr(told.event, name, None)


def _letters(history: History, about: set[tuple[str, str]]) -> Iterator[Entry]:
    """Dead letters of these commands, and what became of them."""
    for stream in ("dead", DeadLetterSettled.stream):
        for entry in history.entries(stream):
            if any(entry_id.encode() in value for _, entry_id in about for _, value in entry.fields):
                yield entry


def _allocations(history: History, request_id: str) -> Iterable[Entry]:
    """The newest P2.9 verdict of each symbol that the run is about, and of each that is in breach now."""
    breaches = {
        check.symbol
        for told in history.of(FlattenRequested)
        if told.event.request_id == request_id
        for check in told.event.breaches
    }
    wanted = breaches | handled(history, request_id)
    for symbol, told in newest_checks(history, request_id).items():
        if symbol in wanted or told.event.check.verdict is AllocationVerdict.BREACH:
            yield told.entry


def _snapshots(history: History, request_id: str) -> Iterator[Entry]:
    before, after = snapshot_of(history, request_id), snapshot_after(history, request_id)
    found = {told.entry.id: told.entry for told in (before, after) if told is not None}
    yield from found.values()


def _frame(history: History, entries: Sequence[Entry], audit: Sequence[Entry]) -> Frame:
    ends = Ends()
    for entry in audit:
        ends.see(entry)
    return replace(
        history.frame,
        since_ms=min(entry.at_ms for entry in entries),
        until_ms=max(entry.at_ms for entry in entries) + 1,
        streams=tuple(_seen(seen, entries) for seen in history.frame.streams if seen.group is not None),
        before=ends.before,
        head=ends.after,
    )


def _seen(seen: StreamSeen, entries: Sequence[Entry]) -> StreamSeen:
    """How far the group was, as far as it is about these entries."""
    ids = {entry.id for entry in entries if entry.stream == seen.name}
    group = seen.group
    if group is not None:
        pending = tuple(entry_id for entry_id in group.pending if entry_id in ids)
        group = GroupSeen(last_delivered=group.last_delivered, pending=pending)
    return StreamSeen(name=seen.name, group=group)
