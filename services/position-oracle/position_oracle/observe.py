"""Everything that the oracle says: logs, metrics and spans, one method for each thing that happens."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from contracts.positions import PositionSnapshot
from runtime import tracing
from runtime.clock import Clock
from runtime.metrics import Metrics

_log = structlog.get_logger("position_oracle")
_RESULTS = ("published", "read_failed", "read_unusable", "key_rejected", "not_published")
_SAY_AGAIN_S = 60.0
_ROWS_SHOWN = 5


class Observer:
    """The oracle's voice: one for each process."""

    def __init__(self, metrics: Metrics, clock: Clock) -> None:
        results = [(result,) for result in _RESULTS]
        self._polls = metrics.counter("oracle_polls_total", "Polls of the exchange by result", ("result",), results)
        self._seconds = metrics.histogram("oracle_poll_seconds", "Time to read positions and marks")
        self._seen = metrics.gauge("oracle_symbols_seen", "Rows that the exchange returned")
        self._open = metrics.gauge("oracle_positions_open", "Rows with a quantity that is not zero, dust included")
        self._unreadable = metrics.gauge(
            "oracle_unreadable_rows", "Rows that could not be read: positions may hide there"
        )
        age = metrics.gauge(
            "oracle_snapshot_age_seconds", "Age of the newest published snapshot; +Inf before the first"
        )
        age.set_function(self.snapshot_age_s)
        self._clock = clock
        self._taken_at_ms: int | None = None
        self._trouble = ""
        self._told_at_s = 0.0
        self._unreadable_told: frozenset[tuple[str, str]] = frozenset()

    def snapshot_age_s(self) -> float:
        """How old the newest published snapshot is; infinity when there is none."""
        if self._taken_at_ms is None:
            return math.inf
        return max(0, self._clock.now_ms() - self._taken_at_ms) / 1000

    @contextmanager
    def publishing(self, snapshot: PositionSnapshot) -> Iterator[None]:
        """The snapshot is being written; the span is sampled rarely, since there is one every second."""
        with tracing.producer_span(snapshot.stream, message_id=snapshot.snapshot_id, rarely=True):
            yield

    def read(self, seconds: float) -> None:
        """The exchange answered."""
        self._seconds.observe(seconds)

    def published(self, snapshot: PositionSnapshot) -> None:
        """The snapshot is in the stream."""
        self._polls.labels("published").inc()
        self._seen.set(snapshot.symbols_seen)
        self._open.set(len(snapshot.positions))
        self._unreadable.set(len(snapshot.unreadable))
        first, self._taken_at_ms = self._taken_at_ms is None, snapshot.taken_at_ms
        self._tell_unreadable(snapshot)
        if first or self._trouble:
            self._trouble = ""
            _log.info(
                f"snapshots are published: seen={snapshot.symbols_seen} open={len(snapshot.positions)}"
                f" unreadable={len(snapshot.unreadable)}"
            )

    def read_failed(self, error: Exception) -> None:
        """The exchange gave no answer: nothing is published, and the snapshot's age grows."""
        self._failed("read_failed", f"the exchange could not be read, nothing is published: {error}")

    def read_unusable(self, error: Exception) -> None:
        """The exchange's answer cannot be trusted: it never becomes a snapshot (I14)."""
        self._failed("read_unusable", f"the exchange's answer cannot be trusted, nothing is published: {error}")

    def key_rejected(self, error: Exception) -> None:
        """A person has to look at the key."""
        self._failed(
            "key_rejected",
            f"the exchange rejects the key: check EXCHANGE_API_KEY and EXCHANGE_API_SECRET, their permission to read,"
            f" and the addresses that the key allows: {error}",
        )

    def not_published(self, error: Exception) -> None:
        """Redis did not take the snapshot; the next one replaces it."""
        self._failed("not_published", f"Redis did not take the snapshot: {type(error).__name__}: {error}")

    def _failed(self, result: str, text: str) -> None:
        """Count always; tell when the trouble is another one, and again every minute."""
        self._polls.labels(result).inc()
        now_s = self._clock.monotonic_s()
        if result != self._trouble or now_s - self._told_at_s >= _SAY_AGAIN_S:
            self._trouble, self._told_at_s = result, now_s
            _log.error(text)

    def _tell_unreadable(self, snapshot: PositionSnapshot) -> None:
        rows = frozenset((row.symbol, row.field) for row in snapshot.unreadable)
        if rows == self._unreadable_told:
            return
        self._unreadable_told = rows
        if not rows:
            _log.info("every row can be read again")
            return
        shown = "; ".join(f"{row.symbol} {row.field}: {row.problem}" for row in snapshot.unreadable[:_ROWS_SHOWN])
        more = f"; and {len(rows) - _ROWS_SHOWN} more" if len(rows) > _ROWS_SHOWN else ""
        _log.error(f"{len(snapshot.unreadable)} rows cannot be read, positions may hide there: {shown}{more}")
