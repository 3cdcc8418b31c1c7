"""Dead letters: shown as they are, put back once, dropped with a record."""

import asyncio
import json
from pathlib import Path

import pytest

from contracts.arming import ArmRefused, ArmRequested, FlattenRequested
from contracts.base import Event
from contracts.dead_letters import DeadLetterSettled, Settlement
from contracts.positions import PositionSnapshot
from runtime.redis_client import open_redis, raw
from support.flatctl_process import Flatctl, finish
from support.governing import a_governor
from support.letters import a_letter, entries_of, fields_of
from support.proxy import FaultyProxy
from support.redis_server import RedisServer
from support.scribe import Scribe

ODD: list[bytes | str] = ["type", "flatten.arm_requested.v9", "data", b"\xff\x00{"]
BY_ALICE = ("--yes", "--operator", "alice", "--reason", "drill")


async def test_each_letter_is_listed_with_where_it_came_from_what_it_was_and_why(
    flatctl: Flatctl, scribe: Scribe
) -> None:
    first = await a_letter(scribe, ODD, dead_error="unknown event type 'flatten.arm_requested.v9'")
    second = await a_letter(scribe, fields_of(await scribe.an_arm("arm-7")))
    said = await flatctl("dead", "list")

    assert said.code == 0, said
    rows = {line.split()[0]: line for line in said.out.splitlines() if line.startswith((first, second))}
    assert list(rows) == [second, first]
    assert "flatten.arm " in rows[first]
    assert "flatten.arm_requested.v9" in rows[first]
    assert "unknown event type" in rows[first]
    assert "arm arm-7 by alice, the whole account, expired at" in rows[second]
    assert said.out.splitlines()[-1] == "2 dead letters; all of one: flatctl dead show ID"


async def test_a_list_says_how_many_there_are_beyond_the_limit(flatctl: Flatctl, scribe: Scribe) -> None:
    ids = [await a_letter(scribe, ODD) for _ in range(3)]
    said = await flatctl("dead", "list", "--limit", "2")
    in_json = json.loads((await flatctl("dead", "list", "--limit", "2", "--json")).out)

    assert "3 dead letters, the newest 2 shown (--limit)" in said.out
    assert in_json["total"] == 3
    assert [letter["letter_id"] for letter in in_json["letters"]] == ids[:0:-1]
    assert in_json["letters"][0]["deliveries"] == "3"


async def test_without_letters_that_is_said(flatctl: Flatctl) -> None:
    said = await flatctl("dead", "list")

    assert (said.code, said.out.splitlines()[-1]) == (0, "no dead letters")


async def test_all_of_a_letter_is_shown_and_what_is_no_text_as_escapes(flatctl: Flatctl, scribe: Scribe) -> None:
    letter_id = await a_letter(scribe, [*ODD, "dead_stream", "its own field of that name"])
    said = await flatctl("dead", "show", letter_id)
    shown = json.loads((await flatctl("dead", "show", letter_id, "--json")).out)

    assert said.code == 0, said
    assert "flatten.arm 17-3, read by governor (governor-1)" in said.out
    assert "no data in the entry" in said.out
    fields = [(field["name"], field["value"]) for field in shown["fields"]]
    assert fields[:3] == [
        ("type", "flatten.arm_requested.v9"),
        ("data", "\\xff\x00{"),
        ("dead_stream", "its own field of that name"),
    ]
    assert shown["stream"] == "flatten.arm"


@pytest.mark.parametrize("came_from", [ArmRequested, FlattenRequested])
async def test_a_letter_goes_back_to_its_own_stream_as_it_was_and_on_record(
    flatctl: Flatctl, scribe: Scribe, came_from: type[Event]
) -> None:
    letter_id = await a_letter(scribe, [*ODD, "dead_stream", "its own"], came_from=came_from)
    said = await flatctl("dead", "requeue", letter_id, *BY_ALICE)

    assert said.code == 0, said
    assert f"put back: {letter_id} is entry" in said.out
    as_it_was = [b"type", b"flatten.arm_requested.v9", b"data", b"\xff\x00{", b"dead_stream", b"its own"]
    assert await entries_of(scribe, came_from.stream) == [as_it_was]
    assert await entries_of(scribe, "dead") == []
    (record,) = await scribe.events(DeadLetterSettled)
    assert (record.letter_id, record.settlement, record.operator) == (letter_id, Settlement.REQUEUED, "alice")
    assert [field.name for field in record.letter][:3] == ["type", "data", "dead_stream"]


async def test_what_is_put_back_is_judged_again(
    flatctl: Flatctl, scribe: Scribe, redis_url: str, namespace: str, tmp_path: Path
) -> None:
    letter_id = await a_letter(scribe, fields_of(await scribe.an_arm("arm-7")))
    async with a_governor(redis_url, namespace, tmp_path / "ESS_ON") as governor:
        await governor.wait_ready()
        said = await flatctl("dead", "requeue", letter_id, *BY_ALICE)
        (refused,) = await scribe.wait_for(ArmRefused)

    assert said.code == 0, said
    assert refused.arm_id == "arm-7"


async def test_what_still_cannot_be_handled_comes_back_as_a_letter(
    flatctl: Flatctl, scribe: Scribe, redis_url: str, namespace: str, tmp_path: Path
) -> None:
    await raw(scribe.redis, "XADD", scribe.keys.of(ArmRequested), "*", *ODD)
    async with a_governor(redis_url, namespace, tmp_path / "ESS_ON") as governor:
        await governor.wait_line("dead")
        (letter,) = json.loads((await flatctl("dead", "list", "--json")).out)["letters"]
        so_far = len(governor.lines)
        said = await flatctl("dead", "requeue", letter["letter_id"], *BY_ALICE)
        await governor.wait_line("dead", after=so_far)
        (again,) = json.loads((await flatctl("dead", "list", "--json")).out)["letters"]

    assert said.code == 0, said
    assert "WARNING: this version cannot read it" in said.out
    assert again["letter_id"] != letter["letter_id"]
    assert again["error"] == letter["error"]


async def test_two_operators_at_once_put_a_letter_back_once(flatctl: Flatctl, scribe: Scribe) -> None:
    letter_id = await a_letter(scribe, ODD)
    both = [await flatctl.start("dead", "requeue", letter_id, *BY_ALICE) for _ in range(2)]
    said = await asyncio.gather(*map(finish, both))

    assert sorted(each.code for each in said) == [0, 3]
    assert len(await entries_of(scribe, "flatten.arm")) == 1
    assert any(f"{letter_id} is no dead letter any more: requeued by alice" in each.err for each in said)


async def test_an_answer_that_is_lost_puts_nothing_back_twice(flatctl: Flatctl, scribe: Scribe, redis_url: str) -> None:
    assert (await flatctl("dead", "requeue", await a_letter(scribe, ODD), "--yes")).code == 0  # Redis knows the script
    letter_id = await a_letter(scribe, ODD)
    async with FaultyProxy(redis_url) as proxy:
        flatctl.environ["REDIS_URL"] = proxy.url
        proxy.drop_next_reply(b"EVALSHA\r\n")
        lost = await flatctl("dead", "requeue", letter_id, "--yes")
        again = await flatctl("dead", "requeue", letter_id, "--yes")

    assert (lost.code, again.code) == (4, 3), (lost, again)
    assert "it may be done. Run the same command again" in lost.err
    assert len(await entries_of(scribe, "flatten.arm")) == 2


async def test_a_letter_is_dropped_and_stays_on_record_as_it_was(flatctl: Flatctl, scribe: Scribe) -> None:
    letter_id = await a_letter(scribe, ODD)
    said = await flatctl("dead", "drop", letter_id, *BY_ALICE, "--json")
    shown = await flatctl("dead", "show", letter_id)

    assert said.code == 0, said
    assert json.loads(said.out)["settlement"] == "dropped"
    assert await entries_of(scribe, "dead") == []
    assert await entries_of(scribe, "flatten.arm") == []
    (record,) = await scribe.events(DeadLetterSettled)
    assert (record.settlement, record.operator, record.reason) == (Settlement.DROPPED, "alice", "drill")
    assert [(field.name, field.value) for field in record.letter][1] == ("data", "\\xff\x00{")
    assert shown.code == 3
    assert f"{letter_id} is no dead letter any more: dropped by alice at" in shown.err


@pytest.mark.parametrize("command", ["requeue", "drop"])
async def test_nothing_is_done_before_the_accounts_name_was_typed(
    flatctl: Flatctl, scribe: Scribe, command: str
) -> None:
    letter_id = await a_letter(scribe, fields_of(await scribe.an_arm("arm-7")))
    refused = [await flatctl("dead", command, letter_id, typed=typed) for typed in ("yes\n", "")]
    before = len(await entries_of(scribe, "dead"))
    done = await flatctl("dead", command, letter_id, typed="main\n")

    assert [said.code for said in refused] == [3, 3]
    assert before == 1
    assert done.code == 0, done
    assert await entries_of(scribe, "dead") == []


async def test_an_arm_that_has_expired_meanwhile_is_told_before_it_is_put_back(
    flatctl: Flatctl, scribe: Scribe
) -> None:
    letter_id = await a_letter(scribe, fields_of(await scribe.an_arm("arm-7", expires_at_ms=1)))
    said = await flatctl("dead", "requeue", letter_id, typed="no\n")

    assert "ago: the governor will refuse it. To flatten: flatctl arm" in said.out


@pytest.mark.parametrize(
    ("came_from", "ours", "why"),
    [
        (PositionSnapshot, {}, "which is no command stream of"),
        (ArmRequested, {"dead_stream": "quantum:gov:other:stream:flatten.arm"}, "which is no command stream of"),
        (ArmRequested, {"dead_fields_dropped": "7"}, "so that it is not whole"),
    ],
)
async def test_what_cannot_go_back_as_it_was_is_refused(
    flatctl: Flatctl, scribe: Scribe, came_from: type[Event], ours: dict[str, str], why: str
) -> None:
    letter_id = await a_letter(scribe, ODD, came_from=came_from, **ours)
    said = await flatctl("dead", "requeue", letter_id, "--yes")

    assert said.code == 3
    assert why in said.err
    assert len(await entries_of(scribe, "dead")) == 1


async def test_what_no_service_put_there_can_only_be_dropped(flatctl: Flatctl, scribe: Scribe) -> None:
    letter_id = (await raw(scribe.redis, "XADD", scribe.keys.stream("dead"), "*", "error", "poison")).decode()
    requeued = await flatctl("dead", "requeue", letter_id, "--yes")
    dropped = await flatctl("dead", "drop", letter_id, "--yes")

    assert requeued.code == 3
    assert "nothing says where it came from" in requeued.err
    assert dropped.code == 0, dropped


@pytest.mark.parametrize("letter_id", ["1-1", "+", "-", "newest", "1769571479200"])
async def test_a_letter_that_is_not_there_is_one_line(flatctl: Flatctl, letter_id: str) -> None:
    said = await flatctl("dead", "show", "--", letter_id)

    assert said.code in (1, 3)
    assert "flatctl dead list" in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("denied", ["-xadd", "-xdel"])
async def test_whoever_may_not_write_everything_writes_nothing(
    own_redis: RedisServer, tmp_path: Path, denied: str
) -> None:
    admin = open_redis(own_redis.url, name="test")
    scribe = Scribe(admin, admin, "test:denied")
    letter_id = await a_letter(scribe, ODD)
    await raw(admin, "ACL", "SETUSER", "limited", "on", ">drill", "~*", "+@all", denied)
    flatctl = Flatctl.on(own_redis.url.replace("redis://", "redis://limited:drill@"), "test:denied", tmp_path)
    said = await flatctl("dead", "requeue", letter_id, "--yes")

    assert said.code == 3, said
    assert "nothing was done: this Redis user may not write" in said.err
    assert len(await entries_of(scribe, "dead")) == 1
    assert await entries_of(scribe, "flatten.arm") == []
    await admin.aclose()


async def test_a_stream_that_is_something_else_stops_it_before_anything_is_written(
    flatctl: Flatctl, scribe: Scribe
) -> None:
    letter_id = await a_letter(scribe, ODD)
    await raw(scribe.redis, "SET", scribe.keys.of(DeadLetterSettled), "wrong")
    said = [await flatctl("dead", command, letter_id, "--yes") for command in ("requeue", "drop")]

    assert [each.code for each in said] == [3, 3]
    assert all("is a string, not a stream: nothing was written" in each.err for each in said)
    assert len(await entries_of(scribe, "dead")) == 1
    assert await entries_of(scribe, "flatten.arm") == []
