"""A collector: receives real OTLP over HTTP and keeps the spans and the log lines."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any, Self, TypeVar

from aiohttp import web
from msgspec import Struct
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from support.http_server import serve
from support.patience import HANG_S

T = TypeVar("T")


class ReceivedSpan(Struct, frozen=True, kw_only=True):
    """One span as it came over the wire; ids in hex, no parent as an empty text."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, Any]
    linked_trace_ids: tuple[str, ...]
    failed: bool


class ReceivedLine(Struct, frozen=True, kw_only=True):
    """One log line as it came over the wire; ids in hex, empty outside of any span."""

    service: str
    severity: str
    body: str
    trace_id: str
    span_id: str


class OtlpReceiver:
    """`async with OtlpReceiver() as collector:`, then set OTEL_EXPORTER_OTLP_ENDPOINT to `collector.endpoint`."""

    def __init__(self, *, answer_after_s: float = 0.0) -> None:
        self.spans: list[ReceivedSpan] = []
        self.lines: list[ReceivedLine] = []
        self.bodies: list[bytes] = []
        """What came, as it came."""
        self.asked: list[tuple[str, str]] = []
        """Path with query, and headers, of each request."""
        self.endpoint = ""
        self._answer_after_s = answer_after_s
        self._news = asyncio.Condition()
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self.endpoint = await self._open.enter_async_context(serve(self._app()))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    async def wait_span(
        self, wanted: str | Callable[[ReceivedSpan], bool], *, timeout_s: float = HANG_S
    ) -> ReceivedSpan:
        """The first span with that name, or that the predicate accepts."""
        accept = wanted if callable(wanted) else lambda span: span.name == wanted
        return (await self._wait(lambda: [span for span in self.spans if accept(span)], str(wanted), timeout_s))[0]

    async def wait_line(self, part: str, *, timeout_s: float = HANG_S) -> ReceivedLine:
        """The first log line with that text in it."""
        return (await self._wait(lambda: [line for line in self.lines if part in line.body], part, timeout_s))[0]

    async def wait_trace(
        self, trace_id: str, whole: Callable[[list[ReceivedSpan]], bool], *, timeout_s: float = HANG_S
    ) -> list[ReceivedSpan]:
        """Every span of one trace, once the predicate finds it whole: spans come in batches, in any order."""

        def found() -> list[ReceivedSpan]:
            spans = self.trace(trace_id)
            return spans if whole(spans) else []

        return await self._wait(found, f"the whole trace {trace_id}", timeout_s)

    def trace(self, trace_id: str) -> list[ReceivedSpan]:
        """Every span of one trace that came so far."""
        return [span for span in self.spans if span.trace_id == trace_id]

    async def _wait(self, found: Callable[[], list[T]], what: str, timeout_s: float) -> list[T]:
        """What is found, once something is; looked for whenever something came."""
        try:
            async with asyncio.timeout(timeout_s), self._news:
                while not (wanted := found()):
                    await self._news.wait()
                return wanted
        except TimeoutError:
            names = Counter(f"{span.service}: {span.name}" for span in self.spans)
            raise AssertionError(f"{what} did not come; there were {dict(names)}") from None

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/v1/traces", self._receive_spans)
        app.router.add_post("/v1/logs", self._receive_lines)
        return app

    async def _receive_lines(self, request: web.Request) -> web.Response:
        batch = ExportLogsServiceRequest.FromString(await self._body(request))
        async with self._news:
            self.lines += _lines(batch)
            self._news.notify_all()
        body = ExportLogsServiceResponse().SerializeToString()
        return web.Response(body=body, content_type="application/x-protobuf")

    async def _receive_spans(self, request: web.Request) -> web.Response:
        batch = ExportTraceServiceRequest.FromString(await self._body(request))
        async with self._news:
            self.spans += _spans(batch)
            self._news.notify_all()
        body = ExportTraceServiceResponse().SerializeToString()
        return web.Response(body=body, content_type="application/x-protobuf")

    async def _body(self, request: web.Request) -> bytes:
        await asyncio.sleep(self._answer_after_s)
        body = await request.read()
        self.bodies.append(body)
        self.asked.append((request.path_qs, str(dict(request.headers))))
        return body


def _lines(batch: ExportLogsServiceRequest) -> list[ReceivedLine]:
    return [
        ReceivedLine(
            service=_attributes(resource.resource.attributes).get("service.name", ""),
            severity=line.severity_text,
            body=line.body.string_value,
            trace_id=line.trace_id.hex(),
            span_id=line.span_id.hex(),
        )
        for resource in batch.resource_logs
        for scope in resource.scope_logs
        for line in scope.log_records
    ]


def _spans(batch: ExportTraceServiceRequest) -> list[ReceivedSpan]:
    return [
        ReceivedSpan(
            service=_attributes(resource.resource.attributes).get("service.name", ""),
            name=span.name,
            trace_id=span.trace_id.hex(),
            span_id=span.span_id.hex(),
            parent_id=span.parent_span_id.hex(),
            attributes=_attributes(span.attributes),
            linked_trace_ids=tuple(link.trace_id.hex() for link in span.links),
            failed=span.status.code == span.status.STATUS_CODE_ERROR,
        )
        for resource in batch.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "string_value") for pair in pairs}
