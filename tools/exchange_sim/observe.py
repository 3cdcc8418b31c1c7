"""The simulator's metrics, read from the venue at every scrape."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from exchange_sim.core.venue import Venue


class _VenueCollector(Collector):
    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def collect(self) -> Iterator[Metric]:
        venue = self._venue
        requests = CounterMetricFamily("exchange_sim_requests", "Requests to the venue.", labels=("method", "path"))
        for name, amount in venue.evidence.counts.items():
            requests.add_metric(name.split(" ", 1), amount)
        yield requests
        orders = CounterMetricFamily(
            "exchange_sim_orders", "Orders received, by what became of them.", labels=("outcome",)
        )
        outcomes = [record.outcome for record in venue.evidence.orders]
        for outcome in sorted(set(outcomes)):
            orders.add_metric((outcome,), outcomes.count(outcome))
        yield orders
        yield GaugeMetricFamily(
            "exchange_sim_open_positions", "Positions that are not flat.", sum(1 for _ in venue.account.open_legs())
        )
        resting = len(venue.account.open) + len(venue.algo.open())
        yield GaugeMetricFamily("exchange_sim_resting_orders", "Open orders, conditional ones too.", resting)


def exposition(venue: Venue) -> tuple[bytes, str]:
    """Return the metrics text and its content type."""
    registry = CollectorRegistry()
    registry.register(_VenueCollector(venue))
    return generate_latest(registry), CONTENT_TYPE_LATEST
