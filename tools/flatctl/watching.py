"""A run on the screen: a live picture in a terminal, one line for each event elsewhere, JSON lines where asked."""

from collections.abc import Callable
from datetime import UTC, datetime

from msgspec import Struct
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from contracts.base import Event
from contracts.flattening import OrderState
from flatctl import exits
from flatctl.exits import CommandFailed
from flatctl.figures import quantity
from flatctl.following import Beginning, Watcher
from flatctl.history import Record
from flatctl.progress import PositionProgress, RunProgress
from flatctl.screen import Screen
from flatctl.session import Session
from flatctl.views import leg, show_completed

REFRESH_S = 0.05
_LINES_AROUND = 6
"""Rows of the picture that are not positions."""


class EventLine(Struct, frozen=True, kw_only=True):
    """One event as `watch --json` prints it."""

    entry_id: str
    event: Event


async def watch(session: Session, beginning: Beginning, within_s: float) -> int:
    """Show one run until its verdict; returns the exit code that stands for it."""
    screen = session.screen
    screen.line(f"run {beginning.request_id} (times are UTC)")
    watcher = Watcher(session.reader, session.settings.keys, session.clock, screen.line)
    if screen.live:
        with screen.picture() as live:
            picture = Picture(screen, live, session.clock.monotonic_s)
            progress = await watcher.run(beginning, within_s, picture, picture.tick)
            picture.draw(progress)
    else:
        with screen.busy("reading the record") as waiting:
            progress = await watcher.run(
                beginning, within_s, _lines(screen), lambda progress: waiting.say(_now(progress))
            )
    if progress.completed is None:
        raise CommandFailed(
            f"no verdict within {within_s:g} s: {progress.stage}; {progress.funnel()}. What is open now: "
            f"flatctl positions; go on watching: flatctl watch {beginning.request_id}",
            exits.UNKNOWN,
        )
    show_completed(screen, progress.completed)
    return exits.of_run(progress.completed)


def _now(progress: RunProgress) -> str:
    return f"{progress.stage}: {progress.funnel()}"


def _lines(screen: Screen) -> Callable[[RunProgress, Record, str], None]:
    def show(_progress: RunProgress, record: Record, line: str) -> None:
        if record.event is not None:
            screen.json(EventLine(entry_id=record.entry_id, event=record.event))
        if line:
            screen.line(f"{_clock(record.entry_id)}  {line}")

    return show


class Picture:
    """The live picture: the funnel, and as many positions as the terminal has room for."""

    def __init__(self, screen: Screen, live: Live, monotonic_s: Callable[[], float]) -> None:
        self._screen = screen
        self._live = live
        self._monotonic_s = monotonic_s
        self._began_s = monotonic_s()
        self._drawn_s = 0.0
        self._heads: list[str] = []

    def __call__(self, progress: RunProgress, record: Record, line: str) -> None:
        """Take one entry in, and draw when it is time."""
        if line and not _about_an_order(record.event):
            self._heads.append(f"{_clock(record.entry_id)}  {line}")
        self.tick(progress)

    def tick(self, progress: RunProgress) -> None:
        """Draw when it is time: what is waited for has been waited for longer by now."""
        if self._monotonic_s() - self._drawn_s >= REFRESH_S:
            self.draw(progress)

    def draw(self, progress: RunProgress) -> None:
        """Draw it as it stands."""
        room = max(3, self._screen.height - len(self._heads) - _LINES_AROUND)
        heads = [Text(self._screen.clean(line), overflow="ellipsis", no_wrap=True) for line in self._heads]
        # Only what is not over yet is waited for.
        waited = "" if progress.completed else f" ({self._monotonic_s() - self._began_s:.0f} s)"
        funnel = Text(f"{_now(progress)}{waited}", style="bold")
        self._live.update(Group(*heads, funnel, _table(self._screen, progress, room)), refresh=True)
        # Counted from the end: where drawing is slow, one picture for each event would tell the verdict seconds late.
        self._drawn_s = self._monotonic_s()


def _table(screen: Screen, progress: RunProgress, room: int) -> Table:
    """Positions that need attention first, then those without an answer; among equals, the largest first."""
    positions = sorted(progress.positions(), key=_urgency)
    rows = [
        (
            position.symbol,
            leg(position.position_side),
            quantity(position.position_quantity),
            f"{position.order_side} {quantity(position.filled_quantity)}",
            position.state,
        )
        for position in positions[:room]
    ]
    if hidden := len(positions) - len(rows):
        rows.append((f"… {hidden} more", "", "", "", ""))
    numeric = frozenset({"quantity", "filled"})
    return screen.build_table(("symbol", "leg", "quantity", "filled", "state"), rows, numeric=numeric)


def _urgency(position: PositionProgress) -> int:
    if not position.settled:
        return 1
    return 2 if set(position.states) == {OrderState.FILLED} else 0


def _about_an_order(event: Event | None) -> bool:
    return hasattr(event, "client_order_id")


def _clock(entry_id: str) -> str:
    milliseconds = int(entry_id.partition("-")[0])
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%H:%M:%S}.{milliseconds % 1000:03d}"
