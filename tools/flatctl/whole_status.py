"""`flatctl status`: what stands in Redis, the gates as far as they can be judged from here, and how far a run is."""

from msgspec import Struct
from msgspec.structs import asdict

from flatctl import views
from flatctl.following import run_now
from flatctl.looking import Status, look
from flatctl.outlook import GateOutlook, Standing, last_decision, look_out
from flatctl.screen import Screen
from flatctl.session import Session
from flatctl.unapproved import Unapproved, find_unapproved, show_unapproved

_WORDS = {Standing.PASSES: "pass", Standing.REFUSES: "REFUSES", Standing.UNKNOWN: "unknown"}
_ORDER = (Standing.REFUSES, Standing.UNKNOWN, Standing.PASSES)


class RunNow(Struct, frozen=True, kw_only=True):
    """The run in flight, as far as it is on record."""

    request_id: str
    arm_id: str
    stage: str
    funnel: str


class WholeStatus(Status, frozen=True, kw_only=True):
    """`status --json`."""

    gates: tuple[GateOutlook, ...]
    run: RunNow | None
    """Nothing when no run is in flight, or nothing of it is on record."""
    unapproved: Unapproved | None
    """The arm that waits for a signature more."""


async def whole_status(session: Session) -> WholeStatus:
    """Look at everything. Redis errors come out as they are."""
    settings = session.settings
    status = await look(session.redis, session.latch, settings)
    last = await last_decision(session.redis, settings.keys, status.now_ms)
    return WholeStatus(
        **asdict(status),
        gates=look_out(status, settings, last),
        run=await _run_now(session, status),
        unapproved=await find_unapproved(session.redis, settings.keys, status.armed, status.now_ms),
    )


def show_whole(screen: Screen, status: WholeStatus) -> None:
    """Gates, then every fact, and in the end what is still open."""
    rows = [
        (_WORDS[gate.standing], str(gate.gate), gate.observed, gate.required)
        for gate in sorted(status.gates, key=lambda gate: _ORDER.index(gate.standing))
    ]
    screen.line("the gates, for an arm that came now:")
    screen.table(("", "gate", "observed", "required"), rows, numeric=frozenset())
    if status.unapproved:
        show_unapproved(screen, status.unapproved)
    if status.run:
        screen.line(
            f"RUN IN FLIGHT: {status.run.stage}; {status.run.funnel}; follow it: flatctl watch", style=views.WARNING
        )
    views.show_status(screen, status)


async def _run_now(session: Session, status: Status) -> RunNow | None:
    if status.active is None:
        return None
    progress = await run_now(session.reader, session.settings.keys, status.active)
    if progress is None:
        return None
    return RunNow(request_id=status.active, arm_id=progress.arm_id, stage=progress.stage, funnel=progress.funnel())
