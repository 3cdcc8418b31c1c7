"""What the console of a real governor shows, from its first page on."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from contracts.arming import ArmRefused, FlattenRequested
from contracts.base import Event
from contracts.flattening import FlattenCompleted
from runtime.redis_client import raw
from support.console import following
from support.governing import a_governor, complete, show
from support.operator import Operator
from support.run_events import accepted, completed, intended, resolved, started, verified
from support.scribe import Scribe
from support.snapshots import a_snapshot, leg

TOKEN = "a-token-of-sixteen-characters"
Parts = dict[str, Any]


def gate(parts: Parts, name: str) -> dict[str, str]:
    found: dict[str, str] = next(gate for gate in parts["present"]["gates"] if gate["gate"] == name)
    return found


async def test_gates_follow_the_latch_and_say_why(redis_url: str, namespace: str, latch: Path) -> None:
    async with a_governor(redis_url, namespace, latch) as governor, following(await governor.http_url()) as page:
        parts = await page.until(lambda parts: parts.get("present", {}).get("would_pass"))
        assert gate(parts, "ess_latch")["light"] == "passes"

        latch.unlink()

        await page.until(lambda parts: gate(parts, "ess_latch")["light"] == "refuses")
        assert "is not there" in gate(page.parts, "ess_latch")["observed"]
        assert page.parts["present"]["would_pass"] is False


async def test_positions_stand_by_notional_against_target_and_cap(
    redis_url: str, namespace: str, latch: Path, operator: Operator
) -> None:
    now_s = await operator.now_ms() // 1000
    target = ("target_usd", "1820", "mode", "enforce", "timestamp", str(now_s))
    await raw(operator.redis, "HSET", f"{namespace}:target:ETHUSDT", *target)
    async with a_governor(redis_url, namespace, latch) as governor, following(await governor.http_url()) as page:
        await show(operator, a_snapshot(leg("BTCUSDT", "-0.1", "1000"), leg()))

        parts = await page.until(lambda parts: parts.get("holdings", {}).get("checked"))
        assert parts["holdings"]["rows"] == [
            ["ETHUSDT", "long", "31361.00", "1820.00", "3640.00", "17.23", "breach", False, ""],
            ["BTCUSDT", "short", "100.00", None, None, None, "missing_target", False, "no target"],
        ]
        assert parts["holdings"]["total_usd"] == "31461.00"


async def test_a_refused_arm_is_history_with_its_reasons(
    redis_url: str, namespace: str, latch: Path, operator: Operator
) -> None:
    latch.unlink()
    async with a_governor(redis_url, namespace, latch) as governor, following(await governor.http_url()) as page:
        await page.until(lambda parts: "past" in parts)
        await operator.arm("arm-1")

        parts = await page.until(lambda parts: parts["past"])
        (arm,) = parts["past"]
        assert (arm["arm_id"], arm["operator"], arm["decision"]) == ("arm-1", "alice", "refused")
        assert arm["failed"][0].startswith("ess_latch: ")


async def test_a_run_is_followed_from_its_arm_to_its_verdict(
    redis_url: str, namespace: str, latch: Path, operator: Operator
) -> None:
    async with a_governor(redis_url, namespace, latch) as governor, following(await governor.http_url()) as page:
        await page.until(lambda parts: "run" in parts)
        assert page.parts["run"] is None

        await operator.arm("arm-1")
        (request,) = await operator.wait_for(FlattenRequested)
        parts = await page.until(lambda parts: parts["run"])
        assert (parts["run"]["request_id"], parts["run"]["stage"]) == (request.request_id, "waiting for the executor")
        await page.until(lambda parts: parts["present"]["in_flight"] == request.request_id)

        events = run_events(request.request_id)
        await Scribe(operator.redis, operator.reader, namespace).tell(*events[:-1])
        parts = await page.until(lambda parts: parts["run"]["stage"] == "verifying")
        assert [stage["positions"] for stage in parts["run"]["funnel"]] == [3, 1, 1, 1, 1]

        await complete(operator, events[-1])
        await page.until(lambda parts: parts["run"]["verdict"] == "flat")
        await page.until(lambda parts: parts["past"][0]["verdict"] == "flat")


def run_events(request_id: str) -> tuple[Any, ...]:
    def ours(event: Event) -> Event:
        return replace(event, request_id=request_id)

    order = ours(intended("ETHUSDT", "9.1"))
    answer = ours(resolved("ETHUSDT", "9.1"))
    return ours(started()), ours(verified(0, still_open=1)), order, answer, ours(completed())


async def test_a_governor_that_starts_later_shows_what_was_before(
    redis_url: str, namespace: str, latch: Path, operator: Operator
) -> None:
    await Scribe(operator.redis, operator.reader, namespace).tell(accepted(), *run_events("req-1"))

    async with a_governor(redis_url, namespace, latch) as governor, following(await governor.http_url()) as page:
        parts = await page.until(lambda parts: parts.get("run") and parts.get("past"))
        assert (parts["run"]["verdict"], parts["run"]["operator"]) == ("flat", "alice")
        assert [arm["verdict"] for arm in parts["past"]] == ["flat"]


async def test_fifty_pages_of_674_positions_stay_live_and_an_arm_is_judged(
    redis_url: str, namespace: str, latch: Path, operator: Operator
) -> None:
    many = a_snapshot(*(leg(f"S{number}USDT", str(number + 1), "10") for number in range(674)))
    async with a_governor(redis_url, namespace, latch) as governor, AsyncExitStack() as stack:
        url = await governor.http_url()
        pages = [await stack.enter_async_context(following(url)) for _ in range(50)]
        await show(operator, many)
        for page in pages:
            await page.until(lambda parts: len(parts.get("holdings", {}).get("rows", ())) == 674)

        await operator.arm("arm-1")

        await operator.wait_for(FlattenRequested)
        for page in pages:
            await page.ticked(2)
            await page.until(lambda parts: parts["past"])


@pytest.mark.parametrize("event", [ArmRefused, FlattenCompleted])
async def test_a_record_that_cannot_be_read_is_told_and_arms_are_judged_all_the_same(
    redis_url: str, namespace: str, latch: Path, operator: Operator, event: type[Event]
) -> None:
    await raw(operator.redis, "SET", operator.keys.of(event), "no stream")
    async with a_governor(redis_url, namespace, latch) as governor, following(await governor.http_url()) as page:
        await page.until(lambda parts: any("cannot be read" in text for text in problems(parts)))
        await raw(operator.redis, "DEL", operator.keys.of(event))
        await operator.arm("arm-1")

        await operator.wait_for(FlattenRequested)
        await page.until(lambda parts: not any("cannot be read" in text for text in problems(parts)))


def problems(parts: Parts) -> list[str]:
    found: list[str] = parts.get("present", {}).get("problems", [])
    return found


async def test_no_secret_is_shown_even_where_somebody_wrote_it_i18(
    redis_url: str, namespace: str, latch: Path, operator: Operator
) -> None:
    latch.unlink()
    governor = a_governor(redis_url, namespace, latch, CONSOLE_TOKEN=TOKEN)
    async with governor, following(await governor.http_url(), Authorization=f"Bearer {TOKEN}") as page:
        leaky = replace(await operator.an_arm("arm-1"), reason=f"the token is {TOKEN}")
        await operator.arm_with(leaky)

        parts = await page.until(lambda parts: parts.get("past"))
        assert parts["past"][0]["reason"] == "the token is ***"
        assert TOKEN not in str(page.parts)
        assert TOKEN not in governor.text


async def test_a_governor_that_listens_to_everybody_says_that_it_has_no_console(
    redis_url: str, namespace: str, latch: Path
) -> None:
    async with a_governor(redis_url, namespace, latch, HTTP_HOST="0.0.0.0") as governor:
        await governor.wait_line("console: none, since it could be reached from outside and CONSOLE_TOKEN is not set")
        await governor.wait_ready()


async def test_a_token_that_is_too_short_ends_the_start_in_a_line_without_it(
    redis_url: str, namespace: str, latch: Path
) -> None:
    async with a_governor(redis_url, namespace, latch, CONSOLE_TOKEN="short") as governor:
        assert await governor.wait() == 2
    assert governor.lines == ["governor: CONSOLE_TOKEN=(secret) must be 16 to 200 characters without blanks"]


async def test_open_pages_do_not_keep_a_governor_from_stopping(redis_url: str, namespace: str, latch: Path) -> None:
    async with a_governor(redis_url, namespace, latch) as governor, following(await governor.http_url()) as page:
        await page.ticked(1)
        governor.sigterm()

        assert await governor.wait() == 0
