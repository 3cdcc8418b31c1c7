"""Metrics of one process, in a registry of its own, so that tests can have many."""

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct
from opentelemetry import trace
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

Rows = Iterable[tuple[Sequence[str], float]]
"""What a gauge shows: the values of its labels, and its value."""

LATENCY_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Declared(Struct, frozen=True, kw_only=True):
    """What a metric is, by the name under which it is scraped; `initial` holds the label values that start at 0."""

    name: str
    kind: str
    meaning: str
    labels: tuple[str, ...] = ()
    initial: tuple[tuple[str, ...], ...] = ()


class Metrics:
    """Makes metrics with their labels at zero from the start: a rate over a label that is born at 1 misses the 1."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.declared: list[Declared] = []
        """Every metric that was made here, in that order."""

    def counter(
        self, name: str, meaning: str, labels: Sequence[str] = (), initial: Iterable[Sequence[str]] = ()
    ) -> Counter:
        """A counter; `initial` lists the label values that start at 0."""
        counter = Counter(name, meaning, labels, registry=self.registry)
        for values in self._declare("counter", name, meaning, labels, initial):
            counter.labels(*values)
        return counter

    def gauge(
        self, name: str, meaning: str, labels: Sequence[str] = (), initial: Iterable[Sequence[str]] = ()
    ) -> Gauge:
        """A gauge; `initial` lists the label values that start at 0."""
        gauge = Gauge(name, meaning, labels, registry=self.registry)
        for values in self._declare("gauge", name, meaning, labels, initial):
            gauge.labels(*values)
        return gauge

    def live_gauge(self, name: str, meaning: str, labels: Sequence[str], read: Callable[[], Rows]) -> None:
        """A gauge whose rows are asked for at each scrape: what is no longer there is not shown any more."""
        self._declare("gauge", name, meaning, labels)
        self.registry.register(_Live(name, meaning, labels, read))

    def histogram(
        self, name: str, meaning: str, labels: Sequence[str] = (), buckets: Sequence[float] = LATENCY_BUCKETS_S
    ) -> Histogram:
        """A histogram, of seconds unless its name says otherwise."""
        histogram = Histogram(name, meaning, labels, registry=self.registry, buckets=buckets)
        self._declare("histogram", name, meaning, labels)
        return histogram

    def _declare(
        self, kind: str, name: str, meaning: str, labels: Sequence[str], initial: Iterable[Sequence[str]] = ()
    ) -> tuple[tuple[str, ...], ...]:
        """Note it; gives the label values that start at 0."""
        values = tuple(tuple(map(str, row)) for row in initial)
        self.declared.append(Declared(name=name, kind=kind, meaning=meaning, labels=tuple(labels), initial=values))
        return values


class _Live(Collector):
    def __init__(self, name: str, meaning: str, labels: Sequence[str], read: Callable[[], Rows]) -> None:
        self._name = name
        self._meaning = meaning
        self._labels = labels
        self._read = read

    def collect(self) -> Iterable[GaugeMetricFamily]:
        family = GaugeMetricFamily(self._name, self._meaning, labels=self._labels)
        for values, value in self._read():
            family.add_metric(values, value)
        yield family


def exemplar() -> dict[str, str] | None:
    """The current trace as an exemplar, or nothing when there is none that anyone can look up."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid or not context.trace_flags.sampled:
        return None
    return {"trace_id": f"{context.trace_id:032x}"}
