"""A receiver, a notifier or Redis that is away: nothing is lost, nothing is told without end, nobody else waits."""

import asyncio
import re

from notifier.core.pace import BURST, EVERY_S
from runtime.redis_client import open_redis
from support.governing import wait_metrics
from support.receiver import Receiver
from support.redis_server import RedisServer
from support.scribe import Scribe
from support.telling import (
    STREAMS,
    accepted,
    at,
    flat,
    is_at_its_place,
    not_flat,
    refused,
    until_done,
    until_kept,
)

from .conftest import MakeNotifier

MINUTE_MS = 60_000


async def placed(notifier: MakeNotifier, scribe: Scribe) -> None:
    """A notifier was there once, before anything happened."""
    async with notifier() as running:
        await is_at_its_place(running)
        await until_kept(scribe, *STREAMS)
        running.sigterm()
        assert await running.wait() == 0, running.text


async def test_a_receiver_that_is_down_is_told_when_it_is_back(
    notifier: MakeNotifier, receiver: Receiver, scribe: Scribe
) -> None:
    async with notifier() as running:
        await is_at_its_place(running)
        await running.wait_ready()
        await receiver.down()
        await scribe.tell(accepted(), flat())
        await running.wait_line("was not told")
        await running.wait_unready()
        await receiver.up()
        await receiver.wait_for(2)
        await running.wait_ready()
        metrics = await running.metrics()

    assert [title.split(": ")[0] for title in receiver.titles] == [
        "[sim/main] ARM ACCEPTED from alice",
        "[testnet/main] FLAT",
    ]
    failures = re.search(r'notifier_failures_total\{address="1"\} (\S+)', metrics)
    assert failures is not None
    assert float(failures[1]) >= 1
    assert "was told, after" in running.text


async def test_one_address_that_hangs_holds_up_no_other(
    notifier: MakeNotifier, receiver: Receiver, scribe: Scribe
) -> None:
    other = await Receiver().up()
    other.answering.clear()
    try:
        async with notifier(NOTIFY_URLS=f"{other.address}\n{receiver.address}") as running:
            await is_at_its_place(running, 2)
            await scribe.tell(accepted("first"))
            await other.wait_asked(1)
            await receiver.wait_for(1)
            await scribe.tell(accepted("second"))
            await receiver.wait_for(2)
            told_meanwhile = list(other.messages)
            other.answering.set()
            await other.wait_for(2)
    finally:
        other.answering.set()
        await other.down()

    assert told_meanwhile == []
    assert other.titles == receiver.titles


async def test_what_is_a_quarter_of_an_hour_old_is_told_in_one_message(
    notifier: MakeNotifier, receiver: Receiver, scribe: Scribe
) -> None:
    await placed(notifier, scribe)
    now_ms = await scribe.now_ms()
    await at(scribe.redis, scribe.keys, accepted(), now_ms - 60 * MINUTE_MS)
    await at(scribe.redis, scribe.keys, not_flat(), now_ms - 59 * MINUTE_MS)
    await at(scribe.redis, scribe.keys, refused(), now_ms - 30 * MINUTE_MS)
    await scribe.tell(accepted("now"))

    async with notifier():
        await receiver.wait_for(2)

    assert receiver.titles == [
        "[sim/main] told late, runs with something still open: 1, arms accepted: 1, arms refused: 1",
        "[sim/main] ARM ACCEPTED from now: a flatten begins",
    ]
    assert receiver.messages[0]["type"] == "failure"
    assert "812.40 USD still open" in receiver.messages[0]["message"]


async def test_what_is_a_day_old_is_counted_and_logged_and_not_told(
    notifier: MakeNotifier, receiver: Receiver, scribe: Scribe
) -> None:
    await placed(notifier, scribe)
    now_ms = await scribe.now_ms()
    await at(scribe.redis, scribe.keys, refused("long-ago"), now_ms - 25 * 60 * MINUTE_MS)
    await scribe.tell(accepted("now"))

    async with notifier() as running:
        await receiver.wait_for(1)
        metrics = await running.metrics()

    assert receiver.titles == ["[sim/main] ARM ACCEPTED from now: a flatten begins"]
    assert "is never told, it is older than a day: ARM REFUSED from long-ago" in running.text
    assert 'notifier_events_expired_total{address="1"} 1.0' in metrics


async def test_a_flood_of_refused_arms_is_a_few_messages_that_count_them_all(
    notifier: MakeNotifier, receiver: Receiver, scribe: Scribe
) -> None:
    arms = 700
    async with notifier() as running:
        await is_at_its_place(running)
        for number in range(arms):
            await scribe.tell(refused(f"mallory-{number}"))
        await scribe.tell(not_flat())
        await wait_metrics(running, f'notifier_events_told_total{{address="1",kind="refused"}} {arms}.0')

    assert len(receiver.messages) <= 10
    assert all(len(message["message"]) <= 1_500 for message in receiver.messages)
    (verdict,) = [message for message in receiver.messages if "still open" in message["title"]]
    assert verdict["type"] == "failure"


async def test_after_a_few_messages_they_come_slowly(
    notifier: MakeNotifier, receiver: Receiver, scribe: Scribe
) -> None:
    async with notifier() as running:
        await is_at_its_place(running)
        for number in range(BURST + 1):
            await scribe.tell(refused(f"mallory-{number}"))
            await receiver.wait_for(number + 1)

    assert receiver.times_s[-1] - receiver.times_s[0] > 0.9 * EVERY_S


async def test_it_survives_a_restart_of_redis(
    notifier: MakeNotifier, receiver: Receiver, own_redis: RedisServer, namespace: str
) -> None:
    redis = open_redis(own_redis.url, name="test")
    scribe = Scribe(redis, redis, namespace)
    try:
        async with notifier(REDIS_URL=own_redis.url) as running:
            await is_at_its_place(running)
            await scribe.tell(accepted("before"))
            await receiver.wait_for(1)
            await until_done(scribe)
            await asyncio.to_thread(own_redis.kill)
            await running.wait_unready()
            await asyncio.to_thread(own_redis.start)
            await running.wait_ready()
            await scribe.tell(accepted("after"))
            await receiver.wait_for(2)
    finally:
        await redis.aclose()

    assert [title.split()[4] for title in receiver.titles] == ["before:", "after:"]


async def test_without_an_address_it_is_ready_and_says_that_nobody_is_told(notifier: MakeNotifier) -> None:
    async with notifier(NOTIFY_URLS="", REDIS_URL="redis://127.0.0.1:1/0") as running:
        await running.wait_line("NOTIFY_URLS names nobody")
        await running.wait_ready()
        running.sigterm()
        assert await running.wait() == 0, running.text


async def test_a_stop_does_not_wait_for_a_receiver_that_hangs(
    notifier: MakeNotifier, receiver: Receiver, scribe: Scribe
) -> None:
    receiver.answering.clear()
    async with notifier() as running:
        await is_at_its_place(running)
        await scribe.tell(accepted())
        await receiver.wait_asked(1)
        running.sigterm()
        assert await running.wait(timeout_s=20) == 0, running.text

    assert receiver.messages == []
