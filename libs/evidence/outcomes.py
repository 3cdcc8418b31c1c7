"""Outcomes: counts that add up, flat only by a later reading, and nothing acknowledged without its outcome."""

from collections.abc import Iterator

from contracts.arming import (
    ArmAccepted,
    ArmAwaitingApproval,
    ArmDisarmed,
    ArmRefused,
    ArmRepeated,
    ArmRequested,
    DisarmRequested,
    FlattenRequested,
)
from contracts.dead_letters import DeadLetterSettled
from contracts.flattening import (
    FlattenCompleted,
    OrderIntended,
    OrderResolved,
    OrderState,
    RunFinished,
    RunVerdict,
    RunVerified,
)
from contracts.streams import Keys
from evidence.findings import Finding, broken, unshown
from evidence.history import AUDIT, Entry, GroupSeen, History, Told
from evidence.runs import Run, runs_of

_FLAT = frozenset({RunVerdict.FLAT, RunVerdict.FLAT_EXCEPT_DUST})
_COMMANDS = (ArmRequested.stream, FlattenRequested.stream)
_DECISIONS = (ArmAccepted, ArmRefused, ArmAwaitingApproval, ArmRepeated, ArmDisarmed)


def counts_add_up(history: History) -> Iterator[Finding]:
    """I8: the buckets sum (what does not cannot be read), and they are what the record of the run says."""
    for unread in history.unread:
        if unread.entry.stream in {FlattenCompleted.stream, AUDIT} and "counts do not add up" in unread.problem:
            yield broken(unread.entry, unread.problem)
    for run in runs_of(history):
        for completed in run.completed:
            yield from _counted(run, completed)


def flat_by_a_later_reading(history: History) -> Iterator[Finding]:
    """I9: a run is flat only by a reading that began after its last order had ended, and that showed it."""
    for run in runs_of(history):
        for completed in run.completed:
            if completed.event.verdict in _FLAT:
                yield from _read_afterwards(history, run, completed)


def acknowledged_with_an_outcome(history: History) -> Iterator[Finding]:
    """I11: each command that is delivered and not pending has its outcome, or is a dead letter."""
    buried = _buried(history)
    completed = {told.event.request_id for told in history.of(FlattenCompleted)}
    decided = {told.event.arm_id for told in history.told(AUDIT) if isinstance(told.event, _DECISIONS)}
    for told in (*history.told(ArmRequested.stream), *history.told(FlattenRequested.stream)):
        entry, event = told.entry, told.event
        if not _acknowledged(history, entry) or (entry.stream, entry.id) in buried:
            continue
        if isinstance(event, FlattenRequested) and event.request_id not in completed:
            what = f"{event.request_id} is acknowledged, and has no verdict"
            yield _gone(history, FlattenCompleted.stream, entry, what)
        if isinstance(event, ArmRequested | DisarmRequested) and event.arm_id not in decided:
            yield _gone(history, AUDIT, entry, f"{event.arm_id} is acknowledged, and no decision is on record")
    for unread in history.unread:
        entry = unread.entry
        if entry.stream in _COMMANDS and _acknowledged(history, entry) and (entry.stream, entry.id) not in buried:
            yield _gone(history, "dead", entry, "cannot be read, is acknowledged, and is no dead letter")
    for stream in _COMMANDS:
        entries = history.entries(stream)
        if entries and _group_of(history, stream) is None:
            yield unshown(entries[0], f"how far {stream} was read is not on record")


def _counted(run: Run, completed: Told[FlattenCompleted]) -> Iterator[Finding]:
    event, counts = completed.event, completed.event.counts
    if counts.nonzero != len(event.outcomes):
        yield broken(completed.entry, f"nonzero={counts.nonzero}, and {len(event.outcomes)} positions are told of")
    for finished in run.of(RunFinished):
        if (finished.event.counts, finished.event.verdict) != (counts, event.verdict):
            yield broken(completed.entry, f"counts and verdict are not those of {finished.entry.id} in {AUDIT}")
    if not run.from_the_start:
        return
    states = run.last_states
    filled = sum(state is OrderState.FILLED for state in states.values())
    if filled != counts.orders_ok:
        yield broken(completed.entry, f"orders_ok={counts.orders_ok}, and {filled} orders are on record as filled")
    if counts.orders_sent > len(states):
        yield broken(completed.entry, f"orders_sent={counts.orders_sent}, and {len(states)} are on record as intended")


def _read_afterwards(history: History, run: Run, completed: Told[FlattenCompleted]) -> Iterator[Finding]:
    timings, verdict = completed.event.timings, completed.event.verdict
    if timings.verified_at_ms is None:
        yield broken(completed.entry, f"{verdict}, and no reading stands")
    elif timings.last_order_at_ms is not None and timings.verified_at_ms < timings.last_order_at_ms:
        yield broken(completed.entry, f"{verdict} by a reading that ended before the last order")
    readings = run.of(RunVerified)
    if not readings:
        what = f"{verdict}, and no reading is on record"
        yield _gone(history, AUDIT, completed.entry, what)
        return
    last = readings[-1]
    if last.event.unreadable or (verdict is RunVerdict.FLAT and last.event.still_open):
        seen = f"{last.event.still_open} open and {last.event.unreadable} unreadable"
        yield broken(last.entry, f"{run.request_id} is {verdict} by a reading with {seen}")
    for told in run.audit:
        event = told.event
        if not isinstance(event, OrderIntended | OrderResolved):
            continue
        what = f"{run.request_id} is {verdict}, and order {event.client_order_id}"
        if told.entry.order > last.entry.order:
            yield broken(told.entry, f"{what} comes after the last reading, {last.entry.id}")
        elif isinstance(event, OrderResolved) and _ended_later(event, last.event):
            yield broken(last.entry, f"{what} ended after the last reading began")


def _ended_later(order: OrderResolved, reading: RunVerified) -> bool:
    """Two executors have two clocks: times are compared within one attempt."""
    return order.fence == reading.fence and order.resolved_at_ms > reading.read_started_at_ms


def _acknowledged(history: History, entry: Entry) -> bool:
    """Whether the stream's group has delivered it, and it is not pending any more."""
    group = _group_of(history, entry.stream)
    if group is None or entry.id in group.pending:
        return False
    first, _, second = group.last_delivered.partition("-")
    return entry.order <= (int(first), int(second or 0))


def _group_of(history: History, stream: str) -> GroupSeen | None:
    seen = history.seen.get(stream)
    return seen.group if seen is not None else None


def _buried(history: History) -> set[tuple[str, str]]:
    """Stream and id of every entry that became a dead letter, settled or not."""
    letters = [dict(entry.fields) for entry in history.entries("dead")]
    found = [(letter.get(b"dead_stream", b""), letter.get(b"dead_entry_id", b"")) for letter in letters]
    named = [(stream.decode(errors="replace"), entry_id.decode(errors="replace")) for stream, entry_id in found]
    for settled in history.of(DeadLetterSettled):
        fields = {field.name: field.value for field in settled.event.letter}
        named.append((fields.get("dead_stream", ""), fields.get("dead_entry_id", "")))
    start = Keys(history.frame.namespace).stream(AUDIT).removesuffix(AUDIT)
    return {(stream.removeprefix(start), entry_id) for stream, entry_id in named}


def _gone(history: History, stream: str, entry: Entry, what: str) -> Finding:
    """Something is missing in `stream`: broken where all of it is here, up to when it was looked at."""
    whole = history.whole(stream) and history.frame.until_ms is None
    return broken(entry, what) if whole else unshown(entry, f"{what} in this record")
