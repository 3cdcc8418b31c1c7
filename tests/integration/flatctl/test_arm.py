"""Arming: one transaction, one arm, and the decision told in full."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from contracts.arming import ArmRequested, Gate
from contracts.flattening import RunVerdict
from contracts.streams import ARM_TTL_S
from contracts.vocabulary import Environment
from flatctl import arming
from flatctl.exits import CommandFailed
from runtime.redis_client import raw
from support.flatctl_process import Flatctl, Said, finish
from support.governing import a_governor
from support.otlp import OtlpReceiver
from support.proxy import FaultyProxy
from support.run_events import accepted, completed, refused, residual, whole_run
from support.scribe import Scribe


async def armed_and_judged(flatctl: Flatctl, scribe: Scribe, *arguments: str, typed: str = "") -> Said:
    """Run `arm`, and accept the arm as soon as it is published."""
    process = await flatctl.start("arm", "--arm-id", "arm-1", *arguments, typed=bool(typed))
    ended = asyncio.create_task(finish(process, typed))
    await scribe.wait_for(ArmRequested)
    await scribe.tell(accepted())
    return await ended


async def test_an_arm_is_the_key_and_the_event_by_redis_clock(flatctl: Flatctl, scribe: Scribe) -> None:
    before_ms = await scribe.now_ms()
    said = await armed_and_judged(flatctl, scribe, "--yes", "--operator", "alice", "--reason", "drill")
    after_ms = await scribe.now_ms()

    assert said.code == 0, said
    ((envelope, event),) = await scribe.entries(ArmRequested)
    assert (event.arm_id, event.operator, event.reason) == ("arm-1", "alice", "drill")
    assert (event.environment, event.account, envelope.subject) == ("sim", "main", "main")
    assert before_ms <= event.issued_at_ms <= after_ms
    assert event.expires_at_ms - event.issued_at_ms == ARM_TTL_S * 1000
    assert event.scope.whole_account
    assert await raw(scribe.redis, "GET", scribe.keys.arm) == b"arm-1"
    assert 0 < await raw(scribe.redis, "TTL", scribe.keys.arm) <= ARM_TTL_S
    assert envelope.traceparent


async def test_the_acceptance_is_told_with_its_request(flatctl: Flatctl, scribe: Scribe) -> None:
    said = await armed_and_judged(flatctl, scribe, "--yes")

    assert "all 8 gates passed; request req-1" in said.out
    assert "environment SIM (not real money)   account main" in said.out


async def test_a_refusal_shows_every_gate_and_exits_with_3(
    flatctl: Flatctl, scribe: Scribe, redis_url: str, namespace: str, tmp_path: Path
) -> None:
    latch = tmp_path / "ESS_ON"
    async with a_governor(redis_url, namespace, latch, GOV_TESTNET_FORCE_FLATTEN="false") as governor:
        await governor.wait_ready()
        said = await flatctl("arm", "--yes", "--arm-id", "arm-1")

    assert said.code == 3, said
    assert "WARNING: the ESS latch is not set" in said.out
    assert said.err == "flatctl: arm-1 was refused: force_flag, ess_latch\n"
    for gate in Gate:
        assert str(gate) in said.out
    assert await raw(scribe.redis, "GET", scribe.keys.arm) is None


async def test_a_real_governor_accepts(
    flatctl: Flatctl, scribe: Scribe, redis_url: str, namespace: str, tmp_path: Path
) -> None:
    assert (await flatctl("ess", "activate")).code == 0
    async with a_governor(redis_url, namespace, tmp_path / "ESS_ON") as governor:
        await governor.wait_ready()
        said = await flatctl("arm", "--yes", "--json")

    assert said.code == 0, said
    report = json.loads(said.out)
    (request,) = await scribe.requests()
    assert (report["outcome"], report["request_id"]) == ("accepted", request.request_id)
    assert len(report["gates"]) == len(Gate)


async def test_a_second_arm_is_refused_and_writes_nothing(flatctl: Flatctl, scribe: Scribe) -> None:
    await raw(scribe.redis, "SET", scribe.keys.arm, "arm-of-bob", "EX", 60)
    said = await flatctl("arm", "--yes")

    assert said.code == 3
    assert said.err.startswith("flatctl: not armed: arm-of-bob is armed already")
    assert await scribe.events(ArmRequested) == []
    assert await raw(scribe.redis, "GET", scribe.keys.arm) == b"arm-of-bob"


async def test_of_many_operators_at_once_one_arms(flatctl: Flatctl, scribe: Scribe) -> None:
    processes = [await flatctl.start("arm", "--yes", "--timeout", "1") for _ in range(4)]
    ended = await asyncio.gather(*map(finish, processes))

    assert len(await scribe.events(ArmRequested)) == 1
    assert sorted(said.code for said in ended) == [3, 3, 3, 4]


async def test_an_arm_is_refused_while_a_run_is_in_flight(flatctl: Flatctl, scribe: Scribe) -> None:
    await raw(scribe.redis, "SET", scribe.keys.active, "req-9", "EX", 60)
    said = await flatctl("arm", "--yes")

    assert said.code == 3
    assert "not armed: run req-9 is in flight; follow it with flatctl watch req-9" in said.err
    assert await scribe.events(ArmRequested) == []
    assert await raw(scribe.redis, "GET", scribe.keys.arm) is None


async def test_the_same_arm_id_again_is_the_same_arm(flatctl: Flatctl, scribe: Scribe) -> None:
    first = await flatctl("arm", "--yes", "--arm-id", "arm-1", "--timeout", "1")
    process = await flatctl.start("arm", "--yes", "--arm-id", "arm-1")
    await scribe.tell(accepted())
    second = await finish(process)

    assert (first.code, second.code) == (4, 0)
    assert "arm-1 was armed before: it stays one arm" in second.out
    assert len(await scribe.events(ArmRequested)) == 1


@pytest.mark.parametrize(("decision", "code"), [(accepted(), 0), (refused(Gate.COOLDOWN), 3)])
async def test_an_arm_that_was_decided_is_not_armed_again(
    flatctl: Flatctl, scribe: Scribe, decision: object, code: int
) -> None:
    await raw(scribe.redis, "HSET", scribe.keys.fired, "arm-1", "{}")
    await scribe.tell(decision)  # type: ignore[arg-type]  # parametrized events
    said = await flatctl("arm", "--yes", "--arm-id", "arm-1")

    assert said.code == code, said
    assert await scribe.events(ArmRequested) == []
    assert await raw(scribe.redis, "GET", scribe.keys.arm) is None


async def test_an_answer_to_the_arming_that_is_lost_does_not_arm_twice(
    flatctl: Flatctl, scribe: Scribe, redis_url: str
) -> None:
    async with FaultyProxy(redis_url) as proxy:
        flatctl.environ["REDIS_URL"] = proxy.url
        proxy.drop_next_reply(b"EXEC\r\n")
        said = await armed_and_judged(flatctl, scribe, "--yes")
        assert proxy.dropped.is_set()

    assert said.code == 0, said
    assert "armed: arm-1" in said.out
    assert len(await scribe.events(ArmRequested)) == 1


async def test_nobody_judging_is_said_and_exits_with_4(flatctl: Flatctl) -> None:
    said = await flatctl("arm", "--yes", "--arm-id", "arm-1", "--timeout", "1")

    assert said.code == 4
    assert "arm-1: nobody judged it within 1 s. Is the governor running?" in said.err
    assert "flatctl disarm arm-1" in said.err


@pytest.mark.parametrize("typed", ["Main\n", "yes\n", "\n"])
async def test_a_confirmation_that_is_not_the_account_does_nothing(
    flatctl: Flatctl, scribe: Scribe, typed: str
) -> None:
    said = await flatctl("arm", typed=typed)

    assert said.code == 3
    assert "nothing was done" in said.err
    assert await scribe.events(ArmRequested) == []


async def test_the_accounts_name_confirms(flatctl: Flatctl, scribe: Scribe) -> None:
    said = await armed_and_judged(flatctl, scribe, typed="main\n")

    assert said.code == 0, said
    assert "THE NOTIONAL CANNOT BE SHOWN, and need not be typed: EXCHANGE_API_KEY and" in said.out


async def test_without_anybody_to_ask_nothing_is_armed(flatctl: Flatctl, scribe: Scribe) -> None:
    said = await flatctl("arm")

    assert said.code == 3
    assert "nobody confirmed (no input); scripts pass --yes" in said.err
    assert await scribe.events(ArmRequested) == []


async def test_symbols_become_the_scope(flatctl: Flatctl, scribe: Scribe) -> None:
    said = await armed_and_judged(flatctl, scribe, "--yes", "--symbols", "ethusdt, BTCUSDT,ETHUSDT")

    (event,) = await scribe.events(ArmRequested)
    assert event.scope.symbols == ("ETHUSDT", "BTCUSDT")
    assert "only ETHUSDT, BTCUSDT" in said.out


@pytest.mark.parametrize(
    ("arguments", "said_of_it"),
    [
        (("--symbols", "ETHUSDT,"), "--symbols 'ETHUSDT,': an empty name"),
        (("--symbols", ""), "--symbols '': an empty name"),
        (("--symbols", " "), "--symbols ' ': an empty name"),
        (("--arm-id", "has space"), "arm id 'has space'"),
        (("--bogus",), "No such option: --bogus"),
        (("--expires-in", "301"), "Invalid value for '--expires-in': Input should be less than or equal to 300"),
    ],
)
async def test_a_wrong_option_is_one_line(
    flatctl: Flatctl, scribe: Scribe, arguments: tuple[str, ...], said_of_it: str
) -> None:
    said = await flatctl("arm", "--yes", *arguments)

    assert said.code == 1
    assert said_of_it in said.err
    assert said.err.count("\n") == 1
    assert await scribe.events(ArmRequested) == []


async def test_wait_follows_to_the_verdict(flatctl: Flatctl, scribe: Scribe) -> None:
    process = await flatctl.start("arm", "--yes", "--arm-id", "arm-1", "--wait")
    ended = asyncio.create_task(finish(process))
    await scribe.wait_for(ArmRequested)
    await scribe.tell(*whole_run(), completed(RunVerdict.NOT_FLAT, left=(residual("ETHUSDT", "0.1"),)))
    said = await ended

    assert said.code == 2, said
    assert "STILL OPEN: 1 positions, $100.00" in said.out


async def test_the_trace_begins_at_the_operator(flatctl: Flatctl, scribe: Scribe) -> None:
    async with OtlpReceiver() as collector:
        flatctl.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.endpoint
        await armed_and_judged(flatctl, scribe, "--yes")
        sent = await collector.wait_span("send flatten.arm")
        root = await collector.wait_span("flatctl arm")

    ((envelope, _),) = await scribe.entries(ArmRequested)
    assert envelope.traceparent
    assert envelope.traceparent.split("-")[1:3] == [sent.trace_id, sent.span_id]
    assert (sent.parent_id, sent.trace_id, root.parent_id) == (root.span_id, root.trace_id, "")


@pytest.mark.parametrize("key", ["arm", "active"])
async def test_who_is_overtaken_between_look_and_write_arms_nothing(
    scribe: Scribe, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    look = arming._look  # noqa: SLF001 - the moment between look and write has no other handle

    async def look_and_be_overtaken(*arguments: Any) -> Any:
        seen = await look(*arguments)
        await raw(scribe.redis, "SET", getattr(scribe.keys, key), "somebody-elses", "EX", 60)
        return seen

    monkeypatch.setattr(arming, "_look", look_and_be_overtaken)
    intent = arming.Intent(arm_id="arm-1", operator="alice", reason="", environment=Environment.SIM, account="main")
    with pytest.raises(CommandFailed, match=r"not armed: .*somebody-elses") as failed:
        await arming.arm(scribe.redis, scribe.keys, intent)

    assert failed.value.code == 3
    assert await scribe.events(ArmRequested) == []
    assert await raw(scribe.redis, "GET", scribe.keys.arm) in (None, b"somebody-elses")
