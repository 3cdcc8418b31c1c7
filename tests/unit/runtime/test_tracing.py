"""One trace from end to end, sampled always on the flatten path and seldom elsewhere."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from structlog.testing import capture_logs

from contracts import codec
from contracts.arming import DisarmRequested
from runtime import tracing
from runtime.entries import Entry, entry_fields
from support.patience import HANG_S
from support.streaming import disarm

TRACE = "0af7651916cd43dd8448eb211c80319c"
UNSAMPLED = f"00-{TRACE}-b7ad6b7169203331-00"


@pytest.fixture
async def spans() -> AsyncIterator[InMemorySpanExporter]:
    provider = tracing.setup_tracing("test", "1", {})
    assert provider is not None
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield exporter
    await tracing.shutdown()


def entry(traceparent: str | None) -> Entry[DisarmRequested]:
    fields = codec.encode(disarm("a"), source="/t", subject="s", event_id="e", time_ms=1, traceparent=traceparent)
    decoded = codec.decode(fields)
    assert isinstance(decoded.event, DisarmRequested)
    return Entry(id="1-0", stream="ns:stream:flatten.arm", event=decoded.event, envelope=decoded.envelope, deliveries=2)


def test_an_entry_is_handled_in_a_child_of_who_published_it(spans: InMemorySpanExporter) -> None:
    with tracing.producer_span("flatten.arm", message_id="e", conversation_id="c"):
        fields = entry_fields(disarm("a"), source="/t", subject="s", event_id="e", time_ms=1)
    received = codec.decode(dict(zip(fields[::2], fields[1::2], strict=True)))
    with tracing.consumer_span(entry(received.envelope.traceparent), "governor"):
        pass

    send, process = spans.get_finished_spans()
    assert (send.name, process.name) == ("send flatten.arm", "process flatten.arm")
    assert process.context.trace_id == send.context.trace_id
    assert process.parent is not None
    assert process.parent.span_id == send.context.span_id
    assert dict(process.attributes or {}) == {
        "messaging.system": "redis",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "flatten.arm",
        "messaging.message.id": "1-0",
        "messaging.consumer.group.name": "governor",
        "flatguard.deliveries": 2,
    }
    assert (send.attributes or {})["messaging.message.conversation_id"] == "c"


def test_the_flatten_path_is_sampled_even_when_its_sender_was_not(spans: InMemorySpanExporter) -> None:
    with tracing.consumer_span(entry(UNSAMPLED), "governor"), tracing.span("judge"):
        pass

    assert [f"{span.context.trace_id:032x}" for span in spans.get_finished_spans()] == [TRACE, TRACE]


def test_routine_work_is_sampled_seldom_and_its_children_follow(spans: InMemorySpanExporter) -> None:
    for _ in range(2_000):
        with tracing.span("poll", rarely=True), tracing.client_span("read"):
            pass

    names = [span.name for span in spans.get_finished_spans()]
    assert names.count("poll") == names.count("read")
    assert 0 < names.count("poll") < 100


def test_what_informed_a_decision_is_linked_not_a_parent(spans: InMemorySpanExporter) -> None:
    with tracing.span("judge", links=tracing.link_to(UNSAMPLED)):
        pass

    (span,) = spans.get_finished_spans()
    assert span.parent is None
    assert [f"{link.context.trace_id:032x}" for link in span.links] == [TRACE]


def test_an_error_marks_the_span_by_type_and_never_by_text(spans: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="hunter2"), tracing.span("judge"):
        raise ValueError("hunter2-secret")

    (span,) = spans.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert "hunter2" not in span.to_json()


@given(st.text(max_size=80))
def test_a_malformed_traceparent_counts_as_none(text: str) -> None:
    assert tracing.link_to(text if text != UNSAMPLED else "") == ()


def test_outside_of_any_span_an_entry_has_no_traceparent() -> None:
    assert "traceparent" not in entry_fields(disarm("a"), source="/t", subject="s", event_id="e", time_ms=1)


@pytest.mark.parametrize("disabled", ["true", "TRUE "])
async def test_tracing_can_be_disabled(disabled: str) -> None:
    assert tracing.setup_tracing("test", "1", {"OTEL_SDK_DISABLED": disabled}) is None

    with tracing.span("judge") as span:
        assert not span.get_span_context().is_valid
    assert await tracing.flush() is True
    assert await tracing.shutdown() is True


class HeldBack(SpanProcessor):
    """An export that holds everything back until it is flushed, and a flush until it is let go."""

    def __init__(self) -> None:
        self.queued: list[str] = []
        self.sent: list[list[str]] = []
        self.begun = asyncio.Semaphore(0)
        self.let_go = threading.Semaphore(0)
        self._loop = asyncio.get_running_loop()

    def on_end(self, span: ReadableSpan) -> None:
        self.queued.append(span.name)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Takes what is queued, then waits."""
        self.sent.append(self.queued[:])
        self.queued.clear()
        self._loop.call_soon_threadsafe(self.begun.release)
        return self.let_go.acquire(timeout=timeout_millis / 1000)


@pytest.fixture
async def export() -> AsyncIterator[HeldBack]:
    provider = tracing.setup_tracing("test", "1", {})
    assert provider is not None
    held_back = HeldBack()
    provider.add_span_processor(held_back)
    yield held_back
    held_back.let_go.release(9)
    await tracing.shutdown()


async def flushed() -> None:
    """Return once no flush is under way."""
    assert tracing._Current.flushing is not None  # noqa: SLF001 - a background task has no other handle
    await tracing._Current.flushing  # noqa: SLF001 - as above


async def test_a_flush_takes_the_span_in_hand_along_and_nobody_waits_for_it(export: HeldBack) -> None:
    with tracing.span("entry in hand"):
        tracing.flush_soon()
    assert export.sent == []

    async with asyncio.timeout(HANG_S):
        await export.begun.acquire()
        with tracing.span("work goes on"):
            pass
        assert export.sent == [["entry in hand"]]
        export.let_go.release()
        await flushed()


async def test_flushes_that_are_asked_for_during_one_are_one_more(export: HeldBack) -> None:
    async with asyncio.timeout(HANG_S):
        tracing.flush_soon()
        await export.begun.acquire()
        for name in ("a", "b"):
            with tracing.span(name):
                tracing.flush_soon()
        export.let_go.release(2)
        await flushed()

    assert export.sent == [[], ["a", "b"]]


async def test_a_flush_that_takes_too_long_is_logged_and_not_waited_for(
    export: HeldBack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "FLUSH_S", 0.01)
    with capture_logs() as lines:
        async with asyncio.timeout(HANG_S):
            tracing.flush_soon()
            await flushed()

    assert [line["event"] for line in lines] == [
        "telemetry could not be sent within 0.01 s; it is sent later, if at all"
    ]


def test_without_traces_a_flush_is_nothing_and_needs_no_event_loop() -> None:
    tracing.flush_soon()
