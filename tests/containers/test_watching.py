"""Prometheus sees every service of the staging stack, and what goes wrong arrives at Alertmanager."""

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from support.patience import HANG_S
from support.staging import CORE, TRIO, Staging, until

ALWAYS = "Watchdog"
ARMED = "ArmAccepted"
DOWN = "ServiceDown"
WATCHED = {*TRIO, "exchange-sim"}


def ask(staging: Staging, name: str, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{staging.ports[name]}{path}", timeout=HANG_S) as answer:
        return json.load(answer)


@pytest.fixture(scope="module")
def watched(staging: Staging) -> Staging:
    staging.up(*CORE, "prometheus", "alertmanager")
    return staging


def jobs(staging: Staging, health: str) -> Callable[[], set[str]]:
    def asked() -> set[str]:
        targets = ask(staging, "prometheus", "/api/v1/targets")["data"]["activeTargets"]
        return {target["labels"]["job"] for target in targets if target["health"] == health}

    return asked


def value(staging: Staging, query: str) -> float | None:
    result = ask(staging, "prometheus", f"/api/v1/query?query={urllib.parse.quote(query)}")["data"]["result"]
    return float(result[0]["value"][1]) if len(result) == 1 else None


def alerts(staging: Staging) -> set[tuple[str, str]]:
    """Name and job of what Alertmanager was told and shows."""
    labels = [alert["labels"] for alert in ask(staging, "alertmanager", "/api/v2/alerts")]
    return {(label["alertname"], label.get("job", "")) for label in labels}


def test_every_service_is_seen(watched: Staging) -> None:
    until(lambda: jobs(watched, "up")() >= WATCHED)

    assert jobs(watched, "down")() & WATCHED == set()


def test_an_alert_that_always_fires_arrives(watched: Staging) -> None:
    until(lambda: ALWAYS in {name for name, _ in alerts(watched)})


def test_a_flatten_is_in_the_metrics_and_its_arm_is_told(watched: Staging) -> None:
    """By gauges that are read from the streams: what a restart does not hide."""
    watched.sim("reset", {})
    watched.flatctl("ess", "activate", "--reason", "drill")
    watched.flatctl("arm", "--yes", "--wait", "--reason", "drill")
    watched.compose("restart", "governor", "flatten-executor")

    counted = {
        'gov_last_flatten_positions{stage="seen"}': 674,
        'gov_last_flatten_positions{stage="ok"}': 44,
        'flatten_last_positions{stage="nonzero"}': 44,
        'flatten_last_verdict{verdict="flat"}': 1,
        "flatten_last_residual_usd": 0,
        "flatten_last_unknown_orders": 0,
        "oracle_positions_open": 0,
    }
    until(lambda: {query: value(watched, query) for query in counted} == counted)
    until(lambda: ARMED in {name for name, _ in alerts(watched)})


def test_down_and_up_lose_no_sample_and_no_silence(watched: Staging) -> None:
    """What was seen is asked for at a moment at which the Prometheus that is asked was not there."""
    until(lambda: jobs(watched, "up")() >= WATCHED)
    at_s = time.time()
    before = ask(watched, "prometheus", f"/api/v1/query?query=up&time={at_s}")["data"]["result"]
    assert {series["metric"]["job"] for series in before} >= WATCHED
    silence = silenced(watched, "OracleStale")

    watched.down()
    watched.up(*CORE, "prometheus", "alertmanager")

    after = ask(watched, "prometheus", f"/api/v1/query?query=up&time={at_s}")["data"]["result"]
    assert sorted(after, key=str) == sorted(before, key=str)
    kept = ask(watched, "alertmanager", f"/api/v2/silence/{silence}")
    assert (kept["id"], kept["status"]["state"], kept["comment"]) == (silence, "active", "drill")


def silenced(staging: Staging, alert: str) -> str:
    """Keep an alert quiet for an hour, as somebody does on Alertmanager's page; gives the silence's id."""
    now = datetime.now(UTC)
    body = {
        "matchers": [{"name": "alertname", "value": alert, "isRegex": False, "isEqual": True}],
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(hours=1)).isoformat(),
        "createdBy": "alice",
        "comment": "drill",
    }
    request = urllib.request.Request(
        f"http://127.0.0.1:{staging.ports['alertmanager']}/api/v2/silences",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=HANG_S) as answer:
        return str(json.load(answer)["silenceID"])


def test_a_service_that_is_gone_is_told_and_one_that_is_back_is_not(watched: Staging) -> None:
    watched.compose("stop", "flatten-executor")
    until(lambda: (DOWN, "flatten-executor") in alerts(watched))

    watched.up()
    until(lambda: jobs(watched, "up")() >= WATCHED)
    until(lambda: (DOWN, "flatten-executor") not in alerts(watched), within_s=10 * HANG_S)
