"""A service as a process: how it starts, drains, crashes and comes back."""

import asyncio
import json
import os
import random
import re
from pathlib import Path

import pytest

from runtime.redis_client import raw
from support.otlp import OtlpReceiver
from support.processes import ServiceProcess
from support.redis_local import free_port
from support.redis_server import RedisServer
from support.streaming import Workshop, eventually

TESTS = Path(__file__).parents[2]


def echo(workshop: Workshop, **env: str) -> ServiceProcess:
    settings = {
        "REDIS_URL": workshop.url,
        "FLATTEN_NAMESPACE": workshop.keys.namespace,
        "PYTHONPATH": os.pathsep.join((str(TESTS), os.environ.get("PYTHONPATH", ""))),
    }
    return ServiceProcess("support.echo_service", settings | env)


async def test_sigterm_finishes_what_is_in_hand_and_exits_0(workshop: Workshop) -> None:
    await workshop.say("slow", "left")
    async with echo(workshop) as service:
        await service.wait_line("handling slow")
        service.sigterm()
        await service.wait_line("SIGTERM: draining")
        await workshop.release()

        assert await service.wait() == 0

    assert await workshop.effects() == {"slow": 1}
    assert await workshop.pending() in (0, 1)
    async with echo(workshop) as service:
        await service.wait_line("handled left")
    assert await workshop.effects() == {"slow": 1, "left": 1}


async def test_what_comes_to_no_end_after_sigterm_stays_pending_and_the_next_one_handles_it(workshop: Workshop) -> None:
    await workshop.say("slow")
    async with echo(workshop) as service:
        await service.wait_line("handling slow")
        service.sigterm()

        assert await service.wait() == 0

    assert "ending; what is in hand stays pending" in service.text
    assert await workshop.effects() == {}
    assert await workshop.pending() == 1
    await workshop.release()
    async with echo(workshop) as service:
        await service.wait_line("handled slow")
    assert await workshop.effects() == {"slow": 1}


async def test_a_redis_that_hangs_does_not_hold_up_the_end(own_redis: RedisServer, own_workshop: Workshop) -> None:
    async with echo(own_workshop) as service:
        await service.wait_ready()
        own_redis.pause()
        try:
            service.sigterm()
            code = await service.wait()
        finally:
            own_redis.resume()

    assert code == 0
    assert "Traceback" not in service.text


async def test_a_second_signal_ends_at_once_with_the_entry_pending(workshop: Workshop) -> None:
    await workshop.say("slow")
    async with echo(workshop) as service:
        await service.wait_line("handling slow")
        service.sigterm()
        await service.wait_line("draining")
        service.sigterm()

        assert await service.wait() == 130

    assert await workshop.effects() == {}
    assert await workshop.pending() == 1


async def test_a_crash_is_one_clear_line_and_a_traceback_without_secrets(workshop: Workshop) -> None:
    await workshop.say("crash")
    async with echo(workshop, EXCHANGE_API_SECRET="hunter2-secret") as service:
        assert await service.wait() == 1

    assert "echo crashed: ZeroDivisionError: crashed over ***" in service.text
    assert "Traceback" in service.text
    assert "hunter2" not in service.text
    assert await workshop.pending() == 1
    assert await workshop.dead_letters() == []


async def test_bad_settings_are_one_line_each_and_exit_2() -> None:
    env = {"MAX_FLATTEN_SYMBOL": "1", "LOG_FORMAT": "xml", "EXCHANGE_API_SECRET": "hunter2\nsecret"}
    async with ServiceProcess("support.echo_service", {"PYTHONPATH": str(TESTS), **env}) as service:
        assert await service.wait() == 2

    assert service.lines == [
        "echo: EXCHANGE_API_SECRET=(secret) holds a line break or a NUL character: it must be one line of text",
        "echo: LOG_FORMAT='xml' is not one of json, text",
        "echo: MAX_FLATTEN_SYMBOL is not a variable that Flatguard knows; did you mean 'MAX_FLATTEN_SYMBOLS'?",
    ]


async def test_a_port_in_use_is_one_line_and_exit_1(workshop: Workshop) -> None:
    async with echo(workshop) as first:
        port = (await first.http_url()).rsplit(":", 1)[1]
        async with echo(workshop, HTTP_PORT=port, CONSUMER_NAME="echo-2") as second:
            assert await second.wait() == 1

    assert f"echo cannot start: HTTP_PORT={port}: 127.0.0.1:{port} is in use by another process" in second.text
    assert "Traceback" not in second.text


async def test_the_first_line_says_what_it_runs_with_and_no_password(workshop: Workshop) -> None:
    url = workshop.url.replace("redis://", "redis://:pa55word@")
    async with echo(workshop, REDIS_URL=url, LOG_FORMAT="json") as service:
        line = json.loads(await service.wait_line("starting"))
        await service.wait_line("is not reachable|reading|cannot start")

    assert line["service"] == "echo"
    assert line["settings"]["REDIS_URL"] == workshop.url.replace("redis://", "redis://:***@")
    assert re.fullmatch("[0-9a-f]{64}", line["config_hash"])
    assert "pa55word" not in service.text


async def test_redis_down_at_the_start_is_told_and_waited_for(own_redis: RedisServer, own_workshop: Workshop) -> None:
    await asyncio.to_thread(own_redis.stop)
    async with echo(own_workshop) as service:
        await service.wait_line("redis is not reachable, trying until it is")
        await service.wait_unready()
        await asyncio.to_thread(own_redis.start)
        await service.wait_ready()
        await own_workshop.say("a")
        await service.wait_line("handled a")


async def test_redis_killed_and_flushed_makes_unready_and_is_recovered_from(
    own_redis: RedisServer, own_workshop: Workshop
) -> None:
    async with echo(own_workshop) as service:
        await service.wait_ready()
        await asyncio.to_thread(own_redis.kill)
        await service.wait_line("stream flatten.arm: cannot be read, trying until it can")
        await service.wait_unready()
        await asyncio.to_thread(own_redis.start)
        await service.wait_ready()
        await raw(own_workshop.redis, "FLUSHALL")
        await service.wait_line("group was gone and is recreated at 0")
        await own_workshop.say("a")
        await service.wait_line("handled a")
        assert 'flatguard_stream_ready{stream="flatten.arm"} 1.0' in await service.metrics()


@pytest.mark.timeout(400)  # seven starts, one after the other
async def test_kills_at_any_moment_lose_and_repeat_nothing(workshop: Workshop) -> None:
    chance = random.Random(11)
    wanted = [f"arm-{number}" for number in range(120)]
    for start in range(0, 120, 20):
        await workshop.say(*wanted[start : start + 20])
        async with echo(workshop) as service:
            # What it left behind comes first, so each of these is still to come, however fast it is.
            await service.wait_line(rf"{chance.choice(('handling', 'handled'))} arm-{start + chance.randrange(20)}\b")
            service.sigkill()
            await service.wait()
    async with echo(workshop):

        async def all_done() -> bool:
            return len(await workshop.effects()) == 120 and await workshop.pending() == 0

        await eventually(all_done, "all are handled")

    assert await workshop.effects() == dict.fromkeys(wanted, 1)


async def test_a_stopped_process_that_comes_back_finds_its_entry_taken_over_and_repeats_nothing(
    workshop: Workshop,
) -> None:
    await workshop.say("slow")
    async with echo(workshop, CONSUMER_NAME="echo-1") as first:
        await first.wait_line("handling slow")
        first.sigstop()
        # What another consumer would do once the idle limit is over, without waiting for that here.
        (row,) = await raw(workshop.redis, "XRANGE", workshop.stream, "-", "+")
        await raw(workshop.redis, "XCLAIM", workshop.stream, "governor", "echo-2", 0, row[0])
        await workshop.release()
        async with echo(workshop, CONSUMER_NAME="echo-2") as second:
            await second.wait_line("handled slow")
        first.sigcont()
        await first.wait_line("handled slow")

    assert await workshop.effects() == {"slow": 1}
    assert await workshop.pending() == 0


async def test_one_trace_goes_through_the_entry_to_what_the_handler_published(workshop: Workshop) -> None:
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
    async with OtlpReceiver() as collector, echo(workshop, OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint) as service:
        await service.wait_ready()
        await workshop.say_traced("a", traceparent)
        process = await collector.wait_span("process flatten.arm")
        send = await collector.wait_span("send flatten.audit")
        line = await service.wait_line("handled a")

    assert process.trace_id == send.trace_id == "0af7651916cd43dd8448eb211c80319c"
    assert process.parent_id == "b7ad6b7169203331"
    assert send.parent_id == process.span_id
    assert process.service == "echo"
    assert process.attributes["messaging.consumer.group.name"] == "governor"
    assert process.attributes["messaging.system"] == "redis"
    assert "trace_id=0af7651916cd43dd8448eb211c80319c" in line
    assert "arm_id=a" in line
    ((_, fields),) = await raw(workshop.redis, "XRANGE", workshop.keys.stream("flatten.audit"), "-", "+")
    assert dict(zip(fields[::2], fields[1::2], strict=True))[b"traceparent"].decode() == (
        f"00-{send.trace_id}-{send.span_id}-01"
    )


async def test_log_lines_leave_whole_masked_and_with_their_trace_to_the_last_i18(workshop: Workshop) -> None:
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
    telemetry = {"EXCHANGE_API_SECRET": "hunter2hunter2"}
    async with OtlpReceiver() as collector:
        telemetry["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.endpoint
        async with echo(workshop, **telemetry) as service:
            await service.wait_ready()
            await workshop.say_traced("a", traceparent)
            line = await collector.wait_line("handling a")
            service.sigterm()
            assert await service.wait() == 0
        await collector.wait_line("echo stopped")

    told = json.loads(line.body)
    assert (line.service, line.severity, line.trace_id) == ("echo", "INFO", "0af7651916cd43dd8448eb211c80319c")
    assert (told["message"], told["arm_id"], told["span_id"]) == ("handling a", "a", line.span_id)
    assert "secret" in told
    assert not [line for line in collector.lines if "hunter2" in line.body]


async def test_log_lines_stay_at_home_when_they_are_told_to(workshop: Workshop) -> None:
    async with OtlpReceiver() as collector:
        telemetry = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, "OTEL_LOGS_EXPORTER": "none"}
        async with echo(workshop, **telemetry) as service:
            await service.wait_ready()
            await workshop.say("a")
            await collector.wait_span("process flatten.arm")
            service.sigterm()
            assert await service.wait() == 0

    assert "echo stopped" in service.text
    assert collector.lines == []


@pytest.mark.parametrize("collector_is", ["absent", "hanging"])
async def test_telemetry_that_is_down_delays_neither_entries_nor_the_end(workshop: Workshop, collector_is: str) -> None:
    wanted = [f"arm-{number}" for number in range(200)]
    async with OtlpReceiver(answer_after_s=60) as hanging:
        endpoint = hanging.endpoint if collector_is == "hanging" else f"http://127.0.0.1:{free_port()}"
        async with echo(workshop, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint) as service:
            await service.wait_ready()
            await workshop.say(*wanted)
            await service.wait_line("handled arm-199")
            service.sigterm()
            assert await service.wait() == 0

    # It would wait longer than a stop may take: it is cut off, not waited for.
    assert collector_is == "absent" or "telemetry could not be sent in time" in service.text
    assert await workshop.effects() == dict.fromkeys(wanted, 1)
    assert service.text.count("opentelemetry") < 6
