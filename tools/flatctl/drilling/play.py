"""The flatten of a drill, step by step as on a bad night: latch, arm, gates, run, verdict, and a reading of its own."""

from typing import TYPE_CHECKING

from contracts.arming import ArmAccepted, ArmRefused, GateVerdict, Scope
from contracts.drills import DrillOutcome
from exchange.factory import open_account_reader
from flatctl import exits, views
from flatctl.account import read_account
from flatctl.arm_commands import DECISION_WAIT_S
from flatctl.arming import Intent, arm
from flatctl.asking import opened
from flatctl.drilling.stage import Stage
from flatctl.exits import CommandFailed
from flatctl.figures import span
from flatctl.following import Watcher, beginning_of
from flatctl.verifying import Verification, verification
from runtime.latch import LatchRecord

if TYPE_CHECKING:
    from contracts.flattening import FlattenCompleted

_OUTCOMES = {exits.OK: DrillOutcome.FLAT, exits.RESIDUAL: DrillOutcome.RESIDUAL, exits.UNKNOWN: DrillOutcome.UNKNOWN}


class Course:
    """How far a drill has come: what is known of it when it ends, however it ends."""

    def __init__(self) -> None:
        self.outcome = DrillOutcome.UNKNOWN
        self.detail = ""
        self.gates: tuple[GateVerdict, ...] = ()
        self.request_id = ""
        self.completed: FlattenCompleted | None = None
        self.verified = ""
        self.ready_ms: int | None = None
        self.decided_ms: int | None = None
        self.verdict_ms: int | None = None
        self.verified_ms: int | None = None

    def end(self, outcome: DrillOutcome, detail: str = "") -> None:
        """Say how it ended."""
        self.outcome, self.detail = outcome, " ".join(detail.split())


async def play(stage: Stage, course: Course, intent: Intent, *, within_s: float) -> None:
    """Flatten the simulator's account and read it again. Whatever happens is in `course`."""
    session, clock = stage.session, stage.session.clock
    screen, keys = session.screen, session.settings.keys
    await session.latch.activate(LatchRecord(operator=intent.operator, reason=intent.reason, set_at_ms=clock.now_ms()))
    began_s = clock.monotonic_s()
    watcher = Watcher(session.reader, keys, clock, screen.line)
    with screen.busy("waiting for the governor's decision"):
        armed = await arm(session.redis, keys, intent)
        decision = await watcher.decision(armed, min(DECISION_WAIT_S, within_s))
    course.decided_ms = _ms_since(began_s, clock.monotonic_s())
    if not isinstance(decision, ArmAccepted):
        _not_accepted(stage, course, decision)
        return
    course.gates, course.request_id = decision.gates, decision.request_id
    screen.line(f"ACCEPTED by all {len(decision.gates)} gates, {span(course.decided_ms)} after arming", "bold green")
    beginning = await beginning_of(session.redis, keys, decision.request_id)
    with screen.busy("the executor closes every position; waiting for the verdict") as waiting:
        progress = await watcher.run(
            beginning,
            within_s,
            lambda _progress, _record, _line: None,
            lambda progress: waiting.say(f"{progress.stage}: {progress.funnel()}"),
        )
    if progress.completed is None:
        course.end(DrillOutcome.UNKNOWN, f"no verdict within {within_s:g} s: {progress.stage}; {progress.funnel()}")
        return
    course.completed = progress.completed
    course.verdict_ms = _ms_since(began_s, clock.monotonic_s())
    views.show_completed(screen, progress.completed)
    await _verify(stage, course)


def _not_accepted(stage: Stage, course: Course, decision: object) -> None:
    if not isinstance(decision, ArmRefused):
        course.end(DrillOutcome.UNKNOWN, f"nobody decided about the arm within {DECISION_WAIT_S:g} s")
        return
    course.gates = decision.gates
    failed = [str(gate.gate) for gate in decision.gates if not gate.passed]
    views.show_gates(stage.session.screen, decision.gates)
    course.end(DrillOutcome.REFUSED, f"the gates refused the arm: {', '.join(failed)}")


async def _verify(stage: Stage, course: Course) -> None:
    """Read the simulator anew, with a connection that can send nothing, and compare with the verdict."""
    session = stage.session
    began_s = session.clock.monotonic_s()
    with session.screen.busy("reading the simulator again, with a key that may only read"):
        exchange, where = opened(open_account_reader, session.settings)
        try:
            account = await read_account(exchange, where, in_order=True)
        finally:
            await exchange.aclose()
    found, _ = verification(account, session.settings, Scope())
    course.verified, course.verified_ms = found.verdict, _ms_since(began_s, session.clock.monotonic_s())
    _judge(course, found)


def _judge(course: Course, found: Verification) -> None:
    """What is surely open comes before what is unknown; flat is only what both say."""
    if course.completed is None:
        raise CommandFailed("a drill without a verdict has nothing to compare")
    codes = {exits.of_run(course.completed), found.code}
    code = next(code for code in (exits.RESIDUAL, exits.UNKNOWN, exits.OK) if code in codes)
    detail = ""
    if code != exits.OK:
        left = ", ".join(row.symbol for row in found.open if not row.dust)
        why = course.completed.abort_reason or "; ".join(found.doubts)
        detail = f"verdict {course.completed.verdict}, read again: {found.verdict}"
        detail += f"; STILL OPEN: {left}" if left else ""
        detail += f"; {why}" if why else ""
    course.end(_OUTCOMES[code], detail)


def _ms_since(began_s: float, now_s: float) -> int:
    return round((now_s - began_s) * 1000)
