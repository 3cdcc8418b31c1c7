"""Is everything here as a flatten needs it? Redis, its user, the latch, the services and the streams."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from msgspec.structs import replace
from redis.asyncio import Redis

from contracts.arming import ArmAccepted, ArmRequested
from contracts.flattening import RunVerdict
from contracts.streams import GOVERNOR_GROUP, Keys
from runtime.app import software_version
from runtime.redis_client import open_reader, open_redis, raw
from support.flatctl_process import Flatctl, Said
from support.redis_server import RedisServer
from support.requester import Requester
from support.run_events import accepted, completed, started, whole_run
from support.scribe import Scribe
from support.sim import Simulator
from support.trio import SERVICES, Trio, trio_env

NAMESPACE = "test:doctor"


@pytest_asyncio.fixture
async def admin(own_redis: RedisServer) -> AsyncIterator[Redis]:
    """A durable server of the test's own."""
    client = open_redis(own_redis.url, name="test")
    yield client
    await client.aclose()


@pytest.fixture
def at_own(own_redis: RedisServer, tmp_path: Path) -> Flatctl:
    return Flatctl.on(own_redis.url, NAMESPACE, tmp_path)


def checks(said: Said) -> dict[str, tuple[str, str]]:
    """Grade and observation of each check, from `--json`."""
    return {found["check"]: (found["grade"], found["observed"]) for found in json.loads(said.out)["findings"]}


def grades(said: Said) -> dict[str, str]:
    return {check: grade for check, (grade, _) in checks(said).items()}


async def everything(admin: Redis) -> dict[bytes, bytes]:
    """All that this server holds, groups and what they have pending included."""
    return {key: await raw(admin, "DUMP", key) for key in await raw(admin, "KEYS", "*")}


async def test_a_stack_that_works_is_fit(own_redis: RedisServer, admin: Redis, tmp_path: Path) -> None:
    reader = open_reader(own_redis.url, name="test")
    async with Simulator("--scenario", "incident") as sim:
        env = trio_env(sim, own_redis.url, NAMESPACE, tmp_path / "ESS_ON")
        trio = Trio(sim, env, Requester(admin, reader, NAMESPACE))
        services = [trio.service(name) for name in SERVICES]
        try:
            for service in services:
                await service.start()
            for service in services:
                await service.wait_ready()
            await trio.told("doctor")
            async with trio.flatctl("doctor", "--json") as doctor:
                code = await doctor.wait()
        finally:
            for service in services:
                await service.close()
            await reader.aclose()

    found = json.loads(doctor.text)
    assert code == 0, doctor.text
    assert found["fit"] is True
    assert {each["grade"] for each in found["findings"]} <= {"ok", "warning"}
    names = {each["check"] for each in found["findings"]}
    assert {"governor alive", "flatten-executor backlog", "oracle", "event versions", "key withdrawal"} <= names


async def test_looking_changes_nothing(at_own: Flatctl, admin: Redis) -> None:
    scribe = Scribe(admin, admin, NAMESPACE)
    await scribe.tell(*whole_run(), completed(RunVerdict.FLAT))
    await scribe.publish(await scribe.an_arm("arm-1"))
    await raw(admin, "HSET", scribe.keys.fired, "arm-1", "{}")
    await raw(admin, "XGROUP", "CREATE", scribe.keys.of(ArmRequested), GOVERNOR_GROUP, "0")
    await raw(admin, "XREADGROUP", "GROUP", GOVERNOR_GROUP, "g-1", "STREAMS", scribe.keys.of(ArmRequested), ">")
    before = await everything(admin)
    await at_own("doctor", "redis", "user", "latch", "services", "events")

    assert len(before) == 4
    assert await everything(admin) == before


@pytest.mark.parametrize(
    ("setting", "value", "check", "observed"),
    [
        ("appendonly", "no", "Redis persistence", "appendonly no"),
        ("appendfsync", "everysec", "Redis fsync", "appendfsync everysec"),
        ("maxmemory-policy", "allkeys-lru", "Redis eviction", "maxmemory-policy allkeys-lru"),
    ],
)
async def test_a_redis_that_may_forget_is_not_fit(
    at_own: Flatctl, admin: Redis, setting: str, value: str, check: str, observed: str
) -> None:
    good = await at_own("doctor", "redis", "--json")
    await raw(admin, "CONFIG", "SET", setting, value)
    bad = await at_own("doctor", "redis", "--json")
    in_words = await at_own("doctor", "redis")

    assert good.code == 0, good
    assert bad.code == 3
    assert checks(bad)[check] == ("failed", observed)
    assert in_words.err == f"flatctl: NOT FIT: {check} failed\n"
    assert in_words.out.splitlines()[2].split()[:3] == ["FAILED", *check.split()]


async def test_a_replica_takes_no_arm_and_is_not_fit(at_own: Flatctl, admin: Redis) -> None:
    await raw(admin, "REPLICAOF", "127.0.0.1", "1")
    said = await at_own("doctor", "redis", "--json")

    assert checks(said)["Redis role"] == ("failed", "slave")


async def test_the_clocks_are_compared(at_own: Flatctl) -> None:
    said = await at_own("doctor", "redis", "--json")
    grade, observed = checks(said)["Redis clock"]

    assert grade == "ok"
    assert "give or take" in observed


async def test_an_old_redis_is_for_the_simulator_alone(at_own: Flatctl, admin: Redis) -> None:
    version = (await raw(admin, "INFO", "server")).decode().partition("redis_version:")[2].split(".")[0]
    on_sim = await at_own("doctor", "redis", "--json")
    at_own.environ["EXCHANGE_ENV"] = "testnet"
    elsewhere = await at_own("doctor", "redis", "--json")

    old = int(version) < 7
    assert grades(on_sim)["Redis version"] == ("warning" if old else "ok")
    assert (grades(elsewhere)["Redis version"], elsewhere.code) == (("failed", 3) if old else ("ok", 0))


async def test_without_redis_the_rest_is_looked_at_all_the_same(
    own_redis: RedisServer, at_own: Flatctl, tmp_path: Path
) -> None:
    own_redis.kill()
    said = await at_own("doctor", "redis", "user", "latch", "services", "events", "--json")

    assert said.code == 3
    assert grades(said) == {
        "Redis": "failed",
        "user": "unknown",
        "ESS latch": "ok",
        "services": "unknown",
        "events": "unknown",
    }


async def test_a_user_that_may_do_everything_is_told_and_not_fit_for_real_money(at_own: Flatctl) -> None:
    on_sim = await at_own("doctor", "user")
    at_own.environ["EXCHANGE_ENV"] = "live"
    real = await at_own("doctor", "user")

    assert (on_sim.code, real.code) == (0, 3)
    assert "default can also read Redis's settings, see other users, list every key" in on_sim.out
    assert "delete evidence, forget used-up arms, acknowledge in the governor's place" in on_sim.out
    assert "give flatctl the user operator" in real.out


async def test_a_user_with_its_own_rights_alone_is_fit_and_what_it_cannot_see_is_told(
    own_redis: RedisServer, at_own: Flatctl, admin: Redis
) -> None:
    rights = (
        "+@all",
        "-@admin",
        "-@dangerous",
        "+info",
        "-xdel",
        "-hdel",
        "-xack",
        "-scan",
        "+acl|whoami",
        "+client|setname",
    )
    await raw(admin, "ACL", "SETUSER", "narrow", "on", ">drill", f"~{NAMESPACE}:*", *rights)
    at_own.environ["REDIS_URL"] = own_redis.url.replace("redis://", "redis://narrow:drill@")
    said = await at_own("doctor", "redis", "user", "--json")

    assert said.code == 0, said
    assert checks(said)["Redis user"] == ("ok", "narrow can do none of 7 other things")
    assert grades(said)["Redis fsync"] == "unknown"
    assert json.loads(said.out)["fit"] is True


async def test_a_user_that_may_not_look_proves_nothing(own_redis: RedisServer, at_own: Flatctl, admin: Redis) -> None:
    await raw(admin, "ACL", "SETUSER", "blind", "on", ">drill", "~*", "+ping", "+time", "+client|setname")
    at_own.environ["REDIS_URL"] = own_redis.url.replace("redis://", "redis://blind:drill@")
    said = await at_own("doctor", "redis", "services", "events", "--json")

    assert said.code == 4
    assert json.loads(said.out)["fit"] is None
    assert {grade for check, grade in grades(said).items() if check != "Redis clock"} == {"unknown"}
    assert "drill" not in said.out + said.err


async def test_a_latch_that_cannot_be_read_is_not_fit(at_own: Flatctl, tmp_path: Path) -> None:
    (tmp_path / "ESS_ON").mkdir()
    said = await at_own("doctor", "latch")

    assert said.code == 3
    assert "UNREADABLE (counts as not set)" in said.out
    assert "docs/runbooks/latch.md" in said.out


async def test_services_that_do_not_run_are_named(flatctl: Flatctl) -> None:
    said = await flatctl("doctor", "services", "--json")

    assert said.code == 3
    assert grades(said) == {
        "governor alive": "failed",
        "flatten-executor alive": "failed",
        "oracle": "warning",
        "dead letters": "ok",
        "last drill": "warning",
    }


async def test_what_is_pending_for_too_long_is_told_with_its_age(flatctl: Flatctl, scribe: Scribe) -> None:
    arms = scribe.keys.of(ArmRequested)
    now_ms = await scribe.now_ms()
    await raw(scribe.redis, "XADD", arms, f"{now_ms - 61_000}-1", "no", "event")
    await raw(scribe.redis, "XGROUP", "CREATE", arms, GOVERNOR_GROUP, "0")
    await raw(scribe.redis, "XREADGROUP", "GROUP", GOVERNOR_GROUP, "g-1", "COUNT", 1, "STREAMS", arms, ">")
    await raw(scribe.redis, "XADD", scribe.keys.stream("dead"), "*", "error", "poison")
    said = await flatctl("doctor", "services", "--json")

    grade, observed = checks(said)["governor backlog"]
    assert grade == "failed"
    assert observed.startswith("1 pending, the oldest 1 min ")
    assert checks(said)["dead letters"] == ("warning", "1")


async def test_events_of_another_version_are_named_with_their_stream(flatctl: Flatctl, scribe: Scribe) -> None:
    await scribe.tell(accepted(), started(), completed(RunVerdict.FLAT))
    good = await flatctl("doctor", "events", "--json")
    newer = ["specversion", "1.0", "id", "1", "source", "/t", "type", "arm.accepted.v2", "time", "t", "data", "{}"]
    for _ in range(2):
        await raw(scribe.redis, "XADD", scribe.keys.of(ArmAccepted), "*", *newer)
    bad = await flatctl("doctor", "events", "--json")

    assert good.code == 0, good
    assert checks(good)["event versions"] == (
        "ok", "3 types in 3 entries are known: arm.accepted.v1, flatten.completed.v1, run.started.v1",
    )  # fmt: skip
    assert bad.code == 3
    assert checks(bad)["events in flatten.audit"] == ("failed", "2 entries: unknown event type 'arm.accepted.v2'")


async def test_another_version_of_the_software_is_told(flatctl: Flatctl, scribe: Scribe) -> None:
    await scribe.tell(replace(started(), software_version=software_version()))
    same = await flatctl("doctor", "events", "--json")
    await scribe.tell(replace(started(), software_version="9.9.9"))
    other = await flatctl("doctor", "events", "--json")

    assert grades(same)["software version"] == "ok"
    assert checks(other)["software version"] == ("warning", "the newest run was by 9.9.9")
    assert (same.code, other.code) == (0, 0)


async def test_an_area_that_there_is_not_is_one_line(flatctl: Flatctl) -> None:
    said = await flatctl("doctor", "everything")

    assert said.code == 1
    assert "'everything' is not one of" in said.err
    assert Keys(NAMESPACE).namespace not in said.err
