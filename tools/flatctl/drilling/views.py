"""A drill as people see it."""

from contracts.drills import DrillCompleted, DrillOutcome
from flatctl import exits
from flatctl.drilling.record import PastDrills
from flatctl.figures import funnel, moment, span
from flatctl.screen import Screen
from flatctl.views import BAD, WARNING

CODES = {
    DrillOutcome.FLAT: exits.OK,
    DrillOutcome.RESIDUAL: exits.RESIDUAL,
    DrillOutcome.REFUSED: exits.REFUSED,
    DrillOutcome.UNKNOWN: exits.UNKNOWN,
    DrillOutcome.FAILED: exits.ERROR,
    DrillOutcome.INTERRUPTED: exits.INTERRUPTED,
}
"""The exit code that stands for an outcome."""


def show_result(screen: Screen, drill: DrillCompleted) -> None:
    """How long each part took, and in the last line whether it was good."""
    times = drill.times
    rows = [
        (what, span(took_ms))
        for what, took_ms in (
            ("programs ready", times.ready_ms),
            ("arm to decision", times.decided_ms),
            ("arm to verdict", times.verdict_ms),
            ("independent reading", times.verified_ms),
        )
        if took_ms is not None
    ]
    if rows:
        screen.line()
        screen.table(("", ""), rows, numeric=frozenset())
    good = drill.outcome is DrillOutcome.FLAT
    screen.line(f"DRILL {'GOOD' if good else 'NOT GOOD'}: {told(drill)}", "bold green" if good else BAD)


def told(drill: DrillCompleted) -> str:
    """A drill's end in a line."""
    if drill.outcome is DrillOutcome.FLAT and drill.counts and drill.times.verdict_ms is not None:
        after = span(drill.times.verdict_ms)
        return f"{funnel(drill.counts)} verdict={drill.verdict} {after} after arming; read again: {drill.verified}"
    return f"{drill.outcome}: {drill.detail}"


def show_past(screen: Screen, past: PastDrills, now_ms: int) -> None:
    """The last drill, and the last good one."""
    if past.last is None:
        screen.line("no drill is on record here; hold one: flatctl drill", WARNING)
        return
    good = past.last.outcome is DrillOutcome.FLAT
    screen.line(f"last drill, {_when(past.last, now_ms)}", "bold")
    screen.line(told(past.last), "bold" if good else BAD)
    if good:
        return
    if past.last_good is None:
        screen.line("NO GOOD DRILL among those on record", BAD)
    else:
        screen.line(f"last GOOD drill, {_when(past.last_good, now_ms)}: {told(past.last_good)}")


def _when(drill: DrillCompleted, now_ms: int) -> str:
    ago = span(now_ms - drill.finished_at_ms)
    return f"{drill.drill_id} by {drill.operator}, {ago} ago ({moment(drill.finished_at_ms)})"
