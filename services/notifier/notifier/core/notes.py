"""One event in words: what a person reads who was just woken up."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from contracts.arming import ArmAccepted, ArmRefused, Gate
from contracts.base import Event
from contracts.flattening import FlattenCompleted, Residual, RunVerdict
from contracts.vocabulary import Word

_TEXT_MAX = 200
_POSITIONS_SHOWN = 8
_RUNBOOKS = "docs/runbooks"


class Kind(Word):
    """What is told. The order is that of a digest: the worst first."""

    RESIDUAL = "residual"
    """A run ended and left something open, or nobody knows."""
    DEAD_LETTER = "dead_letter"
    VERDICT = "verdict"
    """A run ended, and nothing but dust is left."""
    ACCEPTED = "accepted"
    REFUSED = "refused"


class Severity(Word):
    """How bad it is, in the words of apprise."""

    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"


class Note(Struct, frozen=True, kw_only=True):
    """One event in words, not cut to any service's taste yet."""

    kind: Kind
    severity: Severity
    where: str
    """Environment and account: what a title begins with."""
    headline: str
    lines: tuple[str, ...]
    runbook: str


def note_of(event: Event, where: str) -> Note | None:
    """The event in words; nothing for one that nobody is told of. `where` is the environment and account we serve."""
    match event:
        case ArmAccepted():
            return _accepted(event, where)
        case ArmRefused():
            return _refused(event, where)
        case FlattenCompleted():
            return _completed(event)
        case _:
            return None


def note_of_dead_letter(letter: Mapping[str, str], where: str) -> Note:
    """A dead letter in words: where it came from and why, and nothing of what was in it."""

    def of(name: str) -> str:
        return one_line(letter.get(name, "?"))

    stream = letter.get("dead_stream", "").rpartition(":stream:")[2] or "an unknown stream"
    return Note(
        kind=Kind.DEAD_LETTER,
        severity=Severity.FAILURE,
        where=where,
        headline=f"DEAD LETTER: an entry of {one_line(stream)} will never be handled",
        lines=(
            f"why: {of('dead_error')}",
            f"entry {of('dead_entry_id')}, group {of('dead_group')}, after {of('dead_deliveries')} deliveries",
            "If it was an arm, somebody waits for a flatten that will not come.",
        ),
        runbook=f"{_RUNBOOKS}/dead-letter.md",
    )


def one_line(text: str) -> str:
    """What others wrote, cut and on one line."""
    words = " ".join(text[: _TEXT_MAX + 1].split())
    return words if len(text) <= _TEXT_MAX else f"{words[:_TEXT_MAX]}…"


def _accepted(event: ArmAccepted, where: str) -> Note:
    return Note(
        kind=Kind.ACCEPTED,
        severity=Severity.WARNING,
        where=where,
        headline=f"ARM ACCEPTED from {one_line(event.operator)}: a flatten begins",
        lines=(
            f"reason: {one_line(event.reason)}",
            f"all {len(event.gates)} gates passed",
            f"arm {one_line(event.arm_id)}, request {one_line(event.request_id)}",
            "The verdict follows.",
        ),
        runbook=f"{_RUNBOOKS}/emergency-flatten.md",
    )


def _refused(event: ArmRefused, where: str) -> Note:
    failed = [verdict for verdict in event.gates if not verdict.passed]
    unsigned = any(verdict.gate is Gate.ARM_AUTHENTIC for verdict in failed)
    return Note(
        kind=Kind.REFUSED,
        severity=Severity.WARNING,
        where=where,
        headline=f"ARM REFUSED from {one_line(event.operator)}: {len(failed)} of {len(event.gates)} gates failed",
        lines=(
            *(
                f"{verdict.gate}: observed {one_line(verdict.observed)}, required {one_line(verdict.required)}"
                for verdict in failed
            ),
            f"reason of the arm: {one_line(event.reason)}",
            f"arm {one_line(event.arm_id)} is used up; nothing was sent",
        ),
        runbook=f"{_RUNBOOKS}/{'signature-refused' if unsigned else 'refused-arm'}.md",
    )


def _completed(event: FlattenCompleted) -> Note:
    done = event.verdict in (RunVerdict.FLAT, RunVerdict.FLAT_EXCEPT_DUST)
    counts, timings = event.counts, event.timings
    seconds = (timings.finished_at_ms - timings.armed_at_ms) / 1000
    funnel = f"seen={counts.seen} nonzero={counts.nonzero} filtered={counts.filtered} sent={counts.sent} ok={counts.ok}"
    lines = [
        f"positions: {funnel} unreadable={counts.unreadable}",
        f"orders: sent={counts.orders_sent} ok={counts.orders_ok} errors={counts.errors} unknown={counts.unknown}",
        f"{seconds:.1f} s from the arm to the verdict, {event.rounds} rounds; request {one_line(event.request_id)}",
    ]
    if event.abort_reason:
        lines.insert(0, f"aborted: {one_line(event.abort_reason)}")
    if event.resting_left:
        lines.append(f"{len(event.resting_left)} orders still wait at the exchange")
    lines += [f"note: {one_line(text)}" for text in event.notes[:3]]
    if event.audit_head:
        lines.append(f"the audit chain stands at {one_line(event.audit_head)}")
    runbook = "emergency-flatten" if done else "unknown-order" if counts.unknown else "residual-left"
    return Note(
        kind=Kind.VERDICT if done else Kind.RESIDUAL,
        severity=Severity.SUCCESS if done else Severity.FAILURE,
        where=f"{event.environment}/{one_line(event.account)}",
        headline=f"{event.verdict.replace('_', ' ').upper()}: {_left(event)}",
        lines=(*_still_open(event.residual), *lines),
        runbook=f"{_RUNBOOKS}/{runbook}.md",
    )


def _left(event: FlattenCompleted) -> str:
    """What is still open, or what was closed; never a comforting zero where there is no price."""
    if not event.residual:
        return f"{event.counts.ok} of {event.counts.filtered} positions closed"
    unpriced = f", and {event.residual_unpriced} without a price" if event.residual_unpriced else ""
    many = len(event.residual)
    return f"{event.residual_notional_usd:.2f} USD still open in {many} position{'' if many == 1 else 's'}{unpriced}"


def _still_open(residual: Sequence[Residual]) -> list[str]:
    """Largest first; those without a price before all."""
    ordered = sorted(residual, key=lambda left: (left.notional_usd is not None, -abs(left.notional_usd or Decimal(0))))
    shown = [
        f"open: {one_line(left.symbol)} {left.position_side}"
        f" {'unread' if left.quantity is None else left.quantity}"
        f" ({'no price' if left.notional_usd is None else f'{left.notional_usd:.2f} USD'}): {one_line(left.reason)}"
        for left in ordered[:_POSITIONS_SHOWN]
    ]
    more = len(ordered) - _POSITIONS_SHOWN
    return [*shown, f"open: and {more} more"] if more > 0 else shown
