"""Following a run: exit codes, what is still open, and what happens when things go away."""

import asyncio
import json
import signal

import pytest

from contracts.flattening import Counts, FlattenCompleted, RunVerdict
from runtime.redis_client import raw
from support.flatctl_process import Flatctl, finish
from support.proxy import FaultyProxy
from support.run_events import (
    accepted,
    completed,
    intended,
    residual,
    resolved,
    started,
    two_closed,
    verified,
    waiting,
    whole_run,
)
from support.scribe import Scribe


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (completed(), 0),
        (completed(RunVerdict.FLAT_EXCEPT_DUST, left=(residual("ETHUSDT", "0.0001", "0.3", "dust"),)), 0),
        (completed(RunVerdict.NOT_FLAT, left=(residual("ETHUSDT", "9.1"),)), 2),
        (completed(RunVerdict.ABORTED, abort_reason="the ESS latch is no longer set"), 4),
    ],
    ids=lambda value: value.verdict if isinstance(value, FlattenCompleted) else None,
)
async def test_each_verdict_has_its_exit_code(
    flatctl: Flatctl, scribe: Scribe, verdict: FlattenCompleted, code: int
) -> None:
    await scribe.tell(*whole_run(), verdict)
    said = await flatctl("watch")

    assert said.code == code, said
    assert f"verdict={verdict.verdict}" in said.out
    assert verdict.abort_reason in said.out


async def test_what_is_still_open_is_named_with_the_reason(flatctl: Flatctl, scribe: Scribe) -> None:
    left = (residual("ETHUSDT", "0.1", "344.6", "order refused: -2019"), residual("XRPUSDT", "-5", "9.5", "no order"))
    counts = two_closed(ok=0, orders_ok=0, errors=2)
    await scribe.tell(*whole_run(), completed(RunVerdict.NOT_FLAT, counts=counts, left=left))
    said = await flatctl("watch", "req-1")

    assert "seen=3 nonzero=2 filtered=2 sent=2 ok=0 errors=2 verdict=not_flat" in said.out
    assert "STILL OPEN: 2 positions, $354.10" in said.out
    for text in ("ETHUSDT", "order refused: -2019", "XRPUSDT", "-5", "no order"):
        assert text in said.out


async def test_flat_says_that_nothing_is_open_and_when_that_was_seen(flatctl: Flatctl, scribe: Scribe) -> None:
    await scribe.tell(*whole_run(), completed())
    said = await flatctl("watch")

    assert "STILL OPEN: nothing (exchange read at 2026-01-28 03:37:59 UTC)" in said.out


async def test_a_run_without_a_last_reading_never_says_nothing(flatctl: Flatctl, scribe: Scribe) -> None:
    await scribe.tell(*whole_run(), completed(RunVerdict.NOT_FLAT, verified_at_ms=None))
    said = await flatctl("watch")

    assert said.code == 4
    assert "STILL OPEN: unknown, the exchange could not be read at the end" in said.out


async def test_a_run_is_followed_live(flatctl: Flatctl, scribe: Scribe) -> None:
    await scribe.tell(accepted(), started())
    await raw(scribe.redis, "SET", scribe.keys.active, "req-1")
    process = await flatctl.start("watch")
    assert process.stdout is not None
    while b"run started by executor-1" not in await process.stdout.readline():
        assert not process.stdout.at_eof()
    await scribe.tell(intended("ETHUSDT", "9.1"), resolved("ETHUSDT", "9.1"))
    assert b"ETHUSDT" in await process.stdout.readline()
    await scribe.tell(completed())

    assert (await finish(process)).code == 0


async def test_the_run_in_flight_comes_before_the_last_one(flatctl: Flatctl, scribe: Scribe) -> None:
    await scribe.tell(*whole_run(), completed(), accepted("req-2", "arm-2"))
    await raw(scribe.redis, "SET", scribe.keys.active, "req-2")
    said = await flatctl("watch", "--timeout", "1")

    assert said.code == 4
    assert "run req-2" in said.out
    assert "no verdict within 1 s: waiting for the executor" in said.err


async def test_everything_is_shown_before_the_verdict_however_much_it_is(flatctl: Flatctl, scribe: Scribe) -> None:
    symbols = [f"S{number}USDT" for number in range(700)]
    await scribe.tell(
        *whole_run()[:3],
        *(intended(symbol, "1") for symbol in symbols),
        *(resolved(symbol, "1") for symbol in symbols),
        verified(1),
    )
    await scribe.tell(completed())
    said = await flatctl("watch")

    assert said.code == 0
    assert said.out.count("filled 1") == len(symbols)
    assert said.out.index("S699USDT") < said.out.index("verdict=flat")


async def test_json_prints_one_event_a_line_and_the_verdict_last(flatctl: Flatctl, scribe: Scribe) -> None:
    await scribe.tell(*whole_run(), completed())
    said = await flatctl("watch", "--json")

    events = [json.loads(line)["event"] for line in said.out.splitlines()]
    assert [event["type"] for event in events][-2:] == ["run.verified.v1", "flatten.completed.v1"]
    assert len(events) == len(whole_run()) + 1
    assert events[-1]["counts"]["nonzero"] == 2


@pytest.mark.parametrize("arguments", [(), ("req-unknown",)])
async def test_with_nothing_on_record_it_says_so(flatctl: Flatctl, arguments: tuple[str, ...]) -> None:
    said = await flatctl("watch", *arguments)

    assert said.code == 1
    assert said.err.startswith("flatctl: no run")
    assert said.err.count("\n") == 1


async def test_redis_going_away_meanwhile_is_survived(flatctl: Flatctl, scribe: Scribe, redis_url: str) -> None:
    await scribe.tell(accepted(), started())
    async with FaultyProxy(redis_url) as proxy:
        flatctl.environ["REDIS_URL"] = proxy.url
        process = await flatctl.start("watch")
        assert process.stdout is not None
        while b"run started" not in await process.stdout.readline():
            assert not process.stdout.at_eof()
        proxy.cut()
        while b"Redis is away" not in await process.stdout.readline():
            assert not process.stdout.at_eof()
        await scribe.tell(completed(counts=Counts(seen=3, zero=3)))
        said = await finish(process)

    assert said.code == 0
    assert "Redis is back" in said.out


async def test_an_entry_that_cannot_be_read_is_told_and_passed_over(flatctl: Flatctl, scribe: Scribe) -> None:
    await scribe.tell(accepted())
    audit = scribe.keys.stream("flatten.audit")
    await raw(scribe.redis, "XADD", audit, "*", "type", "order.from_the_future.v9")
    await scribe.tell(completed())
    said = await flatctl("watch")

    assert said.code == 0
    assert "cannot be read by this version" in said.out


async def test_a_reader_that_goes_away_does_not_change_the_exit_code(flatctl: Flatctl, scribe: Scribe) -> None:
    await scribe.tell(accepted(), started())
    process = await flatctl.start("watch")
    assert process.stdout is not None
    assert process.stderr is not None
    while b"run started" not in await process.stdout.readline():
        assert not process.stdout.at_eof()
    process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]  # noqa: SLF001 - the reader's end
    await scribe.tell(*whole_run()[2:], completed(RunVerdict.NOT_FLAT, left=(residual("ETHUSDT", "9.1"),)))
    async with asyncio.timeout(20):
        code = await process.wait()

    assert (code, await process.stderr.read()) == (2, b"")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_watching_in_one_line(flatctl: Flatctl, scribe: Scribe, number: signal.Signals) -> None:
    await scribe.tell(accepted(), started())
    process = await flatctl.start("watch")
    assert process.stdout is not None
    while b"run started" not in await process.stdout.readline():
        assert not process.stdout.at_eof()
    process.send_signal(number)
    said = await finish(process)

    assert said.code == 130
    assert (
        said.err == "flatctl: stopped; what is armed stays armed, and a run goes on (flatctl status, flatctl watch)\n"
    )


async def test_a_run_that_nobody_begins_is_said_while_it_is_waited_for(flatctl: Flatctl, scribe: Scribe) -> None:
    await scribe.tell(accepted())
    process = await flatctl.start("watch", "--timeout", "600")
    assert process.stdout is not None
    while b"NOBODY HAS BEGUN this run" not in await process.stdout.readline():
        pass
    await scribe.tell(started(), completed())

    assert (await finish(process)).code == 0


async def test_orders_that_would_not_go_are_shown_beside_what_is_open(flatctl: Flatctl, scribe: Scribe) -> None:
    await scribe.tell(*whole_run(), completed(RunVerdict.NOT_FLAT, resting_left=(waiting("ADAUSDT"),)))
    said = await flatctl("watch")

    assert said.code == 2
    assert "STILL WAITING at the exchange: 1 orders, 1 of which may open a position again" in said.out
    assert "ADAUSDT" in said.out
