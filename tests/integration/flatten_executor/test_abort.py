"""An abort, or the latch cleared: nothing more leaves, what has left is accounted for, and what is open is said."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import pytest

from contracts.arming import AbortRequested, FlattenRequested
from contracts.flattening import OrderIntended, OrderResolved, OrderState, PositionFate, RunVerdict
from runtime.redis_client import raw
from support.processes import ServiceProcess
from support.requester import Requester
from support.scenes import ETH, POSITIONS, SINGLE, positions_in
from support.sim import Simulator

CANCEL = {"method": "DELETE", "path": "/fapi/v1/allOpenOrders"}
Stop = Callable[[FlattenRequested], Awaitable[str]]


@pytest.fixture(params=["abort", "latch"])
def stop(request: pytest.FixtureRequest, governor: Requester, latch: Path) -> Stop:
    """Stops a run one way or the other, and says what the verdict must give as its reason."""

    async def abort(flatten: FlattenRequested) -> str:
        await governor.abort(flatten.request_id, operator="bob", reason="the venue is halted")
        return "bob asked to abort: the venue is halted"

    async def clear(_: FlattenRequested) -> str:
        latch.unlink()
        return "the ESS latch is no longer set"

    return abort if request.param == "abort" else clear


async def test_orders_that_wait_for_the_budget_are_not_sent_any_more(
    sim: Simulator, env: dict[str, str], governor: Requester, stop: Stop
) -> None:
    await sim.scenario(positions=await positions_in(sim, 30))
    await sim.limits(orders_10s=20)
    async with ServiceProcess("flatten_executor.main", env) as executor:
        await executor.wait_ready()
        request = await governor.request()
        await sim.wait(filled=20)

        reason = await stop(request)
        completed = await governor.verdict()

    assert completed.verdict is RunVerdict.ABORTED
    assert reason in completed.abort_reason
    counts = completed.counts
    assert (counts.filtered, counts.sent, counts.ok, counts.orders_sent, counts.errors) == (30, 20, 20, 20, 0)
    assert len(completed.residual) == len(await sim.positions()) == 10
    states = [event.state for event in await governor.events(OrderResolved)]
    assert (states.count(OrderState.FILLED), states.count(OrderState.UNSENT)) == (20, 10)
    assert len(await sim.orders()) == 20
    assert sum(outcome.fate is PositionFate.NOT_ATTEMPTED for outcome in completed.outcomes) == 10


async def test_what_is_on_its_way_is_resolved_and_what_is_left_is_told(
    sim: Simulator, executor: ServiceProcess, governor: Requester, stop: Stop
) -> None:
    await sim.scenario(positions=[ETH], book=[{"symbol": "ETHUSDT", "qty": "0.5"}])
    await sim.faults({"action": "delay", "hold_ms": 600_000, "match": SINGLE})

    request = await governor.request()
    await sim.wait(requests=1, method="POST", path=SINGLE["path"])
    await stop(request)
    await executor.wait_line("FLATTEN stops sending")
    await sim.proceed()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.ABORTED
    assert completed.outcomes[0].filled_quantity == Decimal("0.5")
    assert (completed.residual[0].quantity, completed.rounds) == (Decimal("1.5"), 1)
    assert len(await sim.orders()) == 1


async def test_an_order_whose_answer_is_lost_is_still_looked_up(
    sim: Simulator, executor: ServiceProcess, governor: Requester, stop: Stop
) -> None:
    await sim.scenario(positions=[ETH], book=[{"symbol": "ETHUSDT", "qty": "0.5"}])
    await sim.faults({"action": "timeout_after", "hold_ms": 600_000, "match": SINGLE})

    request = await governor.request()
    await sim.wait(orders=1)
    await stop(request)
    await executor.wait_line("FLATTEN stops sending")
    await sim.proceed()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.ABORTED
    assert (completed.counts.unknown, completed.outcomes[0].filled_quantity) == (0, Decimal("0.5"))


async def test_an_order_that_waits_to_be_sent_again_is_given_up(
    sim: Simulator, executor: ServiceProcess, governor: Requester, stop: Stop
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults({"action": "code", "code": -1015, "status": 429, "retry_after_s": 60, "match": SINGLE})

    request = await governor.request()
    await sim.wait(orders=1)
    await stop(request)
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.ABORTED
    assert (completed.counts.errors, len(await sim.orders())) == (1, 1)


async def test_a_stop_that_comes_when_everything_is_closed_changes_no_verdict(
    sim: Simulator, executor: ServiceProcess, governor: Requester, stop: Stop
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults({"action": "delay", "hold_ms": 600_000, "match": {**POSITIONS, "nth": 2}})

    request = await governor.request()
    await sim.wait(filled=1)
    reason = await stop(request)
    await executor.wait_line("FLATTEN stops sending")
    await sim.proceed()
    completed = await governor.verdict()

    assert (completed.verdict, completed.abort_reason) == (RunVerdict.FLAT, "")
    assert any(reason in note for note in completed.notes)


async def test_resting_orders_are_left_alone_after_an_abort(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    resting = {"symbol": "ETHUSDT", "side": "SELL", "qty": "2", "price": "9000", "reduce_only": True}
    await sim.scenario(positions=[ETH], resting_orders=[resting])
    await sim.faults({"action": "delay", "hold_ms": 600_000, "match": POSITIONS})

    request = await governor.request()
    await sim.wait(requests=1, method="GET", path=POSITIONS["path"])
    await governor.abort(request.request_id)
    await executor.wait_line("FLATTEN stops sending")
    await sim.proceed()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.ABORTED
    assert len((await sim.state())["open_orders"]) == 1


async def test_a_stop_that_comes_while_waiting_orders_are_cancelled_lets_no_close_follow(
    sim: Simulator, executor: ServiceProcess, governor: Requester, stop: Stop
) -> None:
    resting = {"symbol": "ETHUSDT", "side": "SELL", "qty": "2", "price": "9000", "reduce_only": True}
    await sim.scenario(positions=[ETH], resting_orders=[resting])
    await sim.faults({"action": "delay", "hold_ms": 600_000, "match": CANCEL})

    request = await governor.request()
    await sim.wait(requests=1, method="DELETE", path=CANCEL["path"])
    reason = await stop(request)
    await executor.wait_line("FLATTEN stops sending")
    await sim.proceed()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.ABORTED
    assert reason in completed.abort_reason
    assert (completed.counts.resting_cancelled, completed.residual[0].quantity) == (1, Decimal(2))
    assert await governor.events(OrderIntended) == []


async def test_an_abort_that_comes_before_the_executor_does_lets_nothing_leave(
    sim: Simulator, env: dict[str, str], governor: Requester
) -> None:
    request = await governor.request()
    await governor.abort(request.request_id)

    async with ServiceProcess("flatten_executor.main", env):
        completed = await governor.verdict()

    assert completed.verdict is RunVerdict.ABORTED
    assert (completed.counts.filtered, completed.counts.sent, len(completed.residual)) == (44, 0, 44)
    assert await governor.events(OrderIntended) == []


async def test_an_abort_of_another_run_or_one_that_cannot_be_read_stops_nothing(
    sim: Simulator, env: dict[str, str], governor: Requester
) -> None:
    await governor.request()
    await governor.abort("req-of-somebody-else")
    await raw(governor.redis, "XADD", governor.keys.of(AbortRequested), "*", "data", "{")

    async with ServiceProcess("flatten_executor.main", env) as executor:
        completed = await governor.verdict()
        await executor.wait_line("cannot be read and stops nothing")

    assert completed.verdict is RunVerdict.FLAT


async def test_an_abort_works_across_a_crash(sim: Simulator, env: dict[str, str], governor: Requester) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults({"action": "hang", "match": SINGLE})
    async with ServiceProcess("flatten_executor.main", env) as first:
        await first.wait_ready()
        request = await governor.request()
        await sim.wait(requests=1, method="POST", path=SINGLE["path"])
        first.sigkill()
        await first.wait()
    await sim.clear_faults()
    await governor.abort(request.request_id)

    async with ServiceProcess("flatten_executor.main", env):
        completed = await governor.verdict()

    assert completed.verdict is RunVerdict.ABORTED
    assert len(await governor.events(OrderIntended)) == 1
    assert len(await sim.orders()) == 1
