"""The notifier: wiring."""

import asyncio
import secrets
from collections.abc import Sequence

from contracts.streams import Keys
from notifier.holding import Holding
from notifier.observe import Observer
from notifier.settings import NotifierSettings
from notifier.store import Store
from notifier.targets import Target, open_targets
from notifier.teller import Teller
from runtime.app import run_service, supervise
from runtime.clock import SystemClock
from runtime.health import OK, Check
from runtime.http import health_server
from runtime.metrics import Metrics
from runtime.redis_client import open_redis


async def run(settings: NotifierSettings, stop: asyncio.Event) -> None:
    """Tell every address until `stop`."""
    clock, metrics = SystemClock(), Metrics()
    targets = open_targets(settings.notify_urls)
    observer = Observer(metrics, [target.name for target in targets])
    redis = open_redis(settings.redis_url, name="notifier")
    store = Store(
        redis,
        Keys(settings.flatten_namespace),
        token=f"{settings.consumer_name} {secrets.token_hex(8)}",
        where=settings.where,
        observer=observer,
    )
    holding = Holding(store, clock, observer)
    tellers = [
        Teller(target=target, store=store, holding=holding, clock=clock, observer=observer) for target in targets
    ]
    checks = {
        "holding": holding.check if tellers else _nobody,
        "streams": lambda: _worst([teller.streams() for teller in tellers]),
        "addresses": lambda: _worst([teller.address() for teller in tellers]),
    }
    _say(targets, observer)
    try:
        async with health_server(host=settings.http_host, port=settings.http_port, metrics=metrics, checks=checks):
            if tellers:
                await supervise(holding.run(stop), *(teller.run(stop) for teller in tellers), stop=stop)
                await holding.let_go()
            else:
                await stop.wait()
    finally:
        await redis.aclose()


def _say(targets: Sequence[Target], observer: Observer) -> None:
    for target in targets:
        observer.tells(target.name, target.service)
    if not targets:
        observer.nobody()


def _nobody() -> Check:
    return Check(ok=True, why="NOTIFY_URLS names nobody")


def _worst(checks: Sequence[Check]) -> Check:
    return next((check for check in checks if not check.ok), OK)


def main() -> None:
    """The console program."""
    run_service(run, NotifierSettings, "notifier")


if __name__ == "__main__":
    main()
