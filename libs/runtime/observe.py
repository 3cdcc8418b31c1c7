"""What is said about streams: the only place in which the loop logs or counts."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import structlog

from runtime.metrics import Metrics
from runtime.redis_client import is_transient

if TYPE_CHECKING:
    from prometheus_client import Counter, Histogram

_log = structlog.get_logger("runtime.streams")
_OUTCOMES = ("handled", "retried", "dead", "undecodable")


class StreamObserver:
    """Logs and metrics of every consumer and tail of one process; make one and share it."""

    def __init__(self, metrics: Metrics) -> None:
        stream = ("stream",)
        self._handled = metrics.counter(
            "flatguard_entries_total", f"Entries by what became of them: {', '.join(_OUTCOMES)}", ("stream", "outcome")
        )
        self._seconds = metrics.histogram("flatguard_entry_seconds", "Time to handle one entry", stream)
        self._lost = metrics.counter(
            "flatguard_lost_commands_total", "Entries deleted before they were handled", stream
        )
        self._stolen = metrics.counter("flatguard_entries_taken_over_total", "Entries claimed from us in hand", stream)
        self._interrupted = metrics.counter(
            "flatguard_reads_interrupted_total", "Times a stream became unreadable", stream
        )
        self._ready = metrics.gauge("flatguard_stream_ready", "1 while the stream is being read", stream)
        self._unfinished = metrics.gauge(
            "flatguard_pending_entries",
            "Commands not finished: pending with a consumer, or waiting for one, of which 100 are counted",
            stream,
        )
        self._oldest = metrics.gauge(
            "flatguard_oldest_pending_seconds",
            "Age of the oldest command that is not finished; 0: there is none",
            stream,
        )
        self._dead = metrics.gauge(
            "flatguard_dead_letters", "Entries in the stream of dead letters, of all groups", stream
        )
        self._readable = metrics.gauge(
            "flatguard_backlog_readable",
            "1 while the three above can be read; where it is 0, that stream has none of them",
            stream,
        )
        self._backlog_told: dict[str, str] = {}
        self._of_stream: dict[str, tuple[Counter, Histogram]] = {}
        """What every entry counts in: looking it up costs more than counting."""

    def watching(self, stream: str) -> None:
        """A consumer or tail begins: its metrics exist from now on."""
        for outcome in _OUTCOMES:
            self._handled.labels(stream, outcome)
        for metric in (self._seconds, self._lost, self._stolen, self._interrupted, self._ready):
            metric.labels(stream)
        self._of_stream[stream] = (self._handled.labels(stream, "handled"), self._seconds.labels(stream))

    def ready(self, stream: str, *, created: bool, again: bool) -> None:
        """The stream is being read. A group that had to be made *again* means that Redis lost data."""
        self._ready.labels(stream).set(1)
        if created and again:
            _log.error(f"stream {stream}: group was gone and is recreated at 0: Redis was flushed or lost data")
        elif again:
            _log.info(f"stream {stream}: reading again")
        else:
            _log.info(f"stream {stream}: reading", group_created=created)

    def unready(self, stream: str, error: BaseException) -> None:
        """The stream cannot be read; the loop goes on trying."""
        self._ready.labels(stream).set(0)
        self._interrupted.labels(stream).inc()
        _log.error(f"stream {stream}: cannot be read, trying until it can: {type(error).__name__}: {error}")

    def stopped(self, stream: str) -> None:
        """The loop ended as it was asked to."""
        self._ready.labels(stream).set(0)
        _log.info(f"stream {stream}: stopped reading")

    def handled(self, stream: str, seconds: float, exemplar: dict[str, str] | None) -> None:
        """The handler returned."""
        handled, took = self._of_stream[stream]
        handled.inc()
        took.observe(seconds, exemplar)

    def retried(self, stream: str, entry_id: str, error: BaseException, *, attempt: int, delay_s: float) -> None:
        """The handler could not do it now; the entry stays pending."""
        self._handled.labels(stream, "retried").inc()
        _log.warning(
            f"stream {stream}: entry {entry_id} stays pending, again in {delay_s:.1f}s: "
            f"{type(error).__name__}: {error}",
            attempt=attempt,
        )

    def dead_lettered(self, stream: str, entry_id: str, why: str, *, deliveries: int | None) -> None:
        """The entry can never be handled and is with the dead letters now."""
        self._handled.labels(stream, "dead").inc()
        _log.error(f"stream {stream}: entry {entry_id} is poison and was dead-lettered: {why}", deliveries=deliveries)

    def lost(self, stream: str, entry_ids: Sequence[str]) -> None:
        """Commands were deleted or trimmed before they were handled: nobody will ever act on them."""
        self._lost.labels(stream).inc(len(entry_ids))
        _log.critical(f"stream {stream}: LOST COMMAND: deleted before it was handled: {', '.join(entry_ids)}")

    def taken_over(self, stream: str, entry_ids: Sequence[str]) -> None:
        """Another consumer claimed what we had in hand: we were too slow to say that we are alive."""
        self._stolen.labels(stream).inc(len(entry_ids))
        _log.warning(f"stream {stream}: another consumer took over while in hand: {', '.join(entry_ids)}")

    def heartbeat_failed(self, stream: str, error: BaseException) -> None:
        """A heartbeat did not get through; another consumer may claim the entry if this goes on."""
        _log.warning(f"stream {stream}: heartbeat failed: {type(error).__name__}: {error}")

    def undecodable(self, stream: str, entry_id: str, error: BaseException) -> None:
        """A state stream held an entry that nobody can read; the next one counts."""
        self._handled.labels(stream, "undecodable").inc()
        _log.error(f"stream {stream}: entry {entry_id} cannot be decoded and is passed over: {error}")

    def backlog(self, stream: str, entries: int, oldest_s: Callable[[], float]) -> None:
        """What a group has not finished; the age is asked for at each scrape."""
        self._unfinished.labels(stream).set(entries)
        self._oldest.labels(stream).set_function(oldest_s)
        self._backlog_works(stream)

    def dead_letters(self, stream: str, entries: int) -> None:
        """How many there are, whoever put them there and whenever."""
        self._dead.labels(stream).set(entries)
        self._backlog_works(stream)

    def backlog_unreadable(self, stream: str, error: Exception) -> None:
        """No number instead of an old one. Told once for each cause; that Redis is away, the loop tells."""
        for metric in (self._unfinished, self._oldest, self._dead):
            metric.remove(stream)
        self._readable.labels(stream).set(0)
        failure = f"{type(error).__name__}: {error}"
        if failure != self._backlog_told.get(stream):
            self._backlog_told[stream] = failure
            if not is_transient(error):
                _log.error(f"stream {stream}: how much is not finished cannot be read, work goes on: {failure}")

    def _backlog_works(self, stream: str) -> None:
        self._readable.labels(stream).set(1)
        if self._backlog_told.pop(stream, None):
            _log.info(f"stream {stream}: how much is not finished can be read")
