"""What each Redis user who is no service can do, and what not: by a table, on every kind of server."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, ResponseError

from contracts.redis_users import redis_users
from contracts.streams import Keys
from runtime.redis_client import open_redis, raw
from support.redis_server import RedisServer

PASSWORD = "drill"
PEOPLE = ("operator", "notifier", "allocator", "viewer", "administrator")
pytestmark = pytest.mark.containers
CAN = {
    "operator": [
        "TIME", "INFO server", "ACL WHOAMI", "XRANGE {audit} - +", "XREVRANGE {completed} + - COUNT 1", "XLEN {dead}",
        "XINFO GROUPS {arm}", "XPENDING {arm} group", "XREAD COUNT 1 STREAMS {completed} 0", "XADD {arm} * said 1",
        "XADD {abort} * said 1", "XADD {settled} * said 1", "XDEL {dead} 0-1", "GET {armed}", "SET {armed} arm-1",
        "PTTL {armed}", "DEL {armed}", "GET {last}", "HGETALL {fired}", "HEXISTS {fired} arm-1", "HGETALL {run}",
        "SET {latch} 1", "GET {latch}", "DEL {latch}", "GET {cached}", "TYPE {cached}",
    ],
    "notifier": [
        "XRANGE {audit} - +", "XRANGE {completed} - +", "XRANGE {dead} - +", "XINFO STREAM {audit}",
        "SET {holder} me NX PX 1000", "GET {holder}", "DEL {holder}", "HSET {places} a 0-0", "HMGET {places} a",
    ],
    "allocator": ["TIME", "EXISTS {target}", "HSET {target} target_usd 1", "HGET {target} target_usd"],
    "viewer": [
        "XRANGE {audit} - +", "XREVRANGE {arm} + - COUNT 1", "XREAD COUNT 1 STREAMS {requested} 0", "XLEN {dead}",
        "XINFO STREAM {audit}", "XINFO GROUPS {arm}", "XINFO CONSUMERS {arm} group", "XRANGE {snapshot} - +",
    ],
    "administrator": [
        "CONFIG GET appendonly", "CONFIG SET slowlog-max-len 128", "KEYS *", "SCAN 0", "ACL LIST", "CLIENT LIST",
        "SLOWLOG GET", "INFO all", "MEMORY USAGE {audit}", "XADD {audit} * said 1", "XTRIM {audit} MAXLEN 1000",
        "XGROUP CREATE {arm} mended 0", "XGROUP DESTROY {arm} mended", "SET {last} 1", "DEL {last}", "SET {latch} 1",
        "DEL {latch}", "HSET {fired} arm-1 1", "HDEL {fired} arm-1", "SCRIPT FLUSH", "BGREWRITEAOF",
    ],
}  # fmt: skip
CANNOT = {
    "operator": [
        "XADD {audit} * forged 1", "XADD {requested} * forged 1", "XADD {completed} * forged 1",
        "XADD {snapshot} * forged 1", "XADD {dead} * forged 1", "XDEL {audit} 0-1", "XDEL {arm} 0-1",
        "XTRIM {arm} MAXLEN 0", "XREADGROUP GROUP group me STREAMS {arm} >", "XACK {arm} group 0-1",
        "XGROUP CREATE {arm} mine 0", "SET {last} 0", "DEL {last}", "SET {active} x", "DEL {active}",
        "HSET {fired} arm-1 1", "HDEL {fired} arm-1", "HSET {run} state x", "DEL {run}", "HSET {target} target_usd 1",
        "HGETALL {target}", "SET {cached} 0", "DEL {holder}", "EXPIRE {latch} 1",
    ],
    "notifier": [
        "XRANGE {arm} - +", "XRANGE {requested} - +", "XRANGE {snapshot} - +", "XADD {dead} * forged 1",
        "XADD {audit} * forged 1", "XDEL {dead} 0-1", "GET {armed}", "SET {armed} x", "GET {latch}", "SET {latch} 1",
        "HGETALL {fired}", "HGETALL {target}", "GET {cached}", "DEL {places}",
    ],
    "allocator": [
        "HGETALL {target}", "HDEL {target} target_usd", "DEL {target}", "EXPIRE {target} 1", "RENAME {target} x",
        "XADD {arm} * forged 1", "XRANGE {audit} - +", "GET {armed}", "GET {latch}", "SET {latch} 1", "GET {cached}",
        "SET {armed} x",
    ],
    "viewer": [
        "XADD {arm} * forged 1", "XADD {audit} * forged 1", "XDEL {audit} 0-1", "XTRIM {audit} MAXLEN 0", "DEL {audit}",
        "XREADGROUP GROUP group me STREAMS {arm} >", "XACK {arm} group 0-1", "XGROUP CREATE {arm} mine 0",
        "GET {armed}", "GET {latch}", "HGETALL {fired}", "HGETALL {run}", "HGETALL {target}", "GET {cached}",
        "TIME", "INFO server", "TYPE {audit}",
    ],
}  # fmt: skip


def names(namespace: str) -> dict[str, str]:
    keys = Keys(namespace)
    streams = {
        name: keys.stream(stream)
        for name, stream in {
            "audit": "flatten.audit",
            "arm": "flatten.arm",
            "abort": "flatten.abort",
            "requested": "flatten.requested",
            "completed": "flatten.completed",
            "snapshot": "position.snapshot",
            "dead": "dead",
            "settled": "dead.settled",
        }.items()
    }
    return streams | {
        "armed": keys.arm,
        "last": keys.last_ts,
        "active": keys.active,
        "fired": keys.fired,
        "run": keys.run("req-1"),
        "holder": keys.notifier_holder,
        "places": keys.notifier_places,
        "latch": f"{namespace}:ess",
        "target": f"{namespace}:target:ETHUSDT",
        "cached": f"{namespace}:cached:ETHUSDT",
    }


@pytest_asyncio.fixture
async def people(redis_of_each_kind: RedisServer, namespace: str) -> AsyncIterator[dict[str, Redis]]:
    """A client for each of them. Every stream is there, and the stream of arms has a group."""
    parts = urlsplit(redis_of_each_kind.url)
    ours = open_redis(redis_of_each_kind.url, name="test")
    rules = redis_users(
        namespace,
        allocation_prefix=f"{namespace}:target:",
        positions_prefix=f"{namespace}:cached:",
        latch_key=f"{namespace}:ess",
    )
    for name in PEOPLE:
        await raw(ours, "ACL", "SETUSER", name, "reset", "on", f">{PASSWORD}", *rules[name])
    known = names(namespace)
    for key in [key for key in known.values() if ":stream:" in key]:
        await raw(ours, "XADD", key, "*", "said", "1")
    await raw(ours, "XGROUP", "CREATE", known["arm"], "group", "0")
    clients = {
        name: open_redis(f"redis://{name}:{PASSWORD}@{parts.hostname}:{parts.port}{parts.path}", name="test")
        for name in PEOPLE
    }
    yield clients
    for client in clients.values():
        await client.aclose()
    await raw(ours, "DEL", *known.values())
    for name in PEOPLE:
        await raw(ours, "ACL", "DELUSER", name)
    await ours.aclose()


@pytest.mark.parametrize("who", CAN)
async def test_what_is_somebodys_work_can_be_done(people: dict[str, Redis], namespace: str, who: str) -> None:
    for command in CAN[who]:
        try:
            await raw(people[who], *command.format(**names(namespace)).split())
        except ResponseError as error:
            pytest.fail(f"{who}: {command}: {error}")


@pytest.mark.parametrize("who", CANNOT)
async def test_what_is_anothers_work_cannot(people: dict[str, Redis], namespace: str, who: str) -> None:
    for command in CANNOT[who]:
        words = command.format(**names(namespace)).split()
        script = f"return redis.call({','.join(repr(word) for word in words)})"
        with pytest.raises(NoPermissionError):
            pytest.fail(f"{who}: {command}: {await raw(people[who], *words)!r}")
        with pytest.raises(ResponseError, match=r"NOPERM|can't (run|access)|permission|not allowed from script"):
            pytest.fail(f"{who}: {command} in a script: {await raw(people[who], 'EVAL', script, 0)!r}")


def test_everybody_is_in_the_table() -> None:
    services = {"default", "position-oracle", "governor", "flatten-executor"}

    assert {*PEOPLE} == CAN.keys() == {*CANNOT, "administrator"} == redis_users().keys() - services
