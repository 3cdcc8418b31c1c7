"""Log lines: structlog over the standard library, JSON or text, each with trace and request ids, none with a secret.

The message text stands as it was written: people grep for it. In JSON it is under `message`.
"""

import logging
import sys
import time
from collections.abc import MutableMapping
from contextlib import AbstractContextManager
from typing import Any, Literal, TextIO

import structlog
from opentelemetry import trace
from structlog.contextvars import bound_contextvars
from structlog.typing import FilteringBoundLogger, Processor

from runtime.redaction import Redactor
from runtime.secret import Secret

CORRELATION = ("request_id", "arm_id")
"""Fields of events that every line about them carries."""
_TELEMETRY_EVERY_S = 60.0
_redactor = Redactor()


def redact(secret: Secret | str) -> None:
    """Never let this value into a log line of this process."""
    _redactor.add(secret)


def redacted(text: str) -> str:
    """`text` as a log line would show it."""
    return _redactor.text(text)


def get_logger(name: str) -> FilteringBoundLogger:
    """The logger to use: `log.info("text as people grep it", key=value)`."""
    logger: FilteringBoundLogger = structlog.get_logger(name)
    return logger


def bind(**values: str) -> AbstractContextManager[None]:
    """A context manager: every line inside it, of this task and those it starts, carries the values."""
    return bound_contextvars(**values)


def bind_event(entry_id: str, event: object) -> AbstractContextManager[None]:
    """Bind an entry's id and the event's correlation ids."""
    found = {name: getattr(event, name, None) for name in CORRELATION}
    return bind(entry_id=entry_id, **{name: value for name, value in found.items() if isinstance(value, str)})


def setup_logs(
    service: str, level: str = "info", style: Literal["json", "text"] = "json", stream: TextIO | None = None
) -> None:
    """Send every logger of the process, foreign ones too, through one handler on `stream` (default: stderr)."""
    structlog.configure(
        processors=[
            *_shared(service),
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(_number(level)),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_formatter(service, style))
    handler.addFilter(_Seldom("opentelemetry", _TELEMETRY_EVERY_S))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(_number(level))
    # One line for each request to /metrics, and each new connection, says nothing.
    for noisy in ("aiohttp.access", "asyncio", "urllib3", "requests"):
        logging.getLogger(noisy).setLevel(max(_number(level), logging.WARNING))
    logging.captureWarnings(capture=True)


def also_to(handler: logging.Handler, service: str) -> None:
    """Give every line to `handler` too, finished and masked, as JSON. After `setup_logs`."""
    handler.setFormatter(_formatter(service, "json"))
    logging.getLogger().addHandler(handler)


def _shared(service: str) -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _Service(service),
        _add_trace,
    ]


def _formatter(service: str, style: Literal["json", "text"]) -> logging.Formatter:
    return _RedactingFormatter(foreign_pre_chain=_shared(service), processors=_rendering(style))


class _RedactingFormatter(structlog.stdlib.ProcessorFormatter):
    """The last gate: the finished line is masked once more, whatever a renderer did."""

    def format(self, record: logging.LogRecord) -> str:
        return _redactor.text(super().format(record))


class _Service:
    """Adds the service's name."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = self._service
        return event


class _Seldom(logging.Filter):
    """Lets a repeated complaint of one logger family through once in a while: telemetry that is down is no news."""

    def __init__(self, family: str, every_s: float) -> None:
        super().__init__()
        self._family = family
        self._every_s = every_s
        self._last_s: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(self._family):
            return True
        key, now_s = (record.name, str(record.msg)), time.monotonic()
        if now_s - self._last_s.get(key, -self._every_s) < self._every_s:
            return False
        self._last_s[key] = now_s
        return True


def _add_trace(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = f"{context.trace_id:032x}"
        event["span_id"] = f"{context.span_id:016x}"
    return event


def _rendering(style: Literal["json", "text"]) -> list[Processor]:
    common: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        _redactor,
    ]
    if style == "text":
        return [*common, _text_line]
    rename = structlog.processors.EventRenamer("message")
    return [*common, rename, structlog.processors.JSONRenderer(ensure_ascii=False, sort_keys=False)]


def _text_line(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    """`time LEVEL logger: message key=value …`, the traceback below it."""
    time_, level, logger, message = (event.pop(key, "") for key in ("timestamp", "level", "logger", "event"))
    traceback = event.pop("exception", "")
    event.pop("service", None)
    details = "".join(f" {key}={value}" for key, value in event.items() if value is not None)
    line = f"{time_} {str(level).upper():<8} {logger}: {message}{details}"
    return f"{line}\n{traceback}" if traceback else line


def _number(level: str) -> int:
    return logging.getLevelNamesMapping()[level.upper()]
