"""What the standard OpenTelemetry variables may hold here: a wrong one would lose every span without a word."""

from collections.abc import Mapping

from runtime.addresses import take_apart
from runtime.values import quoted

DISABLED = "OTEL_SDK_DISABLED"
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
PROTOCOLS = ("OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
PROTOCOL = "http/protobuf"


def is_disabled(environ: Mapping[str, str]) -> bool:
    """Whether there are no spans at all."""
    return environ.get(DISABLED, "").strip().lower() == "true"


def traces_endpoint(environ: Mapping[str, str]) -> str:
    """Where spans go; empty when nothing leaves."""
    own, base = environ.get(TRACES_ENDPOINT, ""), environ.get(ENDPOINT, "")
    return own or (f"{base.rstrip('/')}/v1/traces" if base else "")


def telemetry_problems(environ: Mapping[str, str]) -> tuple[str, ...]:
    """One line for each mistake, which begins with the variable's name; an address is not shown: it may hold a token.

    A variable for traces alone goes before the general one, which then is others' and may hold what they need.
    """
    if is_disabled(environ):
        return ()
    problems = []
    endpoint = TRACES_ENDPOINT if environ.get(TRACES_ENDPOINT) else ENDPOINT
    if environ.get(endpoint) and not _is_collector(environ[endpoint], whole=endpoint == TRACES_ENDPOINT):
        problems.append(f"{endpoint} is not the http or https address of a collector, as in http://127.0.0.1:4318")
    protocol = next((name for name in reversed(PROTOCOLS) if environ.get(name)), "")
    if protocol and environ[protocol].strip() != PROTOCOL:
        problems.append(f"{protocol}={quoted(environ[protocol])} is not built in: spans leave as {PROTOCOL} alone")
    return tuple(sorted(problems))


def _is_collector(text: str, *, whole: bool) -> bool:
    """`whole`: nothing is put behind it, so that a query may be there."""
    parts = take_apart(text)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or " " in text:
        return False
    return not parts.fragment and (whole or not parts.query)
