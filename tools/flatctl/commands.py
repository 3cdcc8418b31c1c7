"""What each command does. Every one returns its exit code (see `flatctl.exits`)."""

import shlex
from pathlib import Path

from msgspec import Struct

from flatctl import exits, views
from flatctl.aborting import abort, run_to_abort
from flatctl.arming import Intent
from flatctl.exits import CommandFailed
from flatctl.following import beginning_of
from flatctl.session import Session
from flatctl.watching import watch
from flatctl.whole_status import show_whole, whole_status
from runtime import tracing
from runtime.latch import LatchRecord, LatchState

RUN_WAIT_S = 900.0


class LatchReport(Struct, frozen=True, kw_only=True):
    """`ess … --json`."""

    where: str
    state: LatchState


async def ess_status(session: Session) -> int:
    """Show the latch."""
    session.screen.line(session.settings.banner, style="bold")
    return _tell_latch(session, await session.latch.read())


async def ess_activate(session: Session, operator: str, reason: str) -> int:
    """Set the latch: trading stops. Safe to repeat."""
    session.screen.line(session.settings.banner, style="bold")
    record = LatchRecord(operator=operator, reason=reason, set_at_ms=session.clock.now_ms())
    try:
        await session.latch.activate(record)
    except OSError as error:
        raise CommandFailed(_latch_trouble(session, "set", error)) from error
    return _tell_latch(session, await session.latch.read(), wanted=True)


async def ess_deactivate(session: Session) -> int:
    """Clear the latch: trading may go on."""
    try:
        was_set = await session.latch.deactivate()
    except OSError as error:
        raise CommandFailed(_latch_trouble(session, "cleared", error)) from error
    if not was_set:
        session.screen.line("it was not set")
    return _tell_latch(session, await session.latch.read(), wanted=False)


async def announce_abort(session: Session, request_id: str | None) -> int:
    """Say which run would be stopped, and what an abort cannot do. Changes nothing."""
    screen, settings = session.screen, session.settings
    screen.line(settings.banner, style="bold")
    beginning = await run_to_abort(session.redis, settings.keys, request_id)
    screen.line(f"aborts run {beginning.request_id}: no further order is sent, and what is open STAYS OPEN")
    screen.line("orders that are on their way are not called back; the verdict says what became of them")
    return exits.OK


async def abort_and_follow(
    session: Session, request_id: str | None, intent: Intent, *, wait: bool, within_s: float
) -> int:
    """Ask for the end of a run, and with `wait` follow it to its verdict."""
    keys = session.settings.keys
    beginning = await run_to_abort(session.redis, keys, request_id)
    with tracing.span("flatctl abort"):
        await abort(session.redis, keys, beginning.request_id, intent)
    session.screen.line(f"abort of {beginning.request_id} is requested")
    if not wait:
        session.screen.json({"request_id": beginning.request_id, "abort_requested": True})
        return exits.OK
    return await watch(session, beginning, within_s)


async def status(session: Session) -> int:
    """Show everything at one look."""
    found = await whole_status(session)
    session.screen.json(found)
    session.screen.line(session.settings.banner, style="bold")
    show_whole(session.screen, found)
    return exits.OK


async def watch_run(session: Session, request_id: str | None, within_s: float) -> int:
    """Follow the named run, else the one in flight, else show the last one."""
    session.screen.line(session.settings.banner, style="bold")
    return await watch(session, await beginning_of(session.redis, session.settings.keys, request_id), within_s)


async def positions(session: Session) -> int:
    """Read the exchange itself and show what is open. A reading that is not whole never looks like one (I14)."""
    # Importing the exchange library costs more than everything else together: only who needs it pays.
    from flatctl.exposure import read_exposure  # noqa: PLC0415

    screen = session.screen
    screen.line(session.settings.banner, style="bold")
    with screen.busy("reading the exchange: every position"):
        exposure = await read_exposure(session.settings)
    screen.json(exposure)
    views.show_exposure(screen, exposure)
    if exposure.doubts:
        raise CommandFailed("; ".join(exposure.doubts), exits.UNKNOWN)
    return exits.OK


def _tell_latch(session: Session, state: LatchState, *, wanted: bool | None = None) -> int:
    session.screen.json(LatchReport(where=session.latch.where, state=state))
    session.screen.line(f"ESS latch {views.latch_text(state)}: {state.detail}", "bold")
    if not state.readable:
        raise CommandFailed(f"the ESS latch cannot be read, and counts as not set: {state.detail}", exits.UNKNOWN)
    if wanted is not None and state.is_set is not wanted:
        raise CommandFailed(f"the ESS latch was changed again at once: {state.detail}")
    return exits.OK


def _latch_trouble(session: Session, what: str, error: OSError) -> str:
    where = session.latch.where
    if isinstance(error, FileNotFoundError):
        directory = shlex.quote(str(Path(where.removeprefix("file:")).parent))
        return (
            f"ESS_LATCH={where} cannot be {what}: there is no directory {directory}; if this is really the latch that "
            f"the services read: mkdir -p {directory}"
        )
    return (
        f"ESS_LATCH={where} cannot be {what}: {error.strerror or error}; "
        "run this where its directory may be written, or set ESS_LATCH"
    )
