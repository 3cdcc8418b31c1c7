"""The scripts are tried on scratch keys that are this start's own, and that are gone afterwards."""

import asyncio
import re
from typing import Self
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from contracts.streams import Keys
from flatten_executor.rehearsal import piece as executors_piece
from governor.rehearsal import PIECE as GOVERNORS_PIECE
from runtime.clock import SystemClock
from runtime.errors import StartupError
from runtime.redis_client import open_redis, raw
from runtime.rehearsal import Piece, Rehearsal
from support.patience import HANG_S
from support.proxy import FaultyProxy
from support.redis_server import RedisServer
from support.trio import Trio

PIECES = {"governor": GOVERNORS_PIECE, "executor": executors_piece(SystemClock())}


def a_rehearsal(redis: Redis, namespace: str, piece: Piece, token: str = "token") -> Rehearsal:
    return Rehearsal(redis=redis, scratch=Keys(namespace).scratch("one-name", token), piece=piece, clock=SystemClock())


class Monitor:
    """Every command that a server is given, as MONITOR shows it."""

    def __init__(self, url: str) -> None:
        self._at = urlsplit(url)

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(self._at.hostname, self._at.port)
        self._writer.write(b"MONITOR\r\n")
        assert await self._reader.readline() == b"+OK\r\n"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        await self._writer.wait_closed()

    async def until_now(self, redis: Redis) -> str:
        await raw(redis, "ECHO", marker := f"now {id(self)}")
        async with asyncio.timeout(HANG_S):
            return (await self._reader.readuntil(marker.encode())).decode()


async def left(redis: Redis, namespace: str) -> list[bytes]:
    _, keys = await raw(redis, "SCAN", 0, "MATCH", f"{namespace}*", "COUNT", 1_000_000)
    return list(keys)


@pytest.fixture(params=PIECES)
def piece(request: pytest.FixtureRequest) -> Piece:
    return PIECES[request.param]


async def test_it_goes_well_and_leaves_nothing_behind(redis: Redis, namespace: str, piece: Piece) -> None:
    rehearsal = a_rehearsal(redis, namespace, piece)
    assert not rehearsal.check().ok

    await rehearsal.run(asyncio.Event())

    assert rehearsal.check().ok
    assert await left(redis, namespace) == []


async def test_many_of_one_name_that_start_together_do_not_meet(redis: Redis, namespace: str, piece: Piece) -> None:
    await asyncio.gather(*(a_rehearsal(redis, namespace, piece, f"{number}").once() for number in range(20)))

    assert await left(redis, namespace) == []


async def test_what_does_not_work_is_named_and_nothing_is_left(
    redis: Redis, redis_url: str, namespace: str, piece: Piece
) -> None:
    user = namespace.replace(":", "-")
    await raw(redis, "ACL", "SETUSER", user, "on", "nopass", "~*", "+@all", "-hset")
    client = open_redis(redis_url.replace("redis://", f"redis://{user}:any@"), name="test")
    try:
        with pytest.raises(StartupError, match=r"the scripts do not work on this Redis: .*script"):
            await a_rehearsal(client, namespace, piece).run(asyncio.Event())
    finally:
        await client.aclose()
        await raw(redis, "ACL", "DELUSER", user)

    assert await left(redis, namespace) == []


async def test_what_a_lost_connection_left_is_in_nobodys_way(
    redis: Redis, redis_url: str, namespace: str, piece: Piece
) -> None:
    async with FaultyProxy(redis_url) as proxy:
        client = open_redis(proxy.url, name="test")
        rehearsal = a_rehearsal(client, namespace, piece)
        proxy.drop_next_reply(b"XREADGROUP")
        with pytest.raises(RedisError):
            await rehearsal.once()
        await rehearsal.run(asyncio.Event())
        await client.aclose()

    assert rehearsal.check().ok
    assert await left(redis, namespace) == []


@pytest.mark.parametrize("name", ["governor", "executor"])
async def test_each_start_of_a_service_has_scratch_keys_of_its_own(
    trio: Trio, redis: Redis, redis_url: str, namespace: str, name: str
) -> None:
    seen = []
    for _ in range(2):
        async with Monitor(redis_url) as monitor, trio.service(name) as service:
            await service.wait_ready()
            commands = await monitor.until_now(redis)
        seen.append(set(re.findall(rf"{namespace}:scratch:[^:]+:([^:\"]+):", commands)))

    assert [len(tokens) for tokens in seen] == [1, 1]
    assert not seen[0] & seen[1]


@pytest.mark.containers
async def test_the_scripts_work_on_every_supported_server(
    redis_of_each_kind: RedisServer, namespace: str, piece: Piece
) -> None:
    client = open_redis(redis_of_each_kind.url, name="test")
    await a_rehearsal(client, namespace, piece).once()
    await client.aclose()


async def test_the_scripts_work_on_the_embedded_server(own_redis: RedisServer, namespace: str, piece: Piece) -> None:
    client = open_redis(own_redis.url, name="test")
    await a_rehearsal(client, namespace, piece).once()
    await client.aclose()
