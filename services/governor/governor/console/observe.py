"""What the console says of itself: its metrics and log lines."""

import structlog

from governor.console.guard import Door
from runtime.metrics import Metrics

_log = structlog.get_logger("governor.console")
_DOORS = {
    Door.OPEN: "console: open to everybody on this machine",
    Door.LOCKED: "console: open to whoever has CONSOLE_TOKEN",
    Door.ABSENT: "console: none, since it could be reached from outside and CONSOLE_TOKEN is not set; arms are judged"
    " all the same",
}


class ConsoleObserver:
    """The console's voice."""

    def __init__(self, metrics: Metrics) -> None:
        self._pages = metrics.gauge("gov_console_pages", "Pages of the console that are open")
        self._dropped = metrics.counter("gov_console_dropped_total", "Pages that took nothing any more and were closed")
        self._refused = metrics.counter(
            "gov_console_refused_total",
            "Requests for the console's state that were refused",
            ("status",),
            [("401",), ("403",), ("503",)],
        )
        self._failing = metrics.gauge("gov_console_failing", "1 while the console cannot read what is on record")
        self._failure = ""

    def door(self, door: Door) -> None:
        """Who may look."""
        (_log.warning if door is Door.ABSENT else _log.info)(_DOORS[door])

    def pages(self, count: int) -> None:
        """A page was opened or closed."""
        self._pages.set(count)

    def dropped(self) -> None:
        """A page took nothing any more."""
        self._dropped.inc()

    def refused(self, status: int) -> None:
        """Somebody asked for the state and did not get it."""
        self._refused.labels(str(status)).inc()

    def record_failed(self, error: Exception) -> None:
        """What is on record cannot be read; told once until it can."""
        self._failing.set(1)
        failure = f"{type(error).__name__}: {error}"
        if failure != self._failure:
            self._failure = failure
            _log.warning(f"console: what is on record cannot be read: {failure}")

    def record_works(self) -> None:
        """What is on record was read."""
        self._failing.set(0)
        if self._failure:
            self._failure = ""
            _log.info("console: what is on record can be read again")
