"""From the operator's command to the verdict, through every process."""

import json

import pytest

from contracts.arming import ArmAccepted, ArmRefused, FlattenRequested, Gate
from contracts.flattening import FlattenCompleted, OrderIntended, RunVerdict
from contracts.positions import AllocationStateChanged, AllocationVerdict, PositionSnapshot
from runtime.redis_client import raw
from support.otlp import OtlpReceiver, ReceivedSpan
from support.trio import Trio

ARM = ("arm", "--yes", "--wait", "--operator", "alice", "--reason", "drill")


async def set_latch(trio: Trio) -> None:
    async with trio.flatctl("ess", "activate", "--operator", "alice", "--reason", "drill") as command:
        assert await command.wait() == 0, command.text


async def test_one_command_flattens_the_incident_and_says_so(running: Trio) -> None:
    await set_latch(running)

    async with running.flatctl(*ARM) as command:
        code = await command.wait()

    completed = await running.events.verdict()
    assert code == 0, command.text
    assert completed.verdict is RunVerdict.FLAT
    assert await running.sim.positions() == {}
    assert "seen=674 nonzero=44 filtered=44 sent=44 ok=44 errors=0 verdict=flat" in command.text


async def test_without_the_latch_the_arm_is_refused_and_nothing_is_sent_i3(running: Trio) -> None:
    async with running.flatctl(*ARM) as command:
        code = await command.wait()

    (refused,) = await running.events.events(ArmRefused)
    assert code == 3, command.text
    assert [verdict.gate for verdict in refused.gates if not verdict.passed] == [Gate.ESS_LATCH]
    assert await running.sim.orders() == []
    assert await raw(running.events.redis, "GET", running.events.keys.arm) is None, "the arm is used up"


@pytest.mark.parametrize("everything", [("governor", "executor")])
async def test_with_the_oracle_dead_an_arm_still_flattens(running: Trio) -> None:
    await set_latch(running)

    async with running.flatctl(*ARM) as command:
        code = await command.wait()

    (request,) = await running.events.events(FlattenRequested)
    assert code == 0, command.text
    assert (request.snapshot_id, request.snapshot_age_ms) == (None, None)
    assert await running.sim.positions() == {}


async def test_with_a_stale_snapshot_an_arm_still_flattens_and_the_age_is_reported(running: Trio) -> None:
    await set_latch(running)
    await running.events.wait_for(PositionSnapshot)
    running.services["oracle"].sigkill()
    await running.services["oracle"].wait()

    async with running.flatctl(*ARM) as command:
        code = await command.wait()

    (request,) = await running.events.events(FlattenRequested)
    assert code == 0, command.text
    assert request.snapshot_id is not None
    assert request.snapshot_age_ms is not None
    assert await running.sim.positions() == {}


async def test_the_breach_is_in_the_request_and_is_gone_after_the_flatten(running: Trio) -> None:
    trio, events = running, running.events
    now_s = await events.now_ms() // 1000
    target = ("target_usd", "1820", "mode", "enforce", "confidence", "0.9", "timestamp", str(now_s))
    await raw(events.redis, "HSET", f"{trio.env['FLATTEN_ALLOCATION_PREFIX']}ETHUSDT", *target)
    await trio.services["governor"].wait_line(
        r"P2\.9 ETHUSDT position=\$31361\.00 target=\$1820\.00 burst_cap=\$3640\.00 verdict=breach ratio=17\.23"
    )
    await set_latch(trio)

    async with trio.flatctl(*ARM) as command:
        assert await command.wait() == 0, command.text

    (request,) = await events.events(FlattenRequested)
    assert [breach.symbol for breach in request.breaches] == ["ETHUSDT"]
    await trio.services["governor"].wait_line(r"P2\.9 ETHUSDT position=\$0\.00 .* verdict=flat")
    changes = [event.check for event in await events.events(AllocationStateChanged) if event.check.symbol == "ETHUSDT"]
    assert [check.verdict for check in changes][-2:] == [AllocationVerdict.BREACH, AllocationVerdict.FLAT]


async def test_one_trace_spans_arm_governor_executor_every_order_and_completed(trio: Trio) -> None:
    async with OtlpReceiver() as collector:
        trio.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.endpoint
        async with trio.service("governor") as governor, trio.service("executor") as executor:
            await governor.wait_ready()
            await executor.wait_ready()
            await set_latch(trio)
            async with trio.flatctl(*ARM) as command:
                assert await command.wait() == 0, command.text
            # The services still run: what a busy machine does not export in the moment of a stop would be lost.
            armed = await collector.wait_span("send flatten.arm")
            spans = await collector.wait_trace(armed.trace_id, lambda spans: _whole(spans) and _connected(spans))

    intended = {event.client_order_id for event in await trio.events.events(OrderIntended)}
    traced = {span.attributes.get("flatguard.client_order_id") for span in spans if span.name.startswith("order ")}
    assert len(intended) == 44
    assert traced == intended
    for event_type in (ArmAccepted, FlattenRequested, FlattenCompleted, OrderIntended):
        for entry, _ in await trio.events.entries(event_type):
            assert (entry.traceparent or "").split("-")[1] == armed.trace_id


async def test_log_lines_of_a_run_carry_its_request_and_trace(trio: Trio) -> None:
    trio.env["LOG_FORMAT"] = "json"
    async with trio.service("governor") as governor, trio.service("executor") as executor:
        await governor.wait_ready()
        await executor.wait_ready()
        await set_latch(trio)
        async with trio.flatctl(*ARM) as command:
            assert await command.wait() == 0, command.text
        line = json.loads(await executor.wait_line("TESTNET_FLATTEN done"))

    completed = await trio.events.verdict()
    ((entry, _),) = await trio.events.entries(FlattenCompleted)
    assert line["request_id"] == completed.request_id
    assert line["trace_id"] == (entry.traceparent or "").split("-")[1]


def _whole(spans: list[ReceivedSpan]) -> bool:
    """Whether the way from the arm to the verdict is there, with every order."""
    names = [(span.service, span.name) for span in spans]
    on_the_way = {
        ("governor", "process flatten.arm"),
        ("governor", "send flatten.requested"),
        ("flatten-executor", "process flatten.requested"),
        ("flatten-executor", "send flatten.completed"),
    }
    return on_the_way <= set(names) and sum(name.startswith("order ") for _, name in names) == 44


def _connected(spans: list[ReceivedSpan]) -> bool:
    """Whether every span but the first hangs on another one of the trace."""
    ids = {span.span_id for span in spans}
    return sum(span.parent_id not in ids for span in spans) == 1
