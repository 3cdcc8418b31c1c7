"""Log lines as OTLP over HTTP, beside stderr, so that a trace leads to its lines in one place.

What leaves is the finished JSON line, masked as on stderr, with the ids of the current span. In batches, on a thread
of its own: a collector that is down costs nothing but the copy; the line itself stands on stderr.
"""

import logging
import threading
from collections.abc import Mapping

from opentelemetry._logs import Logger, LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource

from runtime import logs
from runtime.telemetry import logs_endpoint
from runtime.tracing import SCHEDULE_DELAY_MS, SCOPE

_OWN_TROUBLE = ("opentelemetry", "urllib3", "requests")
"""Loggers of the export itself: their lines would make new ones for ever."""

_SEVERITIES = {
    logging.CRITICAL: SeverityNumber.FATAL,
    logging.ERROR: SeverityNumber.ERROR,
    logging.WARNING: SeverityNumber.WARN,
    logging.INFO: SeverityNumber.INFO,
    logging.DEBUG: SeverityNumber.DEBUG,
}


class LogExport:
    """The export of one process's lines, from its making to `shutdown`."""

    def __init__(self, service_name: str, version: str, endpoint: str, environ: Mapping[str, str]) -> None:
        delay_ms = None if environ.get("OTEL_BLRP_SCHEDULE_DELAY") else SCHEDULE_DELAY_MS
        resource = Resource.create({"service.name": service_name, "service.version": version})
        self._provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
        exporter = OTLPLogExporter(endpoint=endpoint)
        self._provider.add_log_record_processor(BatchLogRecordProcessor(exporter, schedule_delay_millis=delay_ms))
        self._handler = _Exporting(self._provider.get_logger(SCOPE))
        logs.also_to(self._handler, service_name)

    def shutdown(self, timeout_s: float = 2.0) -> bool:
        """Send what is queued and end. Blocks at most `timeout_s`; False when some lines are on stderr alone."""
        logging.getLogger().removeHandler(self._handler)
        ending = threading.Thread(target=self._provider.shutdown, name="log-export-end", daemon=True)
        ending.start()
        ending.join(timeout_s)
        return not ending.is_alive()


def start_log_export(service_name: str, version: str, environ: Mapping[str, str]) -> LogExport | None:
    """Export every line from now on; nothing without an endpoint for logs. After `setup_logs`."""
    endpoint = logs_endpoint(environ)
    return LogExport(service_name, version, endpoint, environ) if endpoint else None


class _Exporting(logging.Handler):
    def __init__(self, logger: Logger) -> None:
        super().__init__()
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith(_OWN_TROUBLE):
            return
        try:
            line = LogRecord(
                timestamp=int(record.created * 1e9),
                severity_text=record.levelname,
                severity_number=_SEVERITIES.get(record.levelno, SeverityNumber.UNSPECIFIED),
                body=self.format(record),
            )
            self._logger.emit(line)
        except Exception:  # noqa: BLE001 - as every handler: told on stderr, and no caller fails for a line
            self.handleError(record)
