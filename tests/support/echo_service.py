"""A whole service on `runtime`, small enough to try its frame on: it handles disarms by counting them.

The arm "slow" is in hand until the test releases it.
"""

import asyncio

from contracts.arming import DisarmRequested
from contracts.streams import Keys
from runtime import logs
from runtime.app import run_service, supervise
from runtime.entries import Entry, entry_fields
from runtime.http import health_server
from runtime.metrics import Metrics
from runtime.redis_client import open_reader, open_redis, raw, wait_until_up
from runtime.scripts import Script
from runtime.secret import Secret
from runtime.settings import CommonSettings
from runtime.streams import Consumer, ConsumerSettings, StreamObserver
from runtime.tracing import producer_span

_log = logs.get_logger("echo")
EFFECT = Script(
    "effect",
    # As a real one: it first looks whether the entry is still to be handled, then has its effect.
    "if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1) == 0 then return 0 end"
    " redis.call('HINCRBY', KEYS[2], ARGV[2], 1)"
    " redis.call('XADD', KEYS[3], '*', unpack(ARGV, 4))"
    " return redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])",
)


class EchoSettings(CommonSettings, frozen=True, kw_only=True):
    consumer_name: str = "echo-1"
    http_port: int = 0
    exchange_api_secret: Secret = Secret("")


async def run(settings: EchoSettings, stop: asyncio.Event) -> None:
    keys = Keys(settings.flatten_namespace)
    redis, reader = open_redis(settings.redis_url, name="echo"), open_reader(settings.redis_url, name="echo")
    metrics = Metrics()

    async def on_disarm(entry: Entry[DisarmRequested]) -> None:
        event = entry.event
        _log.info(f"handling {event.arm_id}", secret=settings.exchange_api_secret.reveal() or None)
        if event.arm_id == "crash":
            raise ZeroDivisionError(f"crashed over {settings.exchange_api_secret.reveal()}")
        if event.arm_id == "slow":
            while not await raw(redis, "EXISTS", f"{settings.flatten_namespace}:released"):  # noqa: ASYNC110 - no event of this process tells
                await asyncio.sleep(0.01)
        with producer_span("flatten.audit"):
            fields = entry_fields(event, source="/echo", subject="main", event_id=event.arm_id, time_ms=1)
            names = [keys.stream("flatten.arm"), f"{settings.flatten_namespace}:effects", keys.stream("flatten.audit")]
            await EFFECT.run(redis, names, ["governor", event.arm_id, entry.id, *fields])
        _log.info(f"handled {event.arm_id}")

    consumer = Consumer(
        redis=redis,
        reader=reader,
        stream_key=keys.stream("flatten.arm"),
        dead_key=keys.stream("dead"),
        group="governor",
        consumer_name=settings.consumer_name,
        handlers={DisarmRequested: on_disarm},
        observer=StreamObserver(metrics),
        settings=ConsumerSettings(block_ms=200, reconnect_cap_s=0.2),
    )

    async def consume() -> None:
        if await wait_until_up(redis, stop=stop):
            await consumer.run(stop)

    try:
        async with health_server(
            host=settings.http_host, port=settings.http_port, metrics=metrics, checks={"arms": consumer.check}
        ):
            await supervise(consume(), stop=stop)
    finally:
        await redis.aclose()
        await reader.aclose()


if __name__ == "__main__":
    run_service(run, EchoSettings, "echo")
