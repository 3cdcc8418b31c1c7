"""What the commands about arms do. Every one returns its exit code (see `flatctl.exits`)."""

from msgspec import Struct

from contracts.arming import ArmAccepted, ArmAwaitingApproval, ArmDisarmed, ArmRefused, GateVerdict
from flatctl import exits, views
from flatctl.arming import Armed, Intent, arm, armed_now, disarm
from flatctl.exits import CommandFailed
from flatctl.figures import money, span
from flatctl.following import Watcher, Word, beginning_of, find_decision
from flatctl.looking import look
from flatctl.scope import listed_symbols, unlisted
from flatctl.session import Session
from flatctl.watching import watch
from runtime import tracing
from runtime.redis_client import raw

DECISION_WAIT_S = 10.0


class ArmReport(Struct, frozen=True, kw_only=True):
    """`arm --json`: the first line; with `--wait` the run's events follow."""

    arm_id: str
    outcome: str
    """`accepted`, `refused`, `disarmed`, `awaiting_approval` or `undecided`."""
    request_id: str = ""
    gates: tuple[GateVerdict, ...] = ()


async def announce_arm(session: Session, intent: Intent) -> int:
    """Say whose positions an arm would close, and what stands in its way. Changes nothing."""
    screen, settings = session.screen, session.settings
    status = await look(session.redis, session.latch, settings)
    screen.line(settings.banner, style="bold")
    await _require_listed(session, intent, status.now_ms)
    whole, names = intent.scope.whole_account, ", ".join(intent.scope.symbols)
    what, where = ("the WHOLE ACCOUNT", "") if whole else (f"only {names}", f" in {names}")
    only = "" if whole else "; NO OTHER is touched, and what is open there stays open"
    screen.line(f"arms ONE flatten of {what}; the permission expires after {intent.lifetime_s} s")
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
        signed = f", signed with key {intent.signer.key_id}" if intent.signer else ""
        screen.line(f"armed: {armed.arm_id} by {intent.operator}{signed}")
    return await follow_arm(session, armed, wait=wait, within_s=within_s)


async def follow_arm(session: Session, armed: Armed, *, wait: bool, within_s: float) -> int:
    """Tell what the governor decides of an arm, and with `wait` follow the approval and the run to its verdict."""
    screen = session.screen
    watcher = Watcher(session.reader, session.settings.keys, session.clock, screen.line)
    patience_s = min(DECISION_WAIT_S, within_s)
    with screen.busy("waiting for the governor's decision") as waiting:
        decision = await watcher.decision(
            armed,
            patience_s,
            approval_s=within_s if wait else 0,
            approving=lambda: waiting.say("waiting for another person's signature"),
        )
    screen.json(_report(armed, decision))
    match decision:
        case None:
            raise CommandFailed(
                f"{armed.arm_id}: nobody judged it within {patience_s:g} s. Is the governor running? It stays "
                f"armed until it expires; take it back: flatctl disarm {armed.arm_id}",
                exits.UNKNOWN,
            )
        case ArmAwaitingApproval():
            seconds, _ = await raw(session.redis, "TIME")
            if int(seconds) * 1000 >= decision.expires_at_ms:
                raise CommandFailed(
                    f"{armed.arm_id}: nobody else approved it in time; it can never fire", exits.REFUSED
                )
            raise CommandFailed(
                f"{armed.arm_id} is signed by {', '.join(decision.signed_by)} and was not approved"
                f"{f' within {within_s:g} s' if wait else ' yet'}: nothing is flattened. It stays armed until it "
                f"expires; take it back: flatctl disarm {armed.arm_id}",
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


def _report(armed: Armed, decision: Word | None) -> ArmReport:
    match decision:
        case ArmAccepted():
            return ArmReport(
                arm_id=armed.arm_id, outcome="accepted", request_id=decision.request_id, gates=decision.gates
            )
        case ArmRefused():
            return ArmReport(arm_id=armed.arm_id, outcome="refused", gates=decision.gates)
        case ArmDisarmed():
            return ArmReport(arm_id=armed.arm_id, outcome="disarmed")
        case ArmAwaitingApproval():
            return ArmReport(arm_id=armed.arm_id, outcome="awaiting_approval")
    return ArmReport(arm_id=armed.arm_id, outcome="undecided")


def _for(intent: Intent, arm_id: str) -> Intent:
    return Intent(
        arm_id=arm_id,
        operator=intent.operator,
        reason=intent.reason,
        environment=intent.environment,
        account=intent.account,
    )
