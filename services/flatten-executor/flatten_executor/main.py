"""The executor: wiring."""

import asyncio
import secrets
from collections.abc import Callable

from msgspec import Struct

from authority.operators_file import OperatorsFile
from contracts.arming import FlattenRequested
from contracts.streams import EXECUTOR_GROUP, Keys
from exchange.config import ExchangeConfig
from exchange.factory import open_gateway
from exchange.ports import OrderGateway
from flatten_executor.handlers import RequestHandlers, Standing
from flatten_executor.observe import Observer
from flatten_executor.rehearsal import piece
from flatten_executor.run import Tools
from flatten_executor.sending import Patience
from flatten_executor.settings import ExecutorSettings
from flatten_executor.store import Store
from flatten_executor.vitals import Vitals
from runtime.app import run_service, supervise
from runtime.clock import SystemClock
from runtime.errors import StartupError
from runtime.health import Check
from runtime.http import health_server
from runtime.latch import open_latch
from runtime.metrics import Metrics
from runtime.pulse import Pulse
from runtime.redis_client import open_reader, open_redis
from runtime.rehearsal import Rehearsal
from runtime.settings import config_hash
from runtime.streams import Consumer, StreamObserver


class Seams(Struct, frozen=True, kw_only=True):
    """Where the executor touches the world outside, so that a test can stand between the two."""

    open_gateway: Callable[[ExchangeConfig], OrderGateway] = open_gateway
    open_store: Callable[..., Store] = Store
    patience: Patience = Patience()


async def run(settings: ExecutorSettings, stop: asyncio.Event, seams: Seams | None = None) -> None:
    """Bring requests to their verdicts until `stop`."""
    seams = seams or Seams()
    clock, metrics, keys = SystemClock(), Metrics(), Keys(settings.flatten_namespace)
    observer, streams = Observer(metrics), StreamObserver(metrics)
    redis = open_redis(settings.redis_url, name="flatten-executor")
    reader = open_reader(settings.redis_url, name="flatten-executor")
    try:
        gateway, latch = seams.open_gateway(settings.exchange), open_latch(settings.ess_latch, redis)
    except ValueError as error:
        raise StartupError(str(error)) from error
    process = secrets.token_hex(8)
    store = seams.open_store(
        redis, keys, owner=settings.consumer_name, holder=process, account=settings.account, clock=clock
    )
    pulse = Pulse(redis=redis, latch=latch, clock=clock, on_latch=observer.latch_seen)
    vitals = Vitals(gateway=gateway, observer=observer, clock=clock)
    scratch = keys.scratch(settings.consumer_name, process)
    rehearsal = Rehearsal(redis=redis, scratch=scratch, piece=piece(clock), clock=clock)
    tools = Tools(
        gateway=gateway,
        latch=latch,
        clock=clock,
        observer=observer,
        limits=settings.limits,
        run_max_s=settings.flatten_run_max_seconds,
        patience=seams.patience,
    )
    standing = Standing(
        account=settings.account,
        environment=settings.exchange_env,
        consumer_name=settings.consumer_name,
        live_allowed=settings.live_allowed,
        request_max_age_ms=settings.flatten_request_max_age_seconds * 1_000,
        config_hash=config_hash(settings),
    )
    operators = OperatorsFile(settings.operators_file, settings.exchange_env)
    if standing.objections():
        observer.refuses_everything(standing.objections())
    handlers = RequestHandlers(store, tools, standing, operators, observer)
    requests = Consumer(
        redis=redis,
        reader=reader,
        stream_key=keys.of(FlattenRequested),
        dead_key=keys.stream("dead"),
        group=EXECUTOR_GROUP,
        consumer_name=settings.consumer_name,
        handlers={FlattenRequested: handlers.on_flatten_requested},
        observer=streams,
        clock=clock,
    )
    checks = {
        "redis": pulse.redis,
        "latch": pulse.latch,
        "scripts": rehearsal.check,
        "exchange": vitals.exchange,
        "requests": requests.check,
        "settings": standing.check,
        "operators": lambda: Check.unless(operators.problem(clock.now_ms())),
    }

    async def handle_requests() -> None:
        await rehearsal.run(stop)
        await requests.run(stop)

    try:
        async with health_server(host=settings.http_host, port=settings.http_port, metrics=metrics, checks=checks):
            await supervise(
                handle_requests(),
                pulse.run(stop),
                operators.keep_looking(stop, observer.operators_seen),
                requests.backlog.run(stop),
                vitals.keep_warm(stop),
                vitals.recall(store, stop),
                stop=stop,
            )
    finally:
        await gateway.aclose()
        await reader.aclose()
        await redis.aclose()


def main() -> None:
    """The console program."""
    run_service(run, ExecutorSettings, "flatten-executor")


if __name__ == "__main__":
    main()
