"""Clients that tell what happened: nothing is sent twice, and a cancellation is one."""

import asyncio
import random

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from runtime.clock import SystemClock
from runtime.errors import StartupError
from runtime.redis_client import is_transient, open_reader, open_redis, raw, wait_for_stop, wait_until_up
from runtime.scripts import Script
from support.patience import HANG_S
from support.proxy import FaultyProxy
from support.redis_server import RedisServer
from support.streaming import Workshop


class EndlessClock(SystemClock):
    """Whoever sleeps by it never wakes by itself."""

    def __init__(self) -> None:
        self.slept = asyncio.Event()
        """Set once somebody sleeps."""

    async def sleep(self, _seconds: float) -> None:
        self.slept.set()
        await asyncio.Event().wait()


async def test_a_lost_reply_is_an_error_and_the_entry_is_there_once(workshop: Workshop) -> None:
    async with (
        FaultyProxy(workshop.url) as proxy,
        Workshop(proxy.url, workshop.keys.namespace) as lossy,
    ):
        await lossy.say("before")
        proxy.drop_next_reply(b"XADD")

        with pytest.raises(RedisConnectionError):
            await lossy.say("lost")

        assert proxy.dropped.is_set()
    rows = await raw(workshop.redis, "XRANGE", workshop.stream, "-", "+")
    assert [dict(zip(row[1][::2], row[1][1::2], strict=True))[b"id"] for row in rows] == [b"before", b"lost"]


async def test_a_script_whose_reply_is_lost_ran_once(redis_url: str, redis: Redis, namespace: str) -> None:
    script = Script("count", "return redis.call('INCR', KEYS[1])")
    async with FaultyProxy(redis_url) as proxy:
        client = open_redis(proxy.url, name="test")
        await script.run(client, [f"{namespace}:n"])
        proxy.drop_next_reply(b"EVALSHA")

        with pytest.raises(RedisConnectionError) as caught:
            await script.run(client, [f"{namespace}:n"])

        await client.aclose()
    assert is_transient(caught.value)
    assert await raw(redis, "GET", f"{namespace}:n") == b"2"


async def test_a_script_that_the_server_forgot_is_loaded_again(own_redis: RedisServer) -> None:
    client = open_redis(own_redis.url, name="test")
    script = Script("echo", "return ARGV[1]")
    assert await script.run(client, [], ["one"]) == b"one"

    await raw(client, "SCRIPT", "FLUSH")

    assert await script.run(client, [], ["two"]) == b"two"
    await client.aclose()


async def test_a_cancelled_task_always_ends_however_the_cancellation_meets_a_command(redis: Redis) -> None:
    async def busy() -> None:
        while True:
            await raw(redis, "PING")

    chance = random.Random(7)
    for _ in range(400):
        task = asyncio.create_task(busy())
        for _ in range(chance.randrange(1, 40)):
            await asyncio.sleep(0)
        task.cancel()
        _, running = await asyncio.wait((task,), timeout=HANG_S)
        assert not running
        assert task.cancelled()


async def test_a_server_that_takes_nothing_any_more_is_an_error_within_the_socket_s_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("runtime.redis_client.SOCKET_TIMEOUT_S", 0.3)
    ended = asyncio.Event()

    async def takes_the_name_alone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"SETNAME")
        writer.write(b"+OK\r\n")
        await ended.wait()
        writer.close()

    server = await asyncio.start_server(takes_the_name_alone, "127.0.0.1", 0, limit=64)
    client = open_redis(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0", name="test")
    try:
        async with asyncio.timeout(HANG_S):
            with pytest.raises(RedisTimeoutError, match="writing to socket"):
                await raw(client, "ECHO", b"x" * 64 * 1024 * 1024)
    finally:
        ended.set()
        await client.aclose()
        server.close()


async def test_waiting_for_redis_ends_when_it_is_up(own_redis: RedisServer) -> None:
    await asyncio.to_thread(own_redis.stop)
    client, stop = open_redis(own_redis.url, name="test"), asyncio.Event()

    waiting = asyncio.create_task(wait_until_up(client, stop=stop, cap_s=0.05))
    await asyncio.to_thread(own_redis.start)

    assert await asyncio.wait_for(waiting, HANG_S) is True
    await client.aclose()


async def test_waiting_for_redis_ends_with_the_stop() -> None:
    client, stop, clock = open_redis("redis://127.0.0.1:1/0", name="test"), asyncio.Event(), EndlessClock()

    waiting = asyncio.create_task(wait_until_up(client, stop=stop, clock=clock))
    await clock.slept.wait()
    stop.set()

    assert await asyncio.wait_for(waiting, HANG_S) is False
    await client.aclose()


async def test_a_read_may_not_block_longer_than_its_socket_waits(redis_url: str) -> None:
    with pytest.raises(ValueError, match="2000 ms, not 7000"):
        open_reader(redis_url, name="test", block_ms=7000)


@pytest.mark.parametrize("url", ["redis://:hunter2-secret@h/0?socket_timeout=1", "http://:hunter2-secret@h"])
def test_a_bad_url_is_one_line_without_the_password(url: str) -> None:
    with pytest.raises(StartupError) as caught:
        open_redis(url, name="test")

    assert "REDIS_URL" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_stop_cuts_a_wait_short() -> None:
    stop, clock = asyncio.Event(), EndlessClock()
    waiting = asyncio.create_task(wait_for_stop(stop, 60, clock))
    await clock.slept.wait()

    stop.set()

    assert await asyncio.wait_for(waiting, HANG_S) is True
