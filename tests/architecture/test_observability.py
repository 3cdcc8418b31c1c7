"""The files of collector, Tempo, Loki and Grafana, as far as they can be judged without those programs."""

import copy
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec
import pytest
import yaml

from dashboards.main import dashboards
from support.compose_file import services
from support.observability import FILES, Collector, Loki, Sources, Tempo, read, understood
from support.tree import text_of

T = TypeVar("T")
SERVICES = services()
COLLECTOR: Collector = read("deploy/otel-collector/config.yml")
TEMPO: Tempo = read("deploy/tempo/tempo.yml")
LOKI: Loki = read("deploy/loki/loki.yml")
SOURCES: Sources = read("deploy/grafana/provisioning/datasources/datasources.yml")
PANELS = {"stat", "bargauge", "timeseries", "state-timeline", "table", "logs", "row"}
"""All that Grafana 11.5 brings, among others."""


def mappings(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from mappings(value)
    elif isinstance(node, list):
        for value in node:
            yield from mappings(value)


@pytest.mark.parametrize("name", FILES)
def test_every_key_is_one_that_its_program_knows_and_a_mistyped_one_is_seen(name: str) -> None:
    content = yaml.safe_load(text_of(name))
    read(name)

    for place in range(len(list(mappings(content)))):
        wrong = copy.deepcopy(content)
        list(mappings(wrong))[place]["mistyped"] = "x"
        with pytest.raises(msgspec.ValidationError):
            understood(wrong, name)


def volume_of(service: str, path: str) -> str:
    """The volume below which a path of a container lies: elsewhere nothing can be written."""
    found = [mount.split(":") for mount in SERVICES[service]["volumes"] if isinstance(mount, str)]
    return next(source for source, target, *_ in found if f"{path}/".startswith(f"{target}/"))


def test_the_collector_runs_what_it_configures_and_nothing_else() -> None:
    service = COLLECTOR.service
    used = {name for pipeline in service.pipelines.values() for name in pipeline.exporters}

    assert service.extensions == list(COLLECTOR.extensions)
    assert used == COLLECTOR.exporters.keys()
    for pipeline in service.pipelines.values():
        assert pipeline.receivers == ["otlp"]
        assert pipeline.processors == ["memory_limiter", "batch"]  # the limiter first: it must see what is refused
    limiter = COLLECTOR.processors.memory_limiter
    assert limiter.spike_limit_mib < limiter.limit_mib


def test_traces_and_logs_are_sent_where_somebody_listens() -> None:
    tempo_port = TEMPO.distributor.receivers.otlp.protocols.http.endpoint.rpartition(":")[2]

    assert COLLECTOR.exporters["otlphttp/tempo"].endpoint == f"http://tempo:{tempo_port}"
    assert COLLECTOR.exporters["otlphttp/loki"].endpoint == f"http://loki:{LOKI.server.http_listen_port}/otlp"


def test_grafana_asks_where_somebody_answers() -> None:
    assert {source.uid: source.url for source in SOURCES.datasources} == {
        "prometheus": "http://prometheus:9090",
        "tempo": f"http://tempo:{TEMPO.server.http_listen_port}",
        "loki": f"http://loki:{LOKI.server.http_listen_port}",
    }
    assert [source.uid for source in SOURCES.datasources if source.is_default] == ["prometheus"]
    assert all(source.uid == source.type for source in SOURCES.datasources)


def test_what_they_keep_is_on_a_volume() -> None:
    trace = TEMPO.storage.trace
    filesystem = LOKI.common.storage.filesystem
    loki = (LOKI.common.path_prefix, LOKI.compactor.working_directory, *msgspec.structs.astuple(filesystem))

    assert {volume_of("tempo", path) for path in (trace.wal.path, trace.local.path)} == {"tempo-data"}
    assert {volume_of("loki", path) for path in loki} == {"loki-data"}


def test_traces_and_logs_are_kept_equally_long() -> None:
    assert TEMPO.compactor.compaction.block_retention == LOKI.limits_config.retention_period
    assert LOKI.compactor.retention_enabled


@pytest.mark.parametrize("service", ["otel-collector", "tempo", "loki"])
def test_a_program_is_started_with_the_file_that_it_is_given(service: str) -> None:
    (option,) = SERVICES[service]["command"]
    (given,) = [mount for mount in SERVICES[service]["volumes"] if isinstance(mount, dict)]
    path = option.partition("=")[2]

    assert path.startswith(given["target"])
    assert path.replace(given["target"], given["source"].removeprefix("./")) in FILES


def only(found: "list[T] | msgspec.UnsetType") -> T:
    assert isinstance(found, list)
    (one,) = found
    return one


def test_the_ways_between_metrics_traces_and_logs_end_at_sources_that_there_are() -> None:
    options = {source.uid: source.json_data for source in SOURCES.datasources}
    exemplars = only(options["prometheus"].exemplar_trace_id_destinations)
    to_logs, to_metrics = options["tempo"].traces_to_logs, options["tempo"].traces_to_metrics
    derived = only(options["loki"].derived_fields)

    assert to_logs
    assert to_metrics
    assert (exemplars.datasource_uid, exemplars.name) == ("tempo", "trace_id")
    assert (to_logs.datasource_uid, to_metrics.datasource_uid) == ("loki", "prometheus")
    assert (derived.datasource_uid, derived.matcher_regex) == ("tempo", "trace_id")
    assert derived.url == "$${__value.raw}"  # a file of provisioning takes a single $ for a variable of its own
    assert [question.query for question in to_metrics.queries] == ["up{$$__tags}"]
    assert [(tag.key, tag.value) for tag in to_logs.tags] == [("service.name", "service_name")]


def test_a_trace_leads_to_a_job_that_prometheus_has() -> None:
    to_metrics = next(source for source in SOURCES.datasources if source.uid == "tempo").json_data.traces_to_metrics
    jobs = {job["job_name"] for job in yaml.safe_load(text_of("deploy/prometheus/prometheus.yml"))["scrape_configs"]}

    assert to_metrics
    assert [(tag.key, tag.value) for tag in to_metrics.tags] == [("service.name", "job")]
    assert {"position-oracle", "governor", "flatten-executor", "notifier"} <= jobs


def test_a_panel_is_one_that_grafana_brings() -> None:
    assert {panel["type"] for each in dashboards().values() for panel in each["panels"]} <= PANELS
