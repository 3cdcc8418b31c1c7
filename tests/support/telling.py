"""What a test of the notifier writes to the streams, and asks of it."""

import asyncio
from decimal import Decimal

import aiohttp
from msgspec.structs import replace
from redis.asyncio import Redis

from contracts.arming import ArmAccepted, ArmRefused
from contracts.base import Event
from contracts.codec import encode
from contracts.flattening import FlattenCompleted, RunVerdict
from contracts.streams import Keys
from runtime.redis_client import raw
from support.event_samples import EVENT_SAMPLES
from support.processes import ServiceProcess
from support.scribe import Scribe

STREAMS = ("flatten.audit", "flatten.completed", "dead")


def accepted(operator: str = "alice") -> ArmAccepted:
    event = EVENT_SAMPLES["arm.accepted.v1"]
    assert isinstance(event, ArmAccepted)
    return replace(event, operator=operator)


def refused(operator: str = "bob") -> ArmRefused:
    event = EVENT_SAMPLES["arm.refused.v1"]
    assert isinstance(event, ArmRefused)
    return replace(event, operator=operator)


def not_flat() -> FlattenCompleted:
    event = EVENT_SAMPLES["flatten.completed.v1"]
    assert isinstance(event, FlattenCompleted)
    return event


def flat() -> FlattenCompleted:
    counts = replace(
        not_flat().counts, zero=631, unreadable=0, dust=0, below_step=0, untradable=0, out_of_scope=0, filtered=43,
        sent=43, ok=43, orders_sent=43, orders_ok=43, errors=0, unknown=0,
    )  # fmt: skip
    return replace(
        not_flat(),
        verdict=RunVerdict.FLAT,
        counts=counts,
        outcomes=(),
        residual=(),
        residual_notional_usd=Decimal(0),
        residual_unpriced=0,
        notes=(),
    )


def dead_letter(why: str = "no such account", stream: str = "flatten.arm") -> list[str]:
    """The fields of one, as `runtime.dead_letters` writes them."""
    ours = {
        "dead_stream": f"ns:stream:{stream}",
        "dead_entry_id": "17-1",
        "dead_group": "governor",
        "dead_consumer": "governor-1",
        "dead_error": why,
        "dead_deliveries": "3",
        "dead_at_ms": "1",
    }
    return ["data", '{"secret":"of whoever wrote it"}', *(text for pair in ours.items() for text in pair)]


async def at(redis: Redis, keys: Keys, event: Event, unix_ms: int) -> None:
    """Publish an event as Redis took it at that time: before anything else in its stream."""
    fields = encode(event, source="/t", subject="main", event_id="e", time_ms=unix_ms, traceparent=None)
    await raw(redis, "XADD", keys.of(type(event)), f"{unix_ms}-0", *(text for pair in fields.items() for text in pair))


async def is_at_its_place(notifier: ServiceProcess, addresses: int = 1) -> ServiceProcess:
    """Return once every address is told of what comes from now on."""
    for address in range(1, addresses + 1):
        for stream in STREAMS:
            await notifier.wait_line(f"address {address}: told of {stream} from now on")
    return notifier


async def readyz(notifier: ServiceProcess) -> str:
    """What it says of itself."""
    async with aiohttp.ClientSession() as session, session.get(f"{await notifier.http_url()}/readyz") as answer:
        return await answer.text()


async def until_kept(scribe: Scribe, *streams: str) -> None:
    """Return once the first address has a place in each of these streams."""
    places = scribe.keys.notifier_places
    for stream in streams:
        while not await raw(scribe.redis, "HEXISTS", places, f"1 {stream}"):  # noqa: ASYNC110 - it is another process's
            await asyncio.sleep(0.02)


async def until_done(scribe: Scribe) -> None:
    """Return once the first address is done with everything on the audit stream."""
    info = await raw(scribe.redis, "XINFO", "STREAM", scribe.keys.stream("flatten.audit"))
    last = info[info.index(b"last-generated-id") + 1]
    places = scribe.keys.notifier_places
    while await raw(scribe.redis, "HGET", places, "1 flatten.audit") != last:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.02)
