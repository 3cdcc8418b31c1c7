"""The governor: wiring."""

import asyncio
import secrets

from redis.asyncio import Redis

from authority.operators_file import OperatorsFile
from contracts.arming import ArmRequested, DisarmRequested
from contracts.positions import PositionSnapshot
from contracts.streams import GOVERNOR_GROUP, Keys
from governor.console.board import Board
from governor.console.console import Console, Sources
from governor.console.guard import Guard
from governor.console.http import ConsolePages
from governor.console.observe import ConsoleObserver
from governor.console.record import RecordReader
from governor.core.shown.present import Whose
from governor.handlers import ArmHandlers
from governor.history import History
from governor.observe import Observer
from governor.outlook import OutlookWatch
from governor.rehearsal import PIECE
from governor.settings import GovernorSettings
from governor.store import ArmStore
from governor.watch import AllocationWatch
from runtime.app import run_service, software_version, supervise
from runtime.clock import SystemClock
from runtime.errors import StartupError
from runtime.garbage import settle_down
from runtime.health import Check
from runtime.http import health_server
from runtime.latch import Latch, open_latch
from runtime.metrics import Metrics
from runtime.pulse import Pulse
from runtime.redis_client import open_reader, open_redis
from runtime.rehearsal import Rehearsal
from runtime.streams import Consumer, ConsumerSettings, StreamObserver, Tail


async def run(settings: GovernorSettings, stop: asyncio.Event, *, block_ms: int = 1_000) -> None:
    """Judge arms and check allocations until `stop`; reads wait `block_ms`, which is how long a stop may take."""
    clock, metrics, keys = SystemClock(), Metrics(), Keys(settings.flatten_namespace)
    observer, streams = Observer(metrics, settings, clock), StreamObserver(metrics)
    redis = open_redis(settings.redis_url, name="governor")
    reader = open_reader(settings.redis_url, name="governor")
    latch = _latch(settings, redis)
    store = ArmStore(redis, keys)
    pulse = Pulse(redis=redis, latch=latch, clock=clock, on_latch=observer.latch_seen)
    scratch = keys.scratch(settings.consumer_name, secrets.token_hex(8))
    rehearsal = Rehearsal(redis=redis, scratch=scratch, piece=PIECE, clock=clock)
    history = History(redis, keys, observer, clock)
    outlook = OutlookWatch(store=store, latch=latch, standing=settings.standing, observer=observer, clock=clock)
    watch = AllocationWatch(redis=redis, settings=settings, clock=clock, observer=observer)
    snapshots = Tail(
        reader=reader,
        stream_key=keys.of(PositionSnapshot),
        event_type=PositionSnapshot,
        observer=streams,
        block_ms=block_ms,
        clock=clock,
    )
    operators = OperatorsFile(settings.operators_file, settings.exchange_env)
    handlers = ArmHandlers(
        store=store,
        latch=latch,
        operators=operators,
        standing=settings.standing,
        exposure=watch.exposure,
        observer=observer,
    )
    arms = Consumer(
        redis=redis,
        reader=reader,
        stream_key=keys.of(ArmRequested),
        dead_key=keys.stream("dead"),
        group=GOVERNOR_GROUP,
        consumer_name=settings.consumer_name,
        handlers={
            ArmRequested: handlers.on_arm_requested,
            DisarmRequested: handlers.on_disarm_requested,
        },
        observer=streams,
        settings=ConsumerSettings(block_ms=block_ms),
        clock=clock,
    )
    checks = {
        "redis": pulse.redis,
        "latch": pulse.latch,
        "scripts": rehearsal.check,
        "arms": arms.check,
        "operators": lambda: Check.unless(operators.problem(clock.now_ms())),
        "evidence": history.evidence,
        "snapshot": observer.snapshot_check,
    }

    board, console_observer = Board(), ConsoleObserver(metrics)
    console = Console(
        whose=Whose(standing=settings.standing, namespace=keys.namespace, version=software_version()),
        sources=Sources(
            outlook=outlook.newest,
            snapshot=lambda: watch.exposure().snapshot,
            checks=watch.checks,
            operators=lambda: operators.last,
            ready=checks,
        ),
        record=RecordReader(redis, keys),
        board=board,
        observer=console_observer,
        clock=clock,
    )
    guard = Guard(settings.http_host, settings.console_token)
    pages = ConsolePages(board=board, guard=guard, observer=console_observer)

    async def judge_arms() -> None:
        await rehearsal.run(stop)
        settle_down()
        await arms.run(stop)

    try:
        async with health_server(
            host=settings.http_host, port=settings.http_port, metrics=metrics, checks=checks, more=pages.add_to
        ):
            await supervise(
                judge_arms(),
                outlook.run(stop),
                pulse.run(stop),
                operators.keep_looking(stop, observer.operators_seen),
                history.run(stop),
                arms.backlog.run(stop),
                watch.run(snapshots, stop),
                console.run(stop),
                stop=stop,
            )
    finally:
        await reader.aclose()
        await redis.aclose()


def _latch(settings: GovernorSettings, redis: Redis) -> Latch:
    try:
        return open_latch(settings.ess_latch, redis)
    except ValueError as error:
        raise StartupError(str(error)) from error


def main() -> None:
    """The console program."""
    run_service(run, GovernorSettings, "governor")


if __name__ == "__main__":
    main()
