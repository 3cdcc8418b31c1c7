"""Partial answers, refusals before a crash, verdicts that cannot be published: none becomes a wrong word."""

import pytest

from contracts.flattening import FlattenCompleted, RunStarted, RunVerdict
from exchange.errors import ReadUnusable
from exchange.model import PositionReading
from flatten_executor.ground_truth import _require_rows
from runtime.redis_client import raw
from support.exchange_builders import position, reading, unreadable_row
from support.processes import ServiceProcess
from support.requester import Requester
from support.sim import Simulator


@pytest.mark.parametrize("shown", [reading(position("0")), reading(unreadable=(unreadable_row("ETHUSDT"),))])
def test_a_known_symbol_with_a_row_of_any_kind_is_accounted_for(shown: PositionReading) -> None:
    _require_rows(shown, frozenset({"ETHUSDT"}))


def test_a_known_symbol_without_a_row_makes_the_reading_unusable_i14() -> None:
    with pytest.raises(ReadUnusable, match="no row for BTCUSDT, 1 missing"):
        _require_rows(reading(position("0")), frozenset({"ETHUSDT", "BTCUSDT"}))


async def test_a_request_refused_for_its_age_stays_refused_after_a_crash_i3(
    sim: Simulator, env: dict[str, str], governor: Requester
) -> None:
    await sim.faults({"action": "hang", "match": {"path": "/fapi/v2/positionRisk"}, "times": 0})
    async with ServiceProcess("flatten_executor.main", env) as first:
        await first.wait_ready()
        await governor.request(requested_at_ms=await governor.now_ms() - 121_000)
        await first.wait_line("more than 120000")
        await governor.wait_for(RunStarted)
        first.sigkill()
        await first.wait()
    await sim.clear_faults()

    async with ServiceProcess("flatten_executor.main", env):
        completed = await governor.verdict()

    assert completed.verdict is RunVerdict.ABORTED
    assert await sim.orders() == []


async def test_a_verdict_that_cannot_be_published_is_not_taken_for_published_i11(
    sim: Simulator, env: dict[str, str], governor: Requester
) -> None:
    completed_key = governor.keys.of(FlattenCompleted)
    await raw(governor.redis, "SET", completed_key, "no stream")
    async with ServiceProcess("flatten_executor.main", env) as first:
        await governor.request()
        assert await first.wait() == 1
        assert "nothing was written" in first.text
    await raw(governor.redis, "DEL", completed_key)

    async with ServiceProcess("flatten_executor.main", env):
        completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert len(await sim.orders()) == 44
