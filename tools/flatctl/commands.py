"""What each command does. Every one returns its exit code (see `flatctl.exits`)."""

import shlex
from pathlib import Path

from msgspec import Struct

from contracts.arming import ArmAccepted, ArmDisarmed, ArmRefused, GateVerdict
from contracts.streams import ARM_TTL_S
from flatctl import exits, views
from flatctl.aborting import abort, run_to_abort
from flatctl.arming import Armed, Intent, arm, armed_now, disarm
from flatctl.exits import CommandFailed
from flatctl.figures import money, span
from flatctl.following import Decision, Watcher, beginning_of, find_decision
from flatctl.looking import look
from flatctl.scope import listed_symbols, unlisted
from flatctl.session import Session
from flatctl.watching import watch
from flatctl.whole_status import show_whole, whole_status
from runtime import tracing
from runtime.latch import LatchRecord, LatchState

DECISION_WAIT_S = 10.0
RUN_WAIT_S = 900.0


class LatchReport(Struct, frozen=True, kw_only=True):
    """`ess … --json`."""

    where: str
    state: LatchState


class ArmReport(Struct, frozen=True, kw_only=True):
    """`arm --json`: the first line; with `--wait` the run's events follow."""

    arm_id: str
    outcome: str
    """`accepted`, `refused`, `disarmed` or `undecided`."""
    request_id: str = ""
    gates: tuple[GateVerdict, ...] = ()


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


async def announce_arm(session: Session, intent: Intent) -> int:
    """Say whose positions an arm would close, and what stands in its way. Changes nothing."""
    screen, settings = session.screen, session.settings
    status = await look(session.redis, session.latch, settings)
    screen.line(settings.banner, style="bold")
    await _require_listed(session, intent, status.now_ms)
    whole, names = intent.scope.whole_account, ", ".join(intent.scope.symbols)
    what, where = ("the WHOLE ACCOUNT", "") if whole else (f"only {names}", f" in {names}")
    only = "" if whole else "; NO OTHER is touched, and what is open there stays open"
    screen.line(f"arms ONE flatten of {what}; the permission expires after {ARM_TTL_S} s")
    screen.line(f"every open position{where} is closed with market orders that can only reduce it{only}")
    if status.snapshot is None:
        screen.line("the oracle has published no reading: how much is open is not known here", style=views.WARNING)
    else:
        screen.line(
            f"open in the whole account by the oracle's reading {span(status.snapshot.age_ms)} ago: "
            f"{status.snapshot.open_positions} positions, exposure {money(status.snapshot.exposure_usd)}"
        )
    if not status.latch.is_set:
        screen.line(
            f"WARNING: the ESS latch is {views.latch_text(status.latch)} ({status.latch.detail}); the governor will "
            "refuse. Set it: flatctl ess activate",
            style=views.WARNING,
        )
    if status.cooldown_left_ms != 0:
        screen.line(
            "WARNING: the cooldown is not over; the governor will refuse. See flatctl status", style=views.WARNING
        )
    for group in status.groups:
        if group.silent:
            screen.line(f"WARNING: {group.group} {views.seen(group)}; start it", style=views.WARNING)
    screen.line("the governor's own flags cannot be seen from here; it judges every gate and says so")
    return exits.OK


async def _require_listed(session: Session, intent: Intent, now_ms: int) -> None:
    """Raise CommandFailed for an armed symbol that the exchange does not list; say so when nobody can tell."""
    if intent.scope.whole_account:
        return
    listed = await listed_symbols(session.redis, session.settings.keys, now_ms)
    if not listed:
        session.screen.line(
            "WARNING: no fresh reading of the oracle, so that the symbols cannot be checked; one that does not exist "
            "ends as not_flat",
            style=views.WARNING,
        )
    elif wrong := unlisted(intent.scope.symbols, listed):
        raise CommandFailed(f"not armed: {wrong}", exits.REFUSED)


async def arm_and_follow(session: Session, intent: Intent, *, wait: bool, within_s: float) -> int:
    """Arm, tell what the governor decides, and with `wait` follow the run to its verdict."""
    with tracing.span("flatctl arm"):
        armed = await arm(session.redis, session.settings.keys, intent)
    screen = session.screen
    if armed.again:
        screen.line(f"{armed.arm_id} was armed before: it stays one arm")
    else:
        screen.line(f"armed: {armed.arm_id}")
    watcher = Watcher(session.reader, session.settings.keys, session.clock, screen.line)
    patience_s = min(DECISION_WAIT_S, within_s)
    decision = await watcher.decision(armed, patience_s)
    screen.json(_report(armed, decision))
    match decision:
        case None:
            raise CommandFailed(
                f"{armed.arm_id}: nobody judged it within {patience_s:g} s. Is the governor running? It stays "
                f"armed until it expires; take it back: flatctl disarm {armed.arm_id}",
                exits.UNKNOWN,
            )
        case ArmRefused():
            failed = [str(gate.gate) for gate in decision.gates if not gate.passed]
            screen.line(f"REFUSED by {len(failed)} of {len(decision.gates)} gates; the arm is used up", views.BAD)
            views.show_gates(screen, decision.gates)
            raise CommandFailed(f"{armed.arm_id} was refused: {', '.join(failed)}", exits.REFUSED)
        case ArmDisarmed():
            raise CommandFailed(f"{armed.arm_id} was disarmed by {decision.operator}", exits.REFUSED)
    screen.line(f"ACCEPTED: all {len(decision.gates)} gates passed; request {decision.request_id}", "bold green")
    if not wait:
        screen.line(f"follow it: flatctl watch {decision.request_id}")
        return exits.OK
    beginning = await beginning_of(session.redis, session.settings.keys, decision.request_id)
    return await watch(session, beginning, within_s)


async def take_back(session: Session, arm_id: str | None, intent: Intent) -> int:
    """Disarm the named arm, else the one that is armed."""
    screen, keys = session.screen, session.settings.keys
    screen.line(session.settings.banner, style="bold")
    wanted = arm_id or await armed_now(session.redis, keys)
    if wanted is None:
        screen.line("nothing is armed")
        screen.json({"arm_id": None, "disarmed": False})
        return exits.OK
    with tracing.span("flatctl disarm"):
        held = await disarm(session.redis, keys, _for(intent, wanted))
    decided = None if held else await find_decision(session.redis, keys, wanted)
    screen.json({"arm_id": wanted, "disarmed": held})
    if isinstance(decided, ArmAccepted):
        raise CommandFailed(
            f"too late: {wanted} became run {decided.request_id}; follow it with flatctl watch {decided.request_id}",
            exits.REFUSED,
        )
    screen.line(f"disarmed: {wanted}" if held else f"{wanted} was not armed any more; it can never fire")
    return exits.OK


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


def _report(armed: Armed, decision: Decision | None) -> ArmReport:
    match decision:
        case ArmAccepted():
            return ArmReport(
                arm_id=armed.arm_id, outcome="accepted", request_id=decision.request_id, gates=decision.gates
            )
        case ArmRefused():
            return ArmReport(arm_id=armed.arm_id, outcome="refused", gates=decision.gates)
        case ArmDisarmed():
            return ArmReport(arm_id=armed.arm_id, outcome="disarmed")
    return ArmReport(arm_id=armed.arm_id, outcome="undecided")


def _for(intent: Intent, arm_id: str) -> Intent:
    return Intent(
        arm_id=arm_id,
        operator=intent.operator,
        reason=intent.reason,
        environment=intent.environment,
        account=intent.account,
    )
