"""The chain on a real Redis: what the script works out is what `contracts.chain` works out from the entries."""

import asyncio
from collections.abc import Sequence

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from contracts.chain import Head, beginning, chained, digest_of, read_head
from contracts.streams import Keys
from runtime.redis_client import raw
from runtime.scripts import Script


@pytest.fixture
def append() -> Script:
    """A script that does nothing else."""
    chain = Script.from_package("runtime.lua", "chain.lua").source
    return Script("append", f"{chain}\nlocal id, now = audit(1)\nreturn {{id, now}}")


@pytest.fixture
def keys(namespace: str) -> tuple[str, str]:
    named = Keys(namespace)
    return named.stream("flatten.audit"), named.audit_head


async def rows(redis: Redis, stream: str) -> list[tuple[str, list[bytes]]]:
    return [(row[0].decode(), row[1]) for row in await raw(redis, "XRANGE", stream, "-", "+")]


def heads(stream: str, entries: Sequence[tuple[str, list[bytes]]]) -> list[Head]:
    """Before the first entry and after each."""
    found = [beginning(stream)]
    for entry_id, (name, _, *texts) in entries:
        assert name == b"chain"
        found.append(found[-1].after(entry_id, digest_of(texts)))
    return found


async def test_every_entry_says_what_came_before_it_and_the_head_what_comes_next(
    redis: Redis, append: Script, keys: tuple[str, str]
) -> None:
    await append.run(redis, keys, chained(["a", "1"]))
    entry_id, head = await append.run(redis, keys, [*chained(["b", "größe"]), *chained(["c", "\0", "c", ""])])

    entries = await rows(redis, keys[0])
    worked_out = heads(keys[0], entries)
    assert [read_head(texts[1].decode()) for _, texts in entries] == worked_out[:-1]
    assert (entry_id.decode(), head.decode()) == (entries[-1][0], str(worked_out[-1]))
    assert await raw(redis, "GET", keys[1]) == head
    assert worked_out[-1].number == 3


async def test_many_writers_at_once_make_one_chain(redis: Redis, append: Script, keys: tuple[str, str]) -> None:
    await asyncio.gather(
        *(append.run(redis, keys, [*chained(["n", str(n)]), *chained(["m", str(n)])]) for n in range(20))
    )

    entries = await rows(redis, keys[0])
    assert [texts[1].decode() for _, texts in entries] == list(map(str, heads(keys[0], entries)[:-1]))


async def test_nothing_to_append_moves_no_head(redis: Redis, append: Script, keys: tuple[str, str]) -> None:
    assert await append.run(redis, keys) == []

    assert await raw(redis, "EXISTS", *keys) == 0


@pytest.mark.parametrize("wrong", [["SET", "garbage"], ["SET", ""], ["RPUSH", "1"], ["SET", "9:abc"]])
async def test_a_head_that_cannot_be_read_stops_nothing_and_the_chain_begins_anew(
    redis: Redis, append: Script, keys: tuple[str, str], wrong: list[str]
) -> None:
    await raw(redis, wrong[0], keys[1], *wrong[1:])
    await append.run(redis, keys, chained(["a", "1"]))

    (entry,) = await rows(redis, keys[0])
    assert entry[1][1].decode() == str(beginning(keys[0]))
    assert (await raw(redis, "GET", keys[1])).decode() == str(heads(keys[0], [entry])[-1])


async def test_who_may_not_read_the_head_writes_nothing(
    redis: Redis, append: Script, keys: tuple[str, str], redis_url: str
) -> None:
    user = "without-the-head"
    rules = ("on", "nopass", "~*", "+@all", "-get")
    await raw(redis, "ACL", "SETUSER", user, "reset", *rules)
    try:
        client = Redis.from_url(redis_url, username=user, password="any", protocol=2)
        try:
            with pytest.raises(ResponseError):
                await append.run(client, keys, chained(["a", "1"]))
        finally:
            await client.aclose()
    finally:
        await raw(redis, "ACL", "DELUSER", user)

    assert await raw(redis, "EXISTS", *keys) == 0
