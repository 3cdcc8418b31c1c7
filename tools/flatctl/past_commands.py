"""`flatctl history`: what was armed before, what was decided, and what each run left open."""

from typing import Annotated

import typer

from flatctl import exits
from flatctl.figures import funnel, moment, some
from flatctl.options import AsJson
from flatctl.past import Outcome, Past, PastArm, PastRun, read_past
from flatctl.screen import Screen
from flatctl.session import Session, run
from flatctl.views import BAD, WARNING

Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="How many arms, the newest first.")]


def history(*, limit: Limit = 20, as_json: AsJson = False) -> int:
    """Past arms, the newest first: who, why, what was decided, how the run ended, and what it LEFT OPEN."""
    return run(lambda session: _history(session, limit), as_json=as_json)


async def _history(session: Session, limit: int) -> int:
    screen, settings = session.screen, session.settings
    screen.line(settings.banner, style="bold")
    with screen.busy("reading the record"):
        past = await read_past(session.redis, settings.keys, limit)
    screen.json(past)
    _show(screen, past)
    return exits.OK


def _show(screen: Screen, past: Past) -> None:
    if past.arms:
        rows = [(moment(arm.at_ms), arm.arm_id, _who(arm), _what(arm), _left(arm)) for arm in past.arms]
        screen.table(("when", "arm", "by", "outcome", "left open"), rows, numeric=frozenset())
    if past.unreadable:
        screen.line(
            f"WARNING: {past.unreadable} entries cannot be read by this version, and are missing above: flatctl doctor",
            style=WARNING,
        )
    _show_last(screen, next((arm for arm in past.arms if arm.outcome is Outcome.ACCEPTED), None))


def _show_last(screen: Screen, last: PastArm | None) -> None:
    """What is still open, by the newest run on record: that is what everybody wants to know in the end."""
    if last is None:
        screen.line("no run among these; what is open now: flatctl positions")
    elif last.run is None:
        screen.line(f"STILL OPEN: unknown, {last.request_id} has no verdict; see flatctl watch, flatctl positions", BAD)
    else:
        names = some([row.symbol for row in last.run.residual], "flatctl watch")
        text = f"{last.run.still_open.heading} after the last run: {last.run.still_open.text}"
        screen.line(f"{text}: {names}" if names else text, BAD if last.run.residual else "bold")


def _who(arm: PastArm) -> str:
    return f"{arm.operator or 'unknown'}: {arm.reason or 'no reason given'}"


def _what(arm: PastArm) -> str:
    parts = [_scope(arm), _outcome(arm)]
    if arm.repeated:
        parts.append(f"published again {arm.repeated} times, which did nothing")
    return "; ".join(part for part in parts if part)


def _scope(arm: PastArm) -> str:
    if arm.scope is None or arm.scope.whole_account:
        return ""
    return f"only {some(arm.scope.symbols, most=3)}"


def _outcome(arm: PastArm) -> str:
    match arm.outcome:
        case Outcome.REFUSED:
            return f"REFUSED by {', '.join(f'{gate.gate} ({gate.observed})' for gate in arm.refused_by)}"
        case Outcome.DISARMED:
            return "taken back"
        case Outcome.UNDECIDED if arm.signatures_needed:
            signed = f"signed by {', '.join(arm.signed_by)}, {arm.signatures_needed} needed"
            return f"NOT APPROVED: it waits, or expired; {signed}"
        case Outcome.UNDECIDED:
            return "NOT JUDGED: it waits, or expired before anybody looked"
    if arm.run is not None:
        return f"{_ended(arm.run)} ({arm.request_id})"
    return f"accepted, {'IN FLIGHT' if arm.in_flight else 'NO VERDICT'} ({arm.request_id})"


def _ended(ended: PastRun) -> str:
    why = f" ({ended.abort_reason})" if ended.abort_reason else ""
    return f"{funnel(ended.counts)} verdict={ended.verdict}{why}"


def _left(arm: PastArm) -> str:
    if arm.run is not None:
        return arm.run.still_open.text
    return "unknown" if arm.outcome is Outcome.ACCEPTED else "no run"
