"""Everything that the executor logs, counts and traces."""

from collections.abc import Sequence
from contextlib import AbstractContextManager

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode

from authority.operators import OperatorsSeen
from contracts.flattening import FlattenCompleted, OrderState, RunVerdict
from exchange.errors import KeyRejected
from flatten_executor.core.orders import OrderRecord
from flatten_executor.last_run import LastRun
from runtime import tracing
from runtime.latch import LatchState
from runtime.logs import get_logger
from runtime.metrics import Metrics, exemplar

_log = get_logger("flatten_executor")
_FILLED = frozenset({OrderState.FILLED})


class Observer:
    """Logs, metrics and order spans of one executor."""

    def __init__(self, metrics: Metrics) -> None:
        self._cold = ""
        """Why the exchange is not warm, as it was told; empty when it is."""
        self._runs = metrics.counter(
            "flatten_runs_total", "Runs that ended, by verdict", ("verdict",), [(verdict,) for verdict in RunVerdict]
        )
        self._begun = metrics.counter(
            "flatten_runs_begun_total",
            "Runs begun: new, or resumed after a crash",
            ("begun",),
            [("new",), ("resumed",)],
        )
        self._orders = metrics.counter(
            "flatten_orders_total",
            "Answers to orders, by what became of them",
            ("state",),
            [(state,) for state in OrderState],
        )
        self._answer_seconds = metrics.histogram("flatten_order_seconds", "From sending an order to its answer")
        self._flat_seconds = metrics.histogram("flatten_run_seconds", "From the request to the verdict")
        self._reads_failed = metrics.counter(
            "flatten_reads_failed_total",
            "Readings of the exchange that failed",
            ("what",),
            [("positions",), ("resting orders",), ("mark prices",), ("order",), ("instruments",)],
        )
        self._last_run = LastRun(metrics)
        self._running = metrics.gauge("flatten_running", "1 while a run is in hand")
        self._latch = metrics.gauge("flatten_ess_latch", "1 while the ESS latch is set and can be read")

    def begun(self, request_id: str, *, fence: int, resumed: bool, objections: Sequence[str]) -> None:
        """A run is in hand."""
        self._running.set(1)
        self._begun.labels("resumed" if resumed else "new").inc()
        verb = "resumed after an interruption" if resumed else "begun"
        _log.warning(f"FLATTEN {verb} request_id={request_id} fence={fence}")
        for objection in objections:
            _log.error(f"FLATTEN sends nothing request_id={request_id}: {objection}")

    def left(self) -> None:
        """The run is out of hand, whatever became of it."""
        self._running.set(0)

    def repeated(self, request_id: str) -> None:
        """A request came again whose verdict is on record."""
        _log.info(f"FLATTEN repeat ignored request_id={request_id}: its verdict is on record")

    def reading_failed(self, what: str, error: Exception) -> None:
        """The exchange could not be read; it will be tried again, or done without, as the caller says."""
        kind = "order" if what.startswith("order ") else what
        self._reads_failed.labels(kind).inc()
        _log.warning(f"reading {what} failed: {error}")

    def cancel_failed(self, symbol: str, error: Exception) -> None:
        """A cancel did not work; the reading after it shows what is left."""
        _log.warning(f"cancelling resting orders of {symbol} failed: {error}")

    def waiting_for_lease(self, request_id: str, left_ms: int) -> None:
        """An executor of this name had the run until just now."""
        _log.warning(f"FLATTEN waits {left_ms} ms request_id={request_id}: its former executor may still be sending")

    def waiting_for_latch(self, detail: str) -> None:
        """Whether a request may run at all hangs on the latch, which is looked at again for a while."""
        _log.warning(f"FLATTEN waits for the latch: {detail}")

    def pausing(self, request_id: str, detail: str) -> None:
        """Nothing is sent while the latch cannot be read."""
        _log.warning(f"FLATTEN pauses request_id={request_id}: {detail}")

    def stopping(self, request_id: str, reason: str) -> None:
        """From now on nothing is sent; what has left is still accounted for."""
        _log.error(f"FLATTEN stops sending request_id={request_id}: {reason}")

    def going_on(self, request_id: str) -> None:
        """The latch can be read again, and is set."""
        _log.warning(f"FLATTEN goes on request_id={request_id}: the latch is set and can be read again")

    def aborts_unreadable(self, error: Exception) -> None:
        """Nobody can abort the run for the moment."""
        _log.warning(f"aborts cannot be read: {type(error).__name__}")

    def abort_undecodable(self, entry_id: str, error: Exception) -> None:
        """Something in the stream of aborts cannot be read: nothing is stopped by it."""
        _log.error(f"abort {entry_id} cannot be read and stops nothing: {error}")

    def answered(self, records: Sequence[OrderRecord], sent_at_ms: int, answered_at_ms: int) -> None:
        """Answers to one wave of orders: a span for each, in the run's trace."""
        tracer = tracing.tracer()
        for record in records:
            self._orders.labels(record.state).inc()
            self._answer_seconds.observe((answered_at_ms - sent_at_ms) / 1000, exemplar())
            span = tracer.start_span(
                f"order {record.symbol}",
                kind=SpanKind.CLIENT,
                start_time=sent_at_ms * 1_000_000,
                attributes={
                    "flatguard.symbol": record.symbol,
                    "flatguard.client_order_id": record.client_order_id,
                    "flatguard.exchange_order_id": record.exchange_order_id,
                    "flatguard.order_state": str(record.state),
                    "flatguard.round": record.round_number,
                },
            )
            if record.state not in _FILLED:
                span.set_status(StatusCode.ERROR, str(record.state))
                _log.warning(f"order {record.client_order_id} {record.symbol} {record.state}: {record.detail}")
            span.end(answered_at_ms * 1_000_000)

    def finishing(self, completed: FlattenCompleted) -> AbstractContextManager[Span]:
        """A span around publishing the verdict."""
        return tracing.producer_span(completed.stream, conversation_id=completed.request_id)

    def finished(self, completed: FlattenCompleted) -> None:
        """The verdict is on record."""
        counts = completed.counts
        self._runs.labels(completed.verdict).inc()
        self._flat_seconds.observe(
            max(0, completed.timings.finished_at_ms - completed.timings.requested_at_ms) / 1000, exemplar()
        )
        self.on_record(completed, tracing.current_traceparent())
        trace.get_current_span().set_attributes(
            {"flatguard.verdict": str(completed.verdict), "flatguard.request_id": completed.request_id}
        )
        say = _log.info if completed.verdict is RunVerdict.FLAT else _log.error
        say(
            f"TESTNET_FLATTEN done symbols_seen={counts.seen} nonzero={counts.nonzero} "
            f"above_notional={counts.filtered} orders_sent={counts.orders_sent} orders_ok={counts.orders_ok} "
            f"errors={counts.errors} verdict={completed.verdict}"
        )
        _log.info(f"FLATTEN on record request_id={completed.request_id} audit_head={completed.audit_head}")
        if completed.abort_reason:
            _log.error(f"FLATTEN aborted: {completed.abort_reason}")
        for note in completed.notes:
            _log.warning(f"FLATTEN note: {note}")
        for left in completed.residual:
            _log.error(
                f"FLATTEN still open {left.symbol} {left.position_side} quantity={left.quantity} "
                f"notional_usd={left.notional_usd}: {left.reason}"
            )
        tracing.flush_soon()

    def on_record(self, completed: FlattenCompleted, traceparent: str | None) -> None:
        """The newest verdict in the stream, also one from before this process started."""
        self._last_run.show(completed, tracing.trace_id_of(traceparent))

    def history_unreadable(self, problem: str) -> None:
        """The last verdict could not be read; the gauges stay as they are until the next run."""
        _log.error(f"the last verdict cannot be read: {problem}")

    def latch_seen(self, state: LatchState) -> None:
        """What a look at the latch showed."""
        self._latch.set(state.is_set)

    def exchange_cold(self, error: Exception) -> None:
        """The exchange could not be prepared for: a flatten would take longer, or fail. Told once for each cause."""
        text = f"the exchange is not warm: {error}"
        if isinstance(error, KeyRejected):
            text = (
                "the exchange rejects the key, nothing could be closed: check EXCHANGE_API_KEY and EXCHANGE_API_SECRET,"
                f" and the addresses that the key allows: {error}"
            )
        kind = f"{type(error).__name__} {getattr(error, 'code', '')}"
        if kind != self._cold:
            self._cold = kind
            _log.error(text)

    def exchange_warm(self) -> None:
        """The exchange is prepared for; told when it was not before."""
        if self._cold:
            self._cold = ""
            _log.info("the exchange is warm again")

    def operators_seen(self, seen: OperatorsSeen) -> None:
        """What the operators' file says now; told when it changed."""
        (_log.info if seen.operators else _log.warning)(seen.told)

    def refuses_everything(self, reasons: Sequence[str]) -> None:
        """The settings alone forbid every flatten."""
        _log.warning(f"every request will be refused: {'; '.join(reasons)}")
