"""With the users switched on, a Redis that restarts has everything that it had."""

from collections.abc import Iterator

import pytest
from redis.exceptions import AuthenticationError

from contracts.redis_users import redis_users
from runtime.redis_client import open_redis, raw
from support.redis_local import DURABLE
from support.redis_server import IMAGES, ContainerRedis, require_engine

pytestmark = pytest.mark.containers


class Guarded(ContainerRedis):
    """A server where `default` is as deployed, and a user of the test's own can do everything."""

    def __init__(self, image: str) -> None:
        default = " ".join(redis_users()["default"]).split()
        users = ("--user", "default", "reset", "off", *default, "--user", "tester", "on", ">drill", "~*", "&*", "+@all")
        super().__init__(image, (*DURABLE, *users))

    @property
    def url(self) -> str:
        return super().url.replace("//", "//tester:drill@")


@pytest.fixture(params=IMAGES)
def guarded(request: pytest.FixtureRequest) -> Iterator[Guarded]:
    require_engine("this server")
    server = Guarded(request.param)
    server.start()
    yield server
    server.close()


async def test_what_a_script_and_a_transaction_wrote_is_there_after_a_restart(guarded: Guarded) -> None:
    client = open_redis(guarded.url, name="test")
    await raw(client, "EVAL", "redis.call('SET', KEYS[1], 1) redis.call('SET', KEYS[2], 1)", 2, "a", "b")
    async with client.pipeline(transaction=True) as both:
        both.set("c", 1)
        both.set("d", 1)
        await both.execute()
    await raw(client, "SET", "e", 1)
    await client.aclose()

    guarded.restart()

    client = open_redis(guarded.url, name="test")
    kept = sorted(await raw(client, "KEYS", "*"))
    await client.aclose()
    assert kept == [b"a", b"b", b"c", b"d", b"e"]


@pytest.mark.parametrize("password", ["", "drill", "default"])
async def test_nobody_can_be_default(guarded: Guarded, password: str) -> None:
    for who in ("", f"default:{password}@"):
        client = open_redis(guarded.url.replace("tester:drill@", who), name="test")
        with pytest.raises(AuthenticationError):
            await raw(client, "GET", "a")
        await client.aclose()
