"""Traces: one from the arm to the last order, carried through the streams as W3C `traceparent`.

Export is OTLP over HTTP, in batches, on a thread of its own: a collector that is down costs nothing but its spans.
Reading state (tails, polls) makes no spans.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, Sampler, SamplingResult, TraceIdRatioBased
from opentelemetry.trace import Link, Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.trace.span import TraceState
from opentelemetry.util.types import Attributes

from runtime import messaging
from runtime.telemetry import is_disabled, traces_endpoint

if TYPE_CHECKING:
    from contracts.base import Event
    from runtime.entries import Entry

SCOPE = "flatguard"
RARE_RATIO = 0.01
SCHEDULE_DELAY_MS = 500
FLUSH_S = 2.0
_log = structlog.get_logger("runtime.tracing")
_propagator = TraceContextTextMapPropagator()


class _Current:
    """The process's tracer provider. Without `setup_tracing` the API's own, which records nothing."""

    provider: TracerProvider | None = None
    flush_wanted = False
    flushing: asyncio.Task[None] | None = None


class HintSampler(Sampler):
    """Samples a root span always, unless it carries the hint that it is routine: then one in a hundred."""

    def __init__(self, rare_ratio: float = RARE_RATIO) -> None:
        self._rarely = TraceIdRatioBased(rare_ratio)

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Decide for one root span."""
        rare = attributes is not None and attributes.get(messaging.SAMPLING) == messaging.RARELY
        sampler: Sampler = self._rarely if rare else ALWAYS_ON
        return sampler.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        """How the sampler calls itself in diagnostics."""
        return f"Hint{{{self._rarely.get_description()}}}"


def setup_tracing(service_name: str, version: str, environ: Mapping[str, str]) -> TracerProvider | None:
    """Make this process's spans; export them when an OTLP endpoint is set. Nothing when OTEL_SDK_DISABLED is true.

    Without an endpoint spans are made all the same: their ids join log lines and travel with the events.
    """
    if is_disabled(environ):
        _Current.provider = None
        return None
    # An entry whose sender did not sample is still the flatten path: sampled always.
    ours = ParentBased(HintSampler(), remote_parent_not_sampled=ALWAYS_ON)
    provider = TracerProvider(
        sampler=None if environ.get("OTEL_TRACES_SAMPLER") else ours,
        resource=Resource.create({"service.name": service_name, "service.version": version}),
        shutdown_on_exit=False,
    )
    if endpoint := traces_endpoint(environ):
        delay_ms = None if environ.get("OTEL_BSP_SCHEDULE_DELAY") else SCHEDULE_DELAY_MS
        exporter = OTLPSpanExporter(endpoint=endpoint)
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=delay_ms))
    _Current.provider = provider
    return provider


def tracer() -> trace.Tracer:
    """The tracer of this process."""
    if _Current.provider is None:
        return trace.NoOpTracer()
    return _Current.provider.get_tracer(SCOPE)


async def flush(timeout_s: float = 1.0) -> bool:
    """Send what is queued. Waits at most `timeout_s`, off the event loop; False when it was not done by then."""
    provider = _Current.provider
    if provider is None:
        return True
    return await _bounded(provider.force_flush, timeout_s)


def flush_soon() -> None:
    """Send what is queued, soon and in the background: for after a terminal event, whose process may die any moment.

    What ends before the event loop turns next goes along, the span of the entry in hand among it. One flush runs at a
    time; what it cannot send within `FLUSH_S` is logged, and left to the export. Needs a running event loop.
    """
    if _Current.provider is None:
        return
    _Current.flush_wanted = True
    if _Current.flushing is None or _Current.flushing.done():
        _Current.flushing = asyncio.create_task(_flush_wanted())


async def shutdown(timeout_s: float = 2.0) -> bool:
    """Send what is queued and end the export. Waits at most `timeout_s`; what is not sent by then is lost."""
    provider, _Current.provider = _Current.provider, None
    if provider is None:
        return True
    return await _bounded(provider.shutdown, timeout_s)


def current_traceparent() -> str | None:
    """The current span as W3C `traceparent`, or nothing outside of any span."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent")


def parent_of(traceparent: str | None) -> Context:
    """The context to start a span in whose parent is `traceparent`; a malformed one counts as none."""
    return _propagator.extract({"traceparent": traceparent} if traceparent else {}, context=Context())


def trace_id_of(traceparent: str | None) -> str:
    """The trace that `traceparent` names, in hex; empty when there is none or it is malformed."""
    context = trace.get_current_span(parent_of(traceparent)).get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else ""


def link_to(traceparent: str | None) -> tuple[Link, ...]:
    """A link to the span that `traceparent` names: for what informed a decision without causing it."""
    context = trace.get_current_span(parent_of(traceparent)).get_span_context()
    return (Link(context),) if context.is_valid else ()


def span(
    name: str, *, attributes: Attributes = None, links: Sequence[Link] = (), rarely: bool = False
) -> AbstractContextManager[Span]:
    """A span inside the current one. `rarely`: routine work; as a root it is sampled once in a hundred."""
    return _started(name, SpanKind.INTERNAL, _hinted(attributes, rarely=rarely), links=links)


def client_span(name: str, *, attributes: Attributes = None) -> AbstractContextManager[Span]:
    """A span around a call to another system."""
    return _started(name, SpanKind.CLIENT, attributes)


def producer_span(
    destination: str, *, message_id: str = "", conversation_id: str = "", rarely: bool = False
) -> AbstractContextManager[Span]:
    """A span around the publishing of one event to the stream `destination`."""
    attributes = _messaging(destination, messaging.SEND, message_id, conversation_id)
    return _started(f"{messaging.SEND} {destination}", SpanKind.PRODUCER, _hinted(attributes, rarely=rarely))


def consumer_span(entry: "Entry[Event]", group: str) -> AbstractContextManager[Span]:
    """A span around the handling of one entry; its parent is the span that published the entry."""
    destination = entry.event.stream
    attributes = _messaging(destination, messaging.PROCESS, entry.id, "") | {messaging.GROUP: group}
    if entry.deliveries is not None:
        attributes[messaging.DELIVERIES] = entry.deliveries
    name = f"{messaging.PROCESS} {destination}"
    return _started(name, SpanKind.CONSUMER, attributes, parent=entry.trace_context)


@contextmanager
def _started(
    name: str, kind: SpanKind, attributes: Attributes, *, links: Sequence[Link] = (), parent: Context | None = None
) -> Iterator[Span]:
    """A current span. An exception sets its status by type only: its text may hold anything (I18)."""
    with tracer().start_as_current_span(
        name, parent, kind, attributes, links, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield current
        except BaseException as error:
            current.set_attribute("error.type", type(error).__name__)
            current.set_status(StatusCode.ERROR, type(error).__name__)
            raise


def _messaging(destination: str, operation: str, message_id: str, conversation_id: str) -> dict[str, str | int]:
    attributes: dict[str, str | int] = {
        messaging.SYSTEM: messaging.SYSTEM_REDIS,
        messaging.OPERATION_NAME: operation,
        messaging.OPERATION_TYPE: operation,
        messaging.DESTINATION: destination,
    }
    if message_id:
        attributes[messaging.MESSAGE_ID] = message_id
    if conversation_id:
        attributes[messaging.CONVERSATION_ID] = conversation_id
    return attributes


def _hinted(attributes: Attributes, *, rarely: bool) -> Attributes:
    return {**(attributes or {}), messaging.SAMPLING: messaging.RARELY} if rarely else attributes


async def _flush_wanted() -> None:
    while _Current.flush_wanted:
        _Current.flush_wanted = False
        if not await flush(FLUSH_S):
            _log.warning(f"telemetry could not be sent within {FLUSH_S:g} s; it is sent later, if at all")


async def _bounded(call: Callable[[], object], timeout_s: float) -> bool:
    """Run a blocking call on a daemon thread, so that neither the loop nor the process's end waits for it."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def work() -> None:
        try:
            call()
        finally:
            try:
                loop.call_soon_threadsafe(done.set)
            except RuntimeError:  # the loop is closed: nobody waits any more
                return

    threading.Thread(target=work, name="telemetry-flush", daemon=True).start()
    try:
        async with asyncio.timeout(timeout_s):
            await done.wait()
    except TimeoutError:
        return False
    return True
