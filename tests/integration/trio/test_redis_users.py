"""Each program under its own Redis user can do all of its work, and none of another's."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, ResponseError

from contracts.arming import ArmDisarmed, ArmRequested, FlattenRequested
from contracts.flattening import FlattenCompleted, RunVerdict
from contracts.redis_users import acl_file, redis_users
from contracts.streams import EXECUTOR_GROUP, GOVERNOR_GROUP, STREAMS, Keys
from runtime.group import Group
from runtime.redis_client import open_reader, open_redis, raw
from support.console import following
from support.drilling import Drill
from support.flatctl_process import Flatctl
from support.keyring import Keyring
from support.letters import a_letter, entries_of
from support.processes import ServiceProcess
from support.receiver import Receiver
from support.redis_server import RedisServer
from support.requester import Requester
from support.scribe import Scribe
from support.sim import Simulator
from support.telling import accepted, dead_letter, flat, is_at_its_place
from support.tree import text_of
from support.trio import SERVICES, Trio, trio_env

PROGRAMS = {"oracle": "position-oracle", "governor": "governor", "executor": "flatten-executor"}
PASSWORD = "drill"
pytestmark = pytest.mark.containers


def url_of(server: RedisServer, user: str) -> str:
    parts = urlsplit(server.url)
    return f"redis://{user}:{PASSWORD}@{parts.hostname}:{parts.port}{parts.path}"


@pytest_asyncio.fixture
async def admin(redis_of_each_kind: RedisServer, namespace: str) -> AsyncIterator[Redis]:
    """A server with every user but `default`, which remains ours, for this namespace."""
    client = open_redis(redis_of_each_kind.url, name="test")
    users = redis_users(
        namespace,
        allocation_prefix=f"{namespace}:target:",
        positions_prefix=f"{namespace}:cached:",
        latch_key=f"{namespace}:ess",
    )
    for name, rules in users.items():
        if name != "default":
            await raw(client, "ACL", "SETUSER", name, "reset", "on", f">{PASSWORD}", *rules)
    yield client
    for name in users.keys() - {"default"}:
        await raw(client, "ACL", "DELUSER", name)
    await client.aclose()


async def test_a_flatten_from_arm_to_verdict_needs_no_more(
    admin: Redis, redis_of_each_kind: RedisServer, namespace: str, tmp_path: Path
) -> None:
    reader = open_reader(redis_of_each_kind.url, name="test")
    async with Simulator("--scenario", "incident") as sim:
        env = trio_env(sim, url_of(redis_of_each_kind, "operator"), namespace, tmp_path / "ESS_ON") | {
            "FLATTEN_POSITIONS_PREFIX": f"{namespace}:cached:",
            "ESS_LATCH": f"redis:{namespace}:ess",
        }
        people = Keyring(tmp_path, policy="signatures = 2")
        trio = Trio(sim, env | people.of("alice"), Requester(admin, reader, namespace))
        await raw(admin, "HSET", f"{namespace}:target:ETHUSDT", "target_usd", "1820", "mode", "enforce")
        services = [
            trio.service(name, REDIS_URL=url_of(redis_of_each_kind, user), CONSUMER_NAME=f"{user}-1")
            for name, user in PROGRAMS.items()
        ]
        try:
            for service in services:
                await service.start()
            for service in services:
                await service.wait_ready()
            await raw(admin, "SET", f"{namespace}:cached:ETHUSDT", "0")
            await raw(admin, "HSET", f"{namespace}:cached:BTCUSDT", "qty", "0")
            arm, approve = ["arm", "--yes", "--reason", "drill"], ["approve", "--wait", "--yes"]
            for who, words, code in (
                ("alice", ["ess", "activate"], 0),
                ("alice", ["plan"], 0),
                ("alice", arm, 4),
                ("bob", approve, 0),
                ("alice", ["status"], 0),
                ("alice", ["watch"], 0),
                ("alice", ["verify"], 0),
                ("alice", ["history"], 0),
                ("alice", ["dead", "list"], 0),
                ("alice", ["audit", "verify"], 0),
                ("alice", ["export", str(tmp_path / "all.gz")], 0),
                ("alice", ["audit", "verify", "--file", str(tmp_path / "all.gz")], 0),
                ("alice", ["doctor"], 0),
            ):
                trio.env |= people.of(who)
                async with trio.flatctl(*words) as flatctl:
                    assert await flatctl.wait() == code, flatctl.text
                    assert "NOPERM" not in flatctl.text
                    assert "not compared" not in flatctl.text
                    assert words != ["verify"] or "cache: 2 of 674 symbols" in flatctl.text
                    assert words != ["doctor"] or "operator can do none of 7 other things" in flatctl.text
            (completed,) = await trio.events.events(FlattenCompleted)
            async with following(await services[1].http_url()) as page:
                shown = await page.until(lambda parts: parts.get("run") and parts.get("past"))
                assert shown["run"]["verdict"] == "flat"
                assert [text for text in shown["present"]["problems"] if "on record" in text] == []
            async with trio.flatctl("arm", "--wait", "--yes", "--reason", "too soon") as refused:
                assert await refused.wait() == 3, refused.text
            await raw(admin, "XADD", trio.events.keys.of(ArmRequested), "*", "no", "event")
            await services[1].wait_line("dead-lettered")
            await settle_each_letter(trio, services[1])
            async with trio.flatctl("disarm", "arm-of-nobody") as disarm:
                assert await disarm.wait() == 0, disarm.text
            await trio.events.wait_for(ArmDisarmed)
            await services[1].close()
            async with trio.flatctl("arm", "--yes", "--arm-id", "a-slip", "--reason", "a slip") as slip:
                await slip.wait()
            assert await raw(admin, "GET", trio.events.keys.arm) == b"a-slip", slip.text
            async with trio.flatctl("disarm") as back:
                assert await back.wait() == 0, back.text
            assert await raw(admin, "GET", trio.events.keys.arm) is None
        finally:
            for service in services:
                await service.close()
            await reader.aclose()

    assert (completed.verdict, completed.counts.ok) == (RunVerdict.FLAT, 44)
    assert [line for service in services for line in service.lines if "NOPERM" in line or "ermission" in line] == []


async def test_the_notifier_tells_with_what_it_may(
    admin: Redis, redis_of_each_kind: RedisServer, namespace: str
) -> None:
    scribe = Scribe(admin, admin, namespace)
    receiver = await Receiver().up()
    env = {
        "FLATTEN_NAMESPACE": namespace,
        "NOTIFY_URLS": receiver.address,
        "REDIS_URL": url_of(redis_of_each_kind, "notifier"),
    }
    try:
        async with ServiceProcess("notifier.main", env) as notifier:
            await is_at_its_place(notifier)
            await scribe.tell(accepted(), flat())
            await raw(admin, "XADD", scribe.keys.stream("dead"), "*", *dead_letter())
            await receiver.wait_for(3)
            await notifier.wait_ready()
            notifier.sigterm()
            assert await notifier.wait() == 0, notifier.text
    finally:
        await receiver.down()

    assert await raw(admin, "EXISTS", scribe.keys.notifier_holder) == 0
    assert [line for line in notifier.lines if "NOPERM" in line or "ermission" in line] == []


async def settle_each_letter(trio: Trio, governor: ServiceProcess) -> None:
    """Put the one that there is back, which brings it again, and drop it then."""
    for command in ("requeue", "drop"):
        (letter,) = await raw(trio.events.redis, "XRANGE", trio.events.keys.stream("dead"), "-", "+")
        so_far = len(governor.lines)
        async with trio.flatctl("dead", command, letter[0].decode(), "--yes") as settled:
            assert await settled.wait() == 0, settled.text
        if command == "requeue":
            await governor.wait_line("dead-lettered", after=so_far)
    assert await raw(trio.events.redis, "XLEN", trio.events.keys.stream("dead")) == 0


async def test_an_operator_may_hold_a_drill_and_clear_up_after_it(
    admin: Redis, redis_of_each_kind: RedisServer, namespace: str, tmp_path: Path
) -> None:
    drill = Drill(Scribe(admin, admin, namespace), url_of(redis_of_each_kind, "operator"), tmp_path)
    code, said = await drill.held()

    assert code == 0, said
    assert await drill.left() == []


async def test_an_operator_cannot_put_back_what_only_the_governor_may_ask_for(
    admin: Redis, redis_of_each_kind: RedisServer, namespace: str, tmp_path: Path
) -> None:
    scribe = Scribe(admin, admin, namespace)
    letter_id = await a_letter(scribe, ["no", "event"], came_from=FlattenRequested)
    flatctl = Flatctl.on(url_of(redis_of_each_kind, "operator"), namespace, tmp_path)
    said = await flatctl("dead", "requeue", letter_id, "--yes")

    assert said.code == 3, said
    assert "nothing was done: this Redis user may not write" in said.err
    assert len(await entries_of(scribe, "dead")) == 1
    assert await entries_of(scribe, "flatten.requested") == []
    await raw(admin, "DEL", scribe.keys.stream("dead"))


@pytest.mark.parametrize(
    ("user", "stream", "group"),
    [("governor", "flatten.arm", GOVERNOR_GROUP), ("flatten-executor", "flatten.requested", EXECUTOR_GROUP)],
)
async def test_a_consumer_can_take_over_hold_and_bury(
    admin: Redis, redis_of_each_kind: RedisServer, namespace: str, user: str, stream: str, group: str
) -> None:
    keys = Keys(namespace)
    client = open_redis(url_of(redis_of_each_kind, user), name="test")
    dead, alive = (
        Group(redis=client, reader=client, stream_key=keys.stream(stream), group=group, consumer=name)
        for name in ("dead", "alive")
    )
    try:
        await alive.ensure()
        entry_id = (await raw(admin, "XADD", keys.stream(stream), "*", "no", "event")).decode()
        await dead.read_new(8, 10)
        claimed = await alive.claim("0-0", 0, 8)
        assert [delivery.id for delivery in claimed.deliveries] == [entry_id]
        assert await alive.own_pending("0", 8)
        assert await alive.deliveries_of(entry_id) == 3
        assert await alive.hold([entry_id]) == set()
        assert await alive.bury(keys.stream("dead"), entry_id, ["error", "no event"])
    finally:
        await client.aclose()
        await raw(admin, "DEL", keys.stream(stream), keys.stream("dead"))


@pytest.mark.parametrize("user", [*PROGRAMS.values(), "notifier", "operator", "allocator", "viewer"])
async def test_nobody_forges_what_another_says_inside_scripts_neither(
    admin: Redis, redis_of_each_kind: RedisServer, namespace: str, user: str
) -> None:
    keys = Keys(namespace)
    client = open_redis(url_of(redis_of_each_kind, user), name="test")
    try:
        for stream in STREAMS:
            key = keys.stream(stream.name)
            script = "return redis.call('XADD', KEYS[1], '*', 'forged', '1')"
            if user in stream.writers:
                await raw(client, "XADD", key, "*", "said", "1")
                continue
            with pytest.raises(NoPermissionError):
                await raw(client, "XADD", key, "*", "forged", "1")
            with pytest.raises(ResponseError, match=r"NOPERM|can't (run|access)|permission"):
                await raw(client, "EVAL", script, 1, key)
            rows = await raw(admin, "XRANGE", key, "-", "+")
            assert all(b"forged" not in row[1] for row in rows)
        if user not in {"governor", "flatten-executor"}:
            with pytest.raises(NoPermissionError):
                await raw(client, "SET", keys.audit_head, "1")
    finally:
        await client.aclose()
        await raw(admin, "DEL", *(keys.stream(stream.name) for stream in STREAMS))


@pytest.mark.parametrize("user", [*PROGRAMS.values(), "notifier", "operator", "allocator", "viewer"])
@pytest.mark.parametrize(
    "command",
    [
        "FLUSHALL", "FLUSHDB", "CONFIG GET *", "CONFIG SET appendonly no", "KEYS *", "SCAN 0", "ACL LIST", "SHUTDOWN",
        "SCRIPT FLUSH", "REPLICAOF NO ONE", "CLIENT KILL TYPE normal", "SAVE", "MONITOR",
        "DEL {audit}", "XTRIM {audit} MAXLEN 0", "XDEL {audit} 0-1", "RENAME {audit} x", "EXPIRE {audit} 0",
        "DEL {head}", "GETDEL {head}", "EXPIRE {head} 0",
        "DEL {fired}", "HDEL {fired} arm-1", "XGROUP DESTROY {arm} governor", "SET {other} 1", "GET {other}",
        "SET {cached} 0", "DEL {cached}", "HSET {cached} qty 0",
    ],
)  # fmt: skip
async def test_nobody_can_destroy_evidence_or_look_around(
    admin: Redis, redis_of_each_kind: RedisServer, namespace: str, user: str, command: str
) -> None:
    keys = Keys(namespace)
    names = {
        "audit": keys.stream("flatten.audit"),
        "arm": keys.stream("flatten.arm"),
        "fired": keys.fired,
        "head": keys.audit_head,
        "other": f"{namespace}-of-another-account",
        "cached": f"{namespace}:cached:ETHUSDT",
    }
    client = open_redis(url_of(redis_of_each_kind, user), name="test")
    try:
        with pytest.raises(NoPermissionError):
            await raw(client, *command.format(**names).split())
    finally:
        await client.aclose()


async def test_without_a_user_there_is_nothing(redis_of_each_kind: RedisServer) -> None:
    assert acl_file(redis_users()).splitlines()[0] == "user default reset off ~* &* +@all"
    assert SERVICES.keys() == PROGRAMS.keys()


def test_the_file_is_what_the_topology_says() -> None:
    assert text_of("deploy/redis/users.acl") == acl_file(redis_users())
