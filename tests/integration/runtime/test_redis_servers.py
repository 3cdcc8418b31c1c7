import asyncio

from redis.asyncio import Redis

from runtime.redis_client import open_redis, raw
from support.redis_server import RedisServer


async def test_the_shared_server_answers(redis: Redis, namespace: str) -> None:
    await raw(redis, "SET", f"{namespace}:k", "v")

    assert await raw(redis, "GET", f"{namespace}:k") == b"v"


async def test_a_killed_server_comes_back_with_what_it_had_acknowledged(own_redis: RedisServer) -> None:
    client = open_redis(own_redis.url, name="test")
    await raw(client, "SET", "k", "v")

    await asyncio.to_thread(own_redis.kill)
    await asyncio.to_thread(own_redis.start)

    assert await raw(client, "GET", "k") == b"v"
    await client.aclose()
