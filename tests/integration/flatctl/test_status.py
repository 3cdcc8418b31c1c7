"""Everything at one look, whatever state Redis is in."""

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest

from contracts.arming import ArmRequested
from contracts.flattening import RunVerdict
from contracts.positions import OpenPosition, PositionSnapshot, UnreadablePosition
from contracts.streams import GOVERNOR_GROUP
from contracts.vocabulary import Environment, PositionSide
from runtime.redis_client import raw
from support.flatctl_process import Flatctl
from support.governing import a_governor
from support.redis_server import RedisServer
from support.run_events import completed, residual
from support.scribe import Scribe


def a_snapshot(taken_at_ms: int) -> PositionSnapshot:
    def position(symbol: str, quantity: str, mark: str | None) -> OpenPosition:
        return OpenPosition(
            symbol=symbol,
            position_side=PositionSide.BOTH,
            quantity=Decimal(quantity),
            entry_price=None,
            mark_price=None if mark is None else Decimal(mark),
        )

    return PositionSnapshot(
        snapshot_id="snapshot-1",
        venue="binanceusdm",
        environment=Environment.SIM,
        account="main",
        sequence=1,
        taken_at_ms=taken_at_ms,
        read_ms=5,
        symbols_seen=674,
        positions=(position("ETHUSDT", "9.1", "3446"), position("BTCUSDT", "-1", None), position("XUSDT", "1", None)),
        marks={"BTCUSDT": Decimal(90_000)},
        unreadable=(UnreadablePosition(symbol="YUSDT", field="positionAmt", problem="NaN"),),
    )


async def test_an_empty_redis_is_a_status_too(flatctl: Flatctl) -> None:
    said = await flatctl("status")

    assert said.code == 0, said
    for text in (
        "environment SIM (not real money)   account main   namespace test:",
        "not set",
        "nothing was ever flattened",
        "the oracle has published nothing",
        "governor          has NEVER RUN here (nobody reads flatten.arm)",
        "flatten-executor  has NEVER RUN here (nobody reads flatten.requested)",
        "oracle            has NEVER published here",
    ):
        assert text in said.out


async def test_a_full_status_shows_it_all(flatctl: Flatctl, scribe: Scribe) -> None:
    now_ms = await scribe.now_ms()
    await raw(scribe.redis, "SET", scribe.keys.arm, "arm-7", "EX", 60)
    await raw(scribe.redis, "SET", scribe.keys.active, "req-7")
    await raw(scribe.redis, "SET", scribe.keys.last_ts, str(now_ms // 1000))
    arms = scribe.keys.of(ArmRequested)
    await raw(scribe.redis, "XGROUP", "CREATE", arms, GOVERNOR_GROUP, "0", "MKSTREAM")
    await scribe.publish(await scribe.an_arm("arm-6"))
    await scribe.publish(await scribe.an_arm("arm-7"))
    await raw(scribe.redis, "XREADGROUP", "GROUP", GOVERNOR_GROUP, "g-1", "COUNT", 1, "STREAMS", arms, ">")
    await raw(scribe.redis, "XADD", scribe.keys.stream("dead"), "*", "error", "poison")
    await scribe.tell(a_snapshot(now_ms), completed(RunVerdict.NOT_FLAT, left=(residual("ETHUSDT", "9.1", "31361"),)))
    said = await flatctl("status")

    assert said.code == 0, said
    for text in (
        "YES: arm-7, expires in",
        "req-7",
        "674 symbols, 3 open, exposure $121,358.60 and 1 without a price, 1 rows UNREADABLE",
        "verdict=not_flat",
        ": 1 pending, 1 not delivered on flatten.arm",
        "publishing, newest reading",
        "1  LOOK AT THEM",
        "its scope         unknown, the request is not on record",
        "STILL OPEN then   1 positions, $31,361.00",
        "STILL OPEN after the last run: ETHUSDT",
    ):
        assert text in said.out, said.out
    assert re.search(
        r"^cooldown +\d.* left \(last accepted at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\)$", said.out, re.MULTILINE
    ), said.out
    assert [line for line in said.out.splitlines() if line != line.rstrip() or not line] == []


async def test_json_has_the_same_facts(flatctl: Flatctl, scribe: Scribe) -> None:
    now_ms = await scribe.now_ms()
    await raw(scribe.redis, "SET", scribe.keys.last_ts, str(now_ms // 1000))
    await scribe.tell(a_snapshot(now_ms))
    said = await flatctl("status", "--json")

    status = json.loads(said.out)
    assert (status["account"], status["environment"], status["armed"]) == ("main", "sim", None)
    passed_ms = await scribe.now_ms() - now_ms
    assert 59_000 - passed_ms <= status["cooldown_left_ms"] <= 60_000
    assert status["snapshot"]["exposure_usd"] == "121358.6"
    assert [group["exists"] for group in status["groups"]] == [False, False]
    assert [group["seen_ms_ago"] for group in status["groups"]] == [None, None]


async def test_a_service_that_reads_its_stream_is_shown_as_running(
    flatctl: Flatctl, redis_url: str, namespace: str, tmp_path: Path
) -> None:
    async with a_governor(redis_url, namespace, tmp_path / "ESS_ON") as governor:
        await governor.wait_ready()
        said = await flatctl("status")

    assert re.search(r"governor +running, seen .* ago: 0 pending", said.out), said.out
    assert re.search(r"flatten-executor +has NEVER RUN here", said.out), said.out


async def test_an_unreadable_cooldown_is_said(flatctl: Flatctl, scribe: Scribe) -> None:
    await raw(scribe.redis, "SET", scribe.keys.last_ts, "yesterday")
    said = await flatctl("status")

    assert "UNREADABLE: the last flatten's time is 'yesterday'; every arm is refused" in said.out


async def test_redis_down_is_one_line(own_redis: RedisServer, tmp_path: Path) -> None:
    flatctl = Flatctl.on(own_redis.url, "test:down", tmp_path)
    own_redis.kill()

    for command in (("status",), ("arm", "--yes"), ("disarm",), ("watch",)):
        said = await flatctl(*command)
        assert said.code == 1
        assert said.err.startswith(f"flatctl: Redis at {own_redis.url} cannot be reached")
        assert said.err.count("\n") == 1


async def test_a_password_in_the_redis_url_is_never_printed(tmp_path: Path) -> None:
    flatctl = Flatctl.on("redis://user:hunter2secret@127.0.0.1:1/0", "test:x", tmp_path)
    said = await flatctl("status")

    assert said.code == 1
    assert "redis://user:***@127.0.0.1:1/0" in said.err
    assert "hunter2secret" not in said.out + said.err


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("EXCHANGE_ENV", "lvie", "EXCHANGE_ENV='lvie' is not one of"),
        ("FLATTEN_COOLDOWN", "60", "FLATTEN_COOLDOWN is not a variable that Flatguard knows"),
        ("REDIS_URL", "http://127.0.0.1", "REDIS_URL does not begin with redis://"),
        ("ESS_LATCH", "file:relative", "ESS_LATCH='file:relative' is neither"),
    ],
)
async def test_a_wrong_setting_is_one_line_that_names_it(flatctl: Flatctl, name: str, value: str, text: str) -> None:
    flatctl.environ[name] = value
    said = await flatctl("status")

    assert said.code == 1
    assert text in said.err
    assert said.err.count("\n") == 1
    assert "Traceback" not in said.err


async def test_telemetry_that_could_never_leave_is_told_and_stops_no_operator(flatctl: Flatctl) -> None:
    flatctl.environ |= {"OTEL_EXPORTER_OTLP_ENDPOINT": "not a url hunter2", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    said = await flatctl("status")

    assert said.code == 0, said
    assert "run in flight" in said.out
    assert [line.split("=")[0].split(" is")[0] for line in said.err.splitlines()] == [
        "flatctl: OTEL_EXPORTER_OTLP_ENDPOINT",
        "flatctl: OTEL_EXPORTER_OTLP_PROTOCOL",
    ]
    assert all(line.endswith("; going on without traces") for line in said.err.splitlines())
    assert "hunter2" not in said.err
