"""What the standard OpenTelemetry variables may hold here: a wrong one would lose spans and lines without a word."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from runtime.addresses import take_apart
from runtime.values import quoted

DISABLED = "OTEL_SDK_DISABLED"
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
LOGS_ENDPOINT = "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"
LOGS_EXPORTER = "OTEL_LOGS_EXPORTER"
GENERAL_PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"
OWN_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL")
PROTOCOL = "http/protobuf"
HEADERS = tuple(f"OTEL_EXPORTER_OTLP_{signal}HEADERS" for signal in ("", "TRACES_", "LOGS_"))
_PIECES = re.compile(r"[&=]")
_SHORTEST = 8
"""A shorter piece of an address is a word or a number, and guards nothing."""


def is_disabled(environ: Mapping[str, str]) -> bool:
    """Whether there are no spans at all."""
    return environ.get(DISABLED, "").strip().lower() == "true"


def traces_endpoint(environ: Mapping[str, str]) -> str:
    """Where spans go; empty when nothing leaves."""
    return _endpoint(environ, TRACES_ENDPOINT, "/v1/traces")


def logs_endpoint(environ: Mapping[str, str]) -> str:
    """Where copies of the log lines go; empty when nothing leaves."""
    if is_disabled(environ) or environ.get(LOGS_EXPORTER, "").strip().lower() == "none":
        return ""
    return _endpoint(environ, LOGS_ENDPOINT, "/v1/logs")


def telemetry_problems(environ: Mapping[str, str]) -> tuple[str, ...]:
    """One line for each mistake, which begins with the variable's name; an address is not shown: it may hold a token.

    A variable for one signal alone goes before the general one; where both signals have their own, that is others' and
    may hold what they need.
    """
    if is_disabled(environ):
        return ()
    problems = [
        f"{name} is not the http or https address of a collector, as in http://127.0.0.1:4318"
        for name in _that_hold(environ, ENDPOINT, (TRACES_ENDPOINT, LOGS_ENDPOINT))
        if not _is_collector(environ[name], whole=name != ENDPOINT)
    ]
    problems += [
        f"{name}={quoted(environ[name])} is not built in: spans and lines leave as {PROTOCOL} alone"
        for name in _that_hold(environ, GENERAL_PROTOCOL, OWN_PROTOCOLS)
        if environ[name].strip() != PROTOCOL
    ]
    return tuple(sorted(problems))


def telemetry_secrets(environ: Mapping[str, str]) -> tuple[str, ...]:
    """What nobody may see of these variables: values of headers, and what of an address may be a password or a token.

    The exporter tells an address that does not answer in its complaints, its path and query too.
    """
    found = [text for name in HEADERS for text in _of_headers(environ.get(name, ""))]
    found += [
        text for name in (ENDPOINT, TRACES_ENDPOINT, LOGS_ENDPOINT) for text in _of_address(environ.get(name, ""))
    ]
    return tuple(dict.fromkeys(text for text in found if len(text) >= _SHORTEST))


def _of_headers(headers: str) -> Iterator[str]:
    """`name=value,name=value`, each value in the encoding of URLs."""
    for header in headers.split(","):
        value = header.partition("=")[2].strip()
        for text in (value, unquote(value)):
            yield text
            yield text.rpartition(" ")[2]  # the token in `Bearer token`


def _of_address(address: str) -> Iterator[str]:
    rest = address.partition("://")[2]
    user, _, place = rest.rpartition("@")
    path, _, query = place.partition("?")
    for text in (user, *user.split(":"), query, *_PIECES.split(query), *path.split("/")[1:]):
        yield text
        yield unquote(text)


def _endpoint(environ: Mapping[str, str], own: str, path: str) -> str:
    base = environ.get(ENDPOINT, "")
    return environ.get(own, "") or (f"{base.rstrip('/')}{path}" if base else "")


def _that_hold(environ: Mapping[str, str], general: str, own: tuple[str, ...]) -> list[str]:
    """The variables that are set and that a signal goes by."""
    names = [name for name in own if environ.get(name)]
    if len(names) < len(own) and environ.get(general):
        names.append(general)
    return names


def _is_collector(text: str, *, whole: bool) -> bool:
    """`whole`: nothing is put behind it, so that a query may be there."""
    parts = take_apart(text)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or " " in text:
        return False
    return not parts.fragment and (whole or not parts.query)
