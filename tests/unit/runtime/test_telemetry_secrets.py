"""What nobody may see of the variables that OpenTelemetry reads by itself (I18)."""

import pytest

from runtime.redaction import Redactor
from runtime.telemetry import telemetry_secrets

HIDDEN = "hidden-t0ken"


@pytest.mark.parametrize("signal", ["", "TRACES_", "LOGS_"])
@pytest.mark.parametrize(
    ("what", "value", "told"),
    [
        ("HEADERS", f"a=b,x-api-key={HIDDEN}", f"'x-api-key': '{HIDDEN}'"),
        ("HEADERS", f"authorization=Bearer%20{HIDDEN}, a=b", f"Authorization: Bearer {HIDDEN}"),
        ("HEADERS", f"authorization=Bearer%20{HIDDEN}", f"token {HIDDEN}"),
        ("ENDPOINT", f"https://collector/v1/logs?t={HIDDEN}&u=1", f"with url: /v1/logs?t={HIDDEN}&u=1"),
        ("ENDPOINT", f"https://collector/v1/logs?u=1&t={HIDDEN}", f"token {HIDDEN}"),
        ("ENDPOINT", f"https://collector/{HIDDEN}/v1/logs", f"with url: /{HIDDEN}/v1/logs"),
        ("ENDPOINT", f"https://user:{HIDDEN}@collector/v1/logs", f"password of user is {HIDDEN}"),
        ("ENDPOINT", f"https://{HIDDEN}@collector:4318", f"user {HIDDEN}"),
        ("ENDPOINT", "https://collector/v1/logs?t=hidden%2Dt0ken", f"token {HIDDEN}"),
    ],
)
def test_headers_and_what_an_address_holds_are_masked(signal: str, what: str, value: str, told: str) -> None:
    redactor = Redactor()
    for secret in telemetry_secrets({f"OTEL_EXPORTER_OTLP_{signal}{what}": value}):
        redactor.add(secret)

    masked = redactor.text(told)
    assert HIDDEN not in masked
    assert "***" in masked


def test_where_a_collector_is_may_be_seen() -> None:
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector-of-ours.example:4318",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector-of-ours.example:4318/v1/traces?u=1",
        "OTEL_EXPORTER_OTLP_LOGS_HEADERS": "",
    }

    assert telemetry_secrets(environ) == ()
    assert telemetry_secrets({}) == ()
