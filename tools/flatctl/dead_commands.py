"""`flatctl dead`: commands that could never be handled. Look at them, put one back, or drop it."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import typer
from msgspec import Struct

from contracts.arming import ArmRequested, FlattenRequested
from contracts.dead_letters import Settlement
from flatctl import exits, settling
from flatctl.arming import Intent
from flatctl.confirming import confirmed
from flatctl.exits import CommandFailed
from flatctl.figures import moment, span
from flatctl.letters import Letter, LetterReport, find_letter, newest_letters, report
from flatctl.options import AsJson, Operator, Reason, Yes, operator_of
from flatctl.session import Session, run
from flatctl.views import WARNING
from runtime.redis_client import raw

LetterId = Annotated[str, typer.Argument(help="Its id, as flatctl dead list shows it.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=1_000, help="How many, the newest first.")]

dead = typer.Typer(
    no_args_is_help=True,
    help=(
        "Dead letters: commands that no service could ever handle. If one was an arm or a request, somebody waits for "
        "a flatten that will not come: arm again."
    ),
)


class Letters(Struct, frozen=True, kw_only=True):
    """`dead list --json`."""

    total: int
    letters: tuple[LetterReport, ...]


class Settled(Struct, frozen=True, kw_only=True):
    """`dead requeue --json` and `dead drop --json`."""

    letter_id: str
    settlement: Settlement
    stream: str
    """Where it is now: its own stream, or the one of the record."""
    entry_id: str


@dead.command("list")
def list_letters(*, limit: Limit = 20, as_json: AsJson = False) -> int:
    """Show what is there, the newest first: where it came from, what it asked for, and why it could not be handled."""
    return run(lambda session: _list(session, limit), as_json=as_json)


@dead.command("show")
def show_letter(letter_id: LetterId, *, as_json: AsJson = False) -> int:
    """Show everything of one letter. Exit code 3 when it is not there."""
    return run(lambda session: _show(session, letter_id), as_json=as_json)


@dead.command("requeue")
def requeue_letter(
    letter_id: LetterId, *, reason: Reason = "", operator: Operator = "", yes: Yes = False, as_json: AsJson = False
) -> int:
    """Put it back on its own stream, once, as it was. Asks for the account's name; goes on record.

    For a letter that a mended or newer service can handle. An arm expires after a minute: to flatten, arm again.
    """
    return _settled(letter_id, "put it back", _announce_requeue, _requeue, reason, operator, yes=yes, as_json=as_json)


@dead.command("drop")
def drop_letter(
    letter_id: LetterId, *, reason: Reason = "", operator: Operator = "", yes: Yes = False, as_json: AsJson = False
) -> int:
    """Take it out: nobody will ever act on it. Asks for the account's name; the letter stays on record."""
    return _settled(letter_id, "drop it", _announce_drop, _drop, reason, operator, yes=yes, as_json=as_json)


def _settled(  # noqa: PLR0913 - what two commands have in common
    letter_id: str,
    purpose: str,
    announce: Callable[[Session, Letter], None],
    act: Callable[[Session, Letter, Intent], Awaitable[int]],
    reason: str,
    operator: str,
    *,
    yes: bool,
    as_json: bool,
) -> int:
    who = operator_of(operator)

    async def announced(session: Session) -> int:
        session.screen.line(session.settings.banner, style="bold")
        letter = await find_letter(session.redis, session.settings.keys, letter_id)
        _tell(session, report(letter, session.settings.keys))
        announce(session, letter)
        return exits.OK

    async def done(session: Session) -> int:
        settings = session.settings
        letter = await find_letter(session.redis, settings.keys, letter_id)
        intent = Intent(
            arm_id="", operator=who, reason=reason, environment=settings.exchange_env, account=settings.account
        )
        return await act(session, letter, intent)

    return confirmed(announced, purpose, done, yes=yes, as_json=as_json)


async def _list(session: Session, limit: int) -> int:
    screen, keys = session.screen, session.settings.keys
    screen.line(session.settings.banner, style="bold")
    total = await raw(session.redis, "XLEN", keys.stream("dead"))
    letters = tuple(report(letter, keys) for letter in await newest_letters(session.redis, keys, limit))
    screen.json(Letters(total=total, letters=letters))
    if not letters:
        screen.line("no dead letters")
        return exits.OK
    rows = [
        (row.letter_id, moment(row.died_at_ms), row.stream or "unknown", row.says or row.type or "unknown", row.error)
        for row in letters
    ]
    screen.table(("id", "since", "from", "what", "why"), rows, numeric=frozenset())
    more = f", the newest {len(letters)} shown (--limit)" if total > len(letters) else ""
    screen.line(f"{total} dead letters{more}; all of one: flatctl dead show ID", style=WARNING)
    return exits.OK


async def _show(session: Session, letter_id: str) -> int:
    screen, keys = session.screen, session.settings.keys
    screen.line(session.settings.banner, style="bold")
    shown = report(await find_letter(session.redis, keys, letter_id), keys, in_full=True)
    screen.json(shown)
    _tell(session, shown)
    screen.line()
    screen.table(("field", "value"), [(field.name, field.value) for field in shown.fields], numeric=frozenset())
    return exits.OK


def _tell(session: Session, shown: LetterReport) -> None:
    came = f"{shown.stream} {shown.entry_id}, read by {shown.group} ({shown.consumer})" if shown.stream else "unknown"
    rows = [
        ("dead letter", f"{shown.letter_id}, since {moment(shown.died_at_ms)}"),
        ("came from", came),
        ("what", shown.says or f"{shown.type or 'unknown'}, which this version cannot read"),
        ("why", shown.error or "unknown"),
        ("deliveries", shown.deliveries or "unknown"),
    ]
    session.screen.table(("", ""), rows, numeric=frozenset())


def _announce_requeue(session: Session, letter: Letter) -> None:
    screen, keys = session.screen, session.settings.keys
    if problem := settling.why_not_back(letter, keys):
        raise CommandFailed(f"not put back: {problem}", exits.REFUSED)
    event = letter.event
    screen.line("puts it back on its own stream, as it was; whoever reads that stream handles it once more")
    if event is None:
        screen.line("WARNING: this version cannot read it: if the service cannot either, it comes back", style=WARNING)
    elif isinstance(event, ArmRequested) and (late_ms := session.clock.now_ms() - event.expires_at_ms) > 0:
        screen.line(
            f"WARNING: the arm expired {span(late_ms)} ago: the governor will refuse it. To flatten: flatctl arm",
            style=WARNING,
        )
    elif isinstance(event, FlattenRequested):
        screen.line(
            "WARNING: the executor refuses a request that is older than FLATTEN_REQUEST_MAX_AGE_SECONDS. To flatten: "
            "flatctl arm",
            style=WARNING,
        )


def _announce_drop(session: Session, letter: Letter) -> None:
    session.screen.line("takes it out for good: nobody will ever act on it; what it was stays on record")
    if isinstance(letter.event, ArmRequested | FlattenRequested):
        session.screen.line("WARNING: somebody waits for this flatten; to do it after all: flatctl arm", style=WARNING)


async def _requeue(session: Session, letter: Letter, intent: Intent) -> int:
    keys = session.settings.keys
    entry_id = await settling.requeue(session.redis, keys, letter, intent)
    return _told(session, letter, Settlement.REQUEUED, letter.stream, entry_id)


async def _drop(session: Session, letter: Letter, intent: Intent) -> int:
    record_id = await settling.drop(session.redis, session.settings.keys, letter, intent)
    return _told(session, letter, Settlement.DROPPED, session.settings.keys.stream("dead.settled"), record_id)


def _told(session: Session, letter: Letter, settlement: Settlement, key: str, entry_id: str) -> int:
    stream = key.removeprefix(f"{session.settings.flatten_namespace}:stream:")
    session.screen.json(Settled(letter_id=letter.letter_id, settlement=settlement, stream=stream, entry_id=entry_id))
    if settlement is Settlement.REQUEUED:
        session.screen.line(f"put back: {letter.letter_id} is entry {entry_id} of {stream} now; see flatctl history")
    else:
        session.screen.line(f"dropped: {letter.letter_id}; what it was is entry {entry_id} of {stream}")
    return exits.OK
