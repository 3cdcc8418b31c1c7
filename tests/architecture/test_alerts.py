"""The rules of Prometheus speak of metrics, labels and values that there are, and each alert can be acted on."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from contracts.streams import STREAMS
from metrics_page import page
from runtime.http import health_app
from runtime.metrics import Declared, Metrics
from runtime.observe import StreamObserver
from support.alerting import RULES, Selector, alerts, expressions, recorded, rules, selectors
from support.tree import ROOT, text_of, tracked

ALERTS = alerts()
NAMES = sorted({rule["alert"] for rule in ALERTS})
TESTS = "".join(text_of(name) for name in tracked("_test.yml"))
SELECTORS = [selector for expression in expressions() for selector in selectors(expression)]
CONFIG: Mapping[str, Any] = yaml.safe_load(text_of("deploy/prometheus/prometheus.yml"))
ALERTMANAGER: Mapping[str, Any] = yaml.safe_load(text_of("deploy/alertmanager/alertmanager.yml"))
MAINS = [name for name in tracked("main.py") if name.startswith("services/")]
CHECKS = {name for main in MAINS for found in re.findall(r"\n    checks = \{(.*?)\}", text_of(main), re.DOTALL)
          for name in re.findall(r'"(\w+)":', found)}  # fmt: skip
JOBS = {job["job_name"]: job["static_configs"][0]["targets"] for job in CONFIG["scrape_configs"]}


def declared() -> dict[str, Declared]:
    """Every metric under the name of its samples."""
    metrics = Metrics()
    for service in page.SERVICES:
        service.declare(metrics)
    StreamObserver(metrics)
    health_app(metrics=metrics, checks={})
    whole = {metric.name: metric for metric in metrics.declared}
    for name in re.findall(r"^\| `(process_\w+|python_\w+)` \|", page.page(), re.MULTILINE):
        whole[name] = Declared(name=name, kind="gauge", meaning="of the client")
    whole["up"] = Declared(name="up", kind="gauge", meaning="of Prometheus")
    return whole


DECLARED = declared()


def unknown_labels(selector: Selector) -> list[tuple[str, str]]:
    """Labels that the metric has not, and values that its label never takes."""
    metric = DECLARED.get(selector.metric)
    odd = []
    for label, operator, value in selector.asked:
        values = {"job": set(JOBS), "check": CHECKS, "stream": {stream.name for stream in STREAMS}}.get(label, set())
        if metric is not None and label in metric.labels and metric.initial:
            values = {row[metric.labels.index(label)] for row in metric.initial}
        if metric is not None and label not in {*metric.labels, "job", "instance"}:
            odd.append((label, "is no label of it"))
        wanted = value.split("|") if "~" in operator else [value]
        odd += [(label, word) for word in wanted if values and word not in values]
    return odd


def test_every_file_of_rules_is_looked_at() -> None:
    assert set(RULES) == {name for name in tracked(".yml") if name.startswith("deploy/prometheus/rules/")}
    assert CONFIG["rule_files"] == ["rules/*.yml"]


def test_an_expression_is_taken_apart() -> None:
    found = list(selectors('max by (job) (a_b{x="1",y=~"2|3"}) > 30 and on (z) min_over_time(c:d[5m]) unless e'))

    assert [selector.metric for selector in found] == ["a_b", "c:d", "e"]
    assert found[0].asked == (("x", "=", "1"), ("y", "=~", "2|3"))


def test_every_metric_of_the_rules_is_there() -> None:
    assert {selector.metric for selector in SELECTORS} - DECLARED.keys() - recorded() == set()


def test_every_label_and_value_of_the_rules_is_there() -> None:
    assert {"redis", "latch"} <= CHECKS
    assert {selector.metric: odd for selector in SELECTORS if (odd := unknown_labels(selector))} == {}


def test_values_of_what_is_recorded_are_those_of_where_it_comes_from() -> None:
    source = {rule["record"]: list(selectors(rule["expr"])) for rule in rules() if "record" in rule}
    for selector in SELECTORS:
        for origin in source.get(selector.metric, []):
            if origin.metric in DECLARED and set(DECLARED[origin.metric].labels) & {
                asked[0] for asked in selector.asked
            }:
                assert unknown_labels(Selector(origin.metric, selector.asked)) == []


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_how_bad_it_is_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"page", "ticket", "info"}
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"]
    assert "{{" in rule["annotations"]["description"] or rule["alert"] == "Watchdog"


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_the_page_of_an_alert_is_there_and_speaks_of_it(rule: dict[str, Any]) -> None:
    path, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    text = text_of(path)
    anchors = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }

    assert path.startswith("docs/runbooks/")
    assert not anchor or anchor in anchors
    assert rule["alert"] in text


def test_the_index_of_runbooks_has_every_alert_with_its_severity_and_page() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| ([\w, ]+) \| \[[^\]]+\]\(([^)]+)\) \|$", text_of("docs/runbooks/README.md"), re.MULTILINE
    )
    wanted: dict[str, tuple[str, str]] = {}
    for rule in ALERTS:
        before = f"{wanted[rule['alert']][0]}, " if rule["alert"] in wanted else ""
        url = rule["annotations"]["runbook_url"].removeprefix("docs/runbooks/")
        wanted[rule["alert"]] = (before + rule["labels"]["severity"], url)

    assert {name: (severity, url) for name, severity, url in rows} == wanted
    assert len(rows) == len(wanted)


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_is_tested(name: str) -> None:
    assert f'alertname="{name}"' in TESTS


def test_alertmanager_knows_every_alert_that_it_speaks_of() -> None:
    spoken = re.findall(r'alertname =~? "([^"]+)"', text_of("deploy/alertmanager/alertmanager.yml"))

    assert {name for names in spoken for name in names.split("|")} <= set(NAMES)


def test_alertmanager_sends_nothing_to_anybody_as_it_is() -> None:
    assert all(receiver.keys() == {"name"} for receiver in ALERTMANAGER["receivers"])


def test_prometheus_asks_every_service_where_it_listens() -> None:
    for service in page.SERVICES:
        assert JOBS[service.name] == [f"{service.name}:{service.port}"]


def test_the_images_that_check_are_the_ones_that_run() -> None:
    checked = set(re.findall(r"^[A-Z]+=(prom/\S+)$", text_of("deploy/prometheus/check"), re.MULTILINE))
    run = set(re.findall(r"image: [\"']?(prom/[^\s\"',}]+)", text_of("docker-compose.yml")))

    assert len(checked) == 2
    assert run <= checked
    assert (ROOT / "deploy/prometheus/check").stat().st_mode & 0o100
