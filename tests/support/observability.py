"""What the programs that have no image on every machine understand in their files: each key of ours, with its type.

A key that is not here is an error. deploy/README.md says where each was looked up, and in which revision.
"""

from typing import Annotated, Any, Literal

import msgspec
import yaml
from msgspec import Meta

from support.tree import text_of

Span = Annotated[str, Meta(pattern=r"^-?[0-9]+(ms|s|m|h)$")]
Listen = Annotated[str, Meta(pattern=r"^0\.0\.0\.0:[0-9]+$")]
Url = Annotated[str, Meta(pattern=r"^http://[a-z-]+:[0-9]+(/[a-z]+)?$")]
Path = Annotated[str, Meta(pattern=r"^/[a-z/_]+$")]


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    """Takes no key that it does not know."""


class Endpoint(Strict):
    endpoint: Listen


class Http(Strict):
    http: Endpoint


class Otlp(Strict):
    protocols: Http


class Receivers(Strict):
    otlp: Otlp


class MemoryLimiter(Strict):
    check_interval: Span
    limit_mib: int
    spike_limit_mib: int


class Batch(Strict):
    timeout: Span


class Processors(Strict):
    memory_limiter: MemoryLimiter
    batch: Batch


class Tls(Strict):
    insecure: bool


class OtlpHttp(Strict):
    endpoint: Url
    tls: Tls


class Level(Strict):
    level: Literal["none", "basic", "normal", "detailed"]


class Telemetry(Strict):
    metrics: Level


class Pipeline(Strict):
    receivers: list[str]
    processors: list[str]
    exporters: list[str]


class CollectorService(Strict):
    extensions: list[str]
    telemetry: Telemetry
    pipelines: dict[Literal["traces", "logs"], Pipeline]


class Collector(Strict):
    extensions: dict[Literal["health_check"], Endpoint]
    receivers: Receivers
    processors: Processors
    exporters: dict[Annotated[str, Meta(pattern="^otlphttp/")], OtlpHttp]
    service: CollectorService


class HttpPort(Strict):
    http_listen_port: int


class Reporting(Strict):
    reporting_enabled: Literal[False]


class Distributor(Strict):
    receivers: Receivers


class Retention(Strict):
    block_retention: Span


class TempoCompactor(Strict):
    compaction: Retention


class Place(Strict):
    path: Path


class TraceStorage(Strict):
    backend: Literal["local"]
    wal: Place
    local: Place


class TempoStorage(Strict):
    trace: TraceStorage


class Tempo(Strict):
    stream_over_http_enabled: bool
    server: HttpPort
    distributor: Distributor
    compactor: TempoCompactor
    storage: TempoStorage
    usage_report: Reporting


class KvStore(Strict):
    store: Literal["inmemory"]


class Ring(Strict):
    kvstore: KvStore


class Filesystem(Strict):
    chunks_directory: Path
    rules_directory: Path


class LokiStorage(Strict):
    filesystem: Filesystem


class Common(Strict):
    instance_addr: str
    path_prefix: Path
    replication_factor: Literal[1]
    ring: Ring
    storage: LokiStorage


class Index(Strict):
    prefix: str
    period: Literal["24h"]  # tsdb takes no other


class Period(Strict, rename={"begins": "from"}):
    begins: Any  # YAML makes a date of it
    store: Literal["tsdb"]
    object_store: Literal["filesystem"]
    schema: Literal["v13"]  # no older one takes structured metadata
    index: Index


class Schema(Strict):
    configs: list[Period]


class Limits(Strict):
    allow_structured_metadata: Literal[True]
    retention_period: Span


class LokiCompactor(Strict):
    working_directory: Path
    retention_enabled: bool
    delete_request_store: Literal["filesystem"]  # without it Loki does not start with retention


class Loki(Strict):
    auth_enabled: bool
    server: HttpPort
    common: Common
    schema_config: Schema
    limits_config: Limits
    compactor: LokiCompactor
    analytics: Reporting


class Exemplars(Strict):
    name: str
    datasource_uid: str = msgspec.field(name="datasourceUid")


class Tag(Strict):
    key: str
    value: str


class ToLogs(Strict, rename={"filter_by_trace_id": "filterByTraceID", "filter_by_span_id": "filterBySpanID"}):
    filter_by_trace_id: bool
    filter_by_span_id: bool
    tags: list[Tag]
    datasource_uid: str = msgspec.field(name="datasourceUid")
    start_shift: Span = msgspec.field(name="spanStartTimeShift")
    end_shift: Span = msgspec.field(name="spanEndTimeShift")
    custom_query: bool = msgspec.field(name="customQuery")


class Question(Strict):
    name: str
    query: str


class ToMetrics(Strict):
    tags: list[Tag]
    queries: list[Question]
    datasource_uid: str = msgspec.field(name="datasourceUid")
    start_shift: Span = msgspec.field(name="spanStartTimeShift")
    end_shift: Span = msgspec.field(name="spanEndTimeShift")


class Derived(Strict, rename="camel"):
    name: str
    matcher_type: Literal["label", "regex"]
    matcher_regex: str
    url: str
    datasource_uid: str


class Options(Strict, rename="camel"):
    """Of every source of ours: each has those of its type."""

    http_method: Literal["GET", "POST"] | msgspec.UnsetType = msgspec.UNSET
    time_interval: Span | msgspec.UnsetType = msgspec.UNSET
    exemplar_trace_id_destinations: list[Exemplars] | msgspec.UnsetType = msgspec.UNSET
    traces_to_logs: ToLogs | msgspec.UnsetType = msgspec.field(default=msgspec.UNSET, name="tracesToLogsV2")
    traces_to_metrics: ToMetrics | msgspec.UnsetType = msgspec.UNSET
    derived_fields: list[Derived] | msgspec.UnsetType = msgspec.UNSET


class Source(Strict, rename="camel"):
    name: str
    uid: str
    type: Literal["prometheus", "tempo", "loki"]
    access: Literal["proxy"]
    url: Url
    editable: Literal[False]
    json_data: Options
    is_default: bool = False


class Sources(Strict, rename="camel"):
    api_version: Literal[1]
    datasources: list[Source]


class Provider(Strict, rename="camel"):
    name: str
    type: Literal["file"]
    disable_deletion: bool
    allow_ui_updates: bool
    options: Place


class Providers(Strict, rename="camel"):
    api_version: Literal[1]
    providers: list[Provider]


FILES: dict[str, type[Strict]] = {
    "deploy/otel-collector/config.yml": Collector,
    "deploy/tempo/tempo.yml": Tempo,
    "deploy/loki/loki.yml": Loki,
    "deploy/grafana/provisioning/datasources/datasources.yml": Sources,
    "deploy/grafana/provisioning/dashboards/dashboards.yml": Providers,
}


def read(name: str) -> Any:
    """The file in its type. Raises msgspec.ValidationError for a key or a value that its program would not take."""
    return understood(yaml.safe_load(text_of(name)), name)


def understood(content: Any, name: str) -> Any:
    return msgspec.convert(content, FILES[name])
