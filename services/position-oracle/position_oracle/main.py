"""The position-oracle: wiring."""

import asyncio

from exchange.factory import open_reader
from exchange.ports import PositionReader
from position_oracle.observe import Observer
from position_oracle.poller import Poller
from position_oracle.settings import OracleSettings
from runtime.app import run_service
from runtime.clock import SystemClock
from runtime.errors import StartupError
from runtime.http import health_server
from runtime.metrics import Metrics
from runtime.redis_client import open_redis


async def run(settings: OracleSettings, stop: asyncio.Event) -> None:
    """Publish what the exchange shows until `stop`."""
    clock, metrics = SystemClock(), Metrics()
    observer = Observer(metrics, clock)
    reader = _open_reader(settings)
    redis = open_redis(settings.redis_url, name="position-oracle")
    poller = Poller(reader=reader, redis=redis, settings=settings, clock=clock, observer=observer)
    checks = {"exchange": poller.exchange, "redis": poller.redis, "snapshot": poller.snapshot}
    try:
        async with health_server(host=settings.http_host, port=settings.http_port, metrics=metrics, checks=checks):
            await poller.run(stop)
    finally:
        await reader.aclose()
        await redis.aclose()


def _open_reader(settings: OracleSettings) -> PositionReader:
    try:
        return open_reader(settings.exchange)
    except ValueError as error:
        raise StartupError(str(error)) from error


def main() -> None:
    """The console program."""
    run_service(run, OracleSettings, "position-oracle")


if __name__ == "__main__":
    main()
