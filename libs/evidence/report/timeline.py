"""When things happened, by one clock: the Redis server's, which gave each entry its id."""

from collections.abc import Iterator

from contracts.arming import AbortRequested, ArmAwaitingApproval, ArmRequested
from contracts.flattening import (
    OrderIntended,
    OrderResolved,
    RunFinished,
    RunStarted,
    RunVerified,
)
from contracts.resting import RestingCancelled
from evidence.history import Entry, History
from evidence.report.model import Moment
from evidence.report.story import name_of, request_of
from evidence.runs import Run


def timeline(history: History, run: Run) -> tuple[Moment, ...]:
    """Everything but the orders one by one, which `PositionStory` has: of those, the first and the last."""
    found = [*_before(history, run), *_decided(run), *_worked(run), *_orders(run), *_aborts(history, run), *_ended(run)]
    return tuple(sorted(found, key=lambda moment: moment.at_ms))


def _before(history: History, run: Run) -> Iterator[Moment]:
    request = request_of(run)
    arm_id = request.event.arm.arm_id if request else ""
    asked = [told for told in history.of(ArmRequested) if told.event.arm_id == arm_id]
    for number, told in enumerate(asked):
        signed = len(told.event.signatures)
        detail = f"by {told.event.operator}" if not signed else f"by {told.event.operator}, {signed} signatures"
        yield _moment(told.entry, "armed again" if number else "armed", detail)
    for waiting in history.of(ArmAwaitingApproval):
        if waiting.event.arm_id == arm_id:
            detail = f"signed by {', '.join(waiting.event.signed_by)}, {waiting.event.needed} needed"
            yield _moment(waiting.entry, "waits for an approval", detail)


def _decided(run: Run) -> Iterator[Moment]:
    for accepted in run.accepted:
        passed = sum(gate.passed for gate in accepted.event.gates)
        yield _moment(accepted.entry, "accepted", f"{passed} of {len(accepted.event.gates)} gates passed")
    for request in run.requests:
        yield _moment(request.entry, "requested")


def _worked(run: Run) -> Iterator[Moment]:
    for told in run.audit:
        match told.event:
            case RunStarted() as started:
                what = "taken up again" if started.resumed else "begun"
                yield _moment(told.entry, what, f"by {started.executor}")
            case RunVerified() as read:
                unread = f", {read.unreadable} unreadable" if read.unreadable else ""
                yield _moment(told.entry, "read", f"round {read.round_number}: {read.still_open} open{unread}")
            case RestingCancelled() as cancelled:
                yield _moment(told.entry, "waiting orders gone", f"{len(cancelled.order_ids)} of {cancelled.symbol}")
            case RunFinished() as finished:
                yield _moment(told.entry, "finished", str(finished.verdict))


def _orders(run: Run) -> Iterator[Moment]:
    intents, answers = run.of(OrderIntended), run.of(OrderResolved)
    if intents:
        yield _moment(intents[0].entry, "first order", f"{len(intents)} orders in all")
    if answers:
        yield _moment(answers[-1].entry, "last answer")


def _ended(run: Run) -> Iterator[Moment]:
    for told in run.completed:
        yield _moment(told.entry, "completed", str(told.event.verdict))


def _aborts(history: History, run: Run) -> Iterator[Moment]:
    """Who asked for the run to be stopped."""
    for told in history.of(AbortRequested):
        if told.event.request_id == run.request_id:
            yield _moment(told.entry, "abort asked for", f"by {told.event.operator}: {told.event.reason}")


def _moment(entry: Entry, what: str, detail: str = "") -> Moment:
    return Moment(at_ms=entry.at_ms, what=what, entry=name_of(entry), detail=detail)
