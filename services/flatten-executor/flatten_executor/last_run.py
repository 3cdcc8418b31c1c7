"""The last run on record, as gauges: how it ended, where its time went, and what became of each position."""

from collections.abc import Iterator, Sequence

from contracts.flattening import FlattenCompleted, PositionOutcome, RunVerdict, Timings
from runtime.metrics import Metrics, Rows

_STAGES = ("seen", "nonzero", "filtered", "sent", "ok")
_INFO, _SECONDS = "flatten_last_run_info", "flatten_last_seconds"
_USD, _QUANTITY, _FATE = (f"flatten_last_position_{what}" for what in ("usd", "quantity", "fate"))
_POSITION = ("symbol", "position_side")
_LIVE = (
    (_INFO, "1, with what leads to the last run's trace and log", ("request_id", "trace_id", "verdict")),
    (
        _SECONDS,
        "Parts of the last run: judging, starting, reading, closing, verifying, telling; whole: from the request",
        ("part",),
    ),
    (_USD, "Notional of each position before the last run; absent without a price", _POSITION),
    (
        _QUANTITY,
        "Signed quantity of each position before and after the last run; absent while unknown",
        (*_POSITION, "when"),
    ),
    (_FATE, "1 for what became of each position in the last run", (*_POSITION, "fate")),
)


class LastRun:
    """Gauges of one run: of the newest that is known, and of no other. Read from the stream, they outlive a restart."""

    def __init__(self, metrics: Metrics) -> None:
        self._rows: dict[str, Rows] = {}
        self._timestamp = metrics.gauge(
            "flatten_last_finished_timestamp_seconds",
            "When the last run ended; from the stream, so it outlives a restart",
        )
        self._verdict = metrics.gauge(
            "flatten_last_verdict",
            "1 for the verdict of the last run",
            ("verdict",),
            [(verdict,) for verdict in RunVerdict],
        )
        self._counts = metrics.gauge(
            "flatten_last_positions",
            "The funnel of the last run, in positions",
            ("stage",),
            [(name,) for name in _STAGES],
        )
        self._residual = metrics.gauge("flatten_last_residual_usd", "Notional that the last run left open")
        self._unknown = metrics.gauge("flatten_last_unknown_orders", "Orders of the last run that stayed unknown")
        for name, meaning, labels in _LIVE:
            metrics.live_gauge(name, meaning, labels, lambda name=name: self._rows.get(name, ()))  # type: ignore[misc]  # a default binds the name

    def show(self, completed: FlattenCompleted, trace_id: str) -> None:
        """This run, in place of the one before."""
        self._timestamp.set(completed.timings.finished_at_ms / 1000)
        for verdict in RunVerdict:
            self._verdict.labels(verdict).set(verdict is completed.verdict)
        for stage in _STAGES:
            self._counts.labels(stage).set(getattr(completed.counts, stage))
        self._residual.set(float(completed.residual_notional_usd))
        self._unknown.set(completed.counts.unknown)
        self._rows = {
            _INFO: [((completed.request_id, trace_id, completed.verdict.value), 1)],
            _SECONDS: [((part,), seconds) for part, seconds in _parts(completed.timings)],
            **_positions(completed.outcomes),
        }


def _positions(outcomes: Sequence[PositionOutcome]) -> dict[str, Rows]:
    """A position that is told twice is shown once: a scrape with a repeated row would be refused whole."""
    by_key = {(each.symbol, each.position_side.value): each for each in outcomes}.items()
    before = [((*key, "before"), float(each.quantity_before)) for key, each in by_key]
    after = [((*key, "after"), float(each.quantity_after)) for key, each in by_key if each.quantity_after is not None]
    return {
        _USD: [(key, float(each.notional_usd)) for key, each in by_key if each.notional_usd is not None],
        _QUANTITY: [*before, *after],
        _FATE: [((*key, each.fate.value), 1) for key, each in by_key],
    }


def _parts(timings: Timings) -> Iterator[tuple[str, float]]:
    """Each part that was reached, in order. Two machines' clocks may differ: no part is shorter than nothing."""
    moments = (
        ("judging", timings.armed_at_ms, timings.requested_at_ms),
        ("starting", timings.requested_at_ms, timings.started_at_ms),
        ("reading", timings.started_at_ms, timings.first_order_at_ms),
        ("closing", timings.first_order_at_ms, timings.last_order_at_ms),
        ("verifying", timings.last_order_at_ms, timings.verified_at_ms),
        ("telling", timings.verified_at_ms, timings.finished_at_ms),
        ("whole", timings.requested_at_ms, timings.finished_at_ms),
    )
    for part, began_ms, ended_ms in moments:
        if began_ms is not None and ended_ms is not None:
            yield part, max(0, ended_ms - began_ms) / 1000
