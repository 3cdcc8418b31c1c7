"""An order whose answer is lost is looked up before anything else is sent: no second fill, nothing left open (I7).

One that surely failed is sent again, under the same id and inside the venue's limits.
"""

from decimal import Decimal
from typing import Any

import pytest

from contracts.flattening import OrderIntended, OrderResolved, OrderState, RunVerdict
from support.crash_points import CrashPoints
from support.processes import ServiceProcess
from support.requester import Requester
from support.scenes import BATCH, ETH, SINGLE
from support.sim import Simulator

UNKNOWN_503 = {"code": -1000, "msg": "Unknown error, please check your request or try again later."}

RECV_WINDOW_US = 5_000_000
READ = {"/fapi/v2/positionRisk", "/fapi/v1/positionSide/dual", "/fapi/v1/openOrders", "/fapi/v1/openAlgoOrders"}

EXECUTED_AND_LOST: dict[str, dict[str, Any]] = {
    "connection reset": {"action": "drop_after"},
    "cut off in the middle": {"action": "truncate_body"},
    "half the JSON": {"action": "truncated_json"},
    "empty 200": {"action": "empty_200"},
    "503 unknown": {"action": "status", "status": 503, "body": UNKNOWN_503, "execute": True},
    "-1007 time-out": {"action": "status", "status": 408, "body": {"code": -1007, "msg": "Timeout"}, "execute": True},
    "no answer in time": {"action": "timeout_after"},
    "502 from a proxy": {"action": "status", "status": 502, "body": "<html>bad gateway</html>", "execute": True},
}


@pytest.mark.parametrize("loss", EXECUTED_AND_LOST.values(), ids=EXECUTED_AND_LOST.keys())
async def test_an_executed_order_whose_answer_is_lost_is_found_and_not_sent_again_i7(
    sim: Simulator, executor: ServiceProcess, governor: Requester, loss: dict[str, Any]
) -> None:
    await sim.faults({**loss, "match": BATCH})

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert (completed.counts.ok, completed.counts.orders_sent, completed.counts.orders_ok) == (44, 44, 44)
    assert len(await sim.orders()) == 44
    assert await sim.positions() == {}
    after = await paths_after_the_first_order(sim)
    assert {path for _, path in after} == {"/fapi/v1/order", *READ}, "looked up, and the account read again"


async def paths_after_the_first_order(sim: Simulator) -> list[tuple[str, str]]:
    """Method and path of what followed the last of the first wave of orders, keeping warm aside."""
    requests = [(request["method"], request["path"]) for request in await sim.requests()]
    first = next(place for place, (method, _) in enumerate(requests) if method == "POST")
    rest = requests[first:]
    while rest and rest[0][0] == "POST":
        del rest[0]
    return [(method, path) for method, path in rest if path not in ("/fapi/v1/ping", "/fapi/v1/time")]


NOT_EXECUTED: dict[str, dict[str, Any]] = {
    "reset before": {"action": "drop_before"},
    "503 unknown": {"action": "status", "status": 503, "body": UNKNOWN_503},
}


@pytest.mark.parametrize("loss", NOT_EXECUTED.values(), ids=NOT_EXECUTED.keys())
async def test_an_order_that_never_arrived_is_sent_under_a_new_id_only_after_it_was_looked_up(
    sim: Simulator, executor: ServiceProcess, governor: Requester, loss: dict[str, Any]
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults({**loss, "match": SINGLE})

    await governor.request()
    completed = await governor.verdict()

    first, second = await governor.events(OrderIntended)
    states = [event.state for event in await governor.events(OrderResolved)]
    assert completed.verdict is RunVerdict.FLAT
    assert states == [OrderState.UNKNOWN, OrderState.NEVER_ARRIVED, OrderState.FILLED]
    assert first.client_order_id != second.client_order_id
    assert (completed.counts.orders_sent, completed.counts.orders_ok, completed.counts.errors) == (2, 1, 1)
    after = await paths_after_the_first_order(sim)
    again = after.index(("POST", "/fapi/v1/order"))
    assert after[:again].count(("GET", "/fapi/v1/order")) >= 4
    first_post, second_post = [one for one in await sim.requests() if one["method"] == "POST"]
    waited_us = second_post["received_us"] - first_post["received_us"]
    assert waited_us > RECV_WINDOW_US, "the first could no longer be accepted"
    assert ("GET", "/fapi/v2/positionRisk") in after[:again], "the position is read again before anything is sent"


FAILED: dict[str, dict[str, Any]] = {
    "503 service unavailable": {"action": "status", "status": 503, "body": {"code": 0, "msg": "Service Unavailable."}},
    "-1001 internal error": {
        "action": "status",
        "status": 503,
        "body": {"code": -1001, "msg": "Internal error; unable to process your request. Please try again."},
    },
    "-1008 overload": {"action": "code", "code": -1008, "msg": "Request throttled by system-level protection."},
    "429": {"action": "status", "status": 429, "body": {"code": -1003, "msg": "Too many requests"}, "retry_after_s": 1},
    "418": {"action": "status", "status": 418, "body": {"code": -1003, "msg": "Banned"}, "retry_after_s": 1},
    "-1015 too many orders": {"action": "code", "code": -1015, "status": 429, "retry_after_s": 1},
}


@pytest.mark.parametrize("failure", FAILED.values(), ids=FAILED.keys())
async def test_an_order_that_surely_failed_is_sent_again_under_the_same_id_i7(
    sim: Simulator, executor: ServiceProcess, governor: Requester, failure: dict[str, Any]
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults({**failure, "match": SINGLE})

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert len(await governor.events(OrderIntended)) == 1
    assert (completed.counts.orders_sent, completed.counts.orders_ok) == (1, 1)
    first, second = [order for order in await sim.orders() if order["symbol"] == "ETHUSDT"]
    assert first["client_order_id"] == second["client_order_id"]
    assert second["received_us"] - first["received_us"] >= failure.get("retry_after_s", 0) * 1_000_000


async def test_orders_that_fail_for_a_while_are_sent_again_until_they_get_through(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults({**FAILED["503 service unavailable"], "match": SINGLE, "times": 12})

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert completed.counts.ok == 1


@pytest.mark.parametrize("executor_env", [{"FLATTEN_RUN_MAX_SECONDS": "8"}])
async def test_orders_that_never_get_through_end_in_a_verdict_within_the_time_that_a_run_has_i12(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults({**FAILED["503 service unavailable"], "match": SINGLE, "times": 0})

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.NOT_FLAT
    assert (completed.counts.sent, completed.counts.ok) == (1, 0)
    assert "Service Unavailable" in completed.residual[0].reason


@pytest.mark.parametrize("executor_env", [{"FLATTEN_RUN_MAX_SECONDS": "8"}])
async def test_a_ban_that_outlasts_the_run_ends_it_without_another_request_to_the_exchange(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    ban = {"action": "status", "status": 418, "body": {"code": -1003, "msg": "Banned"}, "retry_after_s": 300}
    await sim.faults({**ban, "match": SINGLE})

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.NOT_FLAT
    assert completed.timings.verified_at_ms is None
    assert await paths_after_the_first_order(sim) == []


async def test_a_clock_that_jumps_before_an_order_is_synchronised_and_the_order_sent_again(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults({"action": "delay", "hold_ms": 0, "match": SINGLE, "effect": {"clock_offset_ms": -60_000}})

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    late, sent = await sim.orders()
    assert (late["code"], sent["code"]) == (-1021, None)
    assert late["client_order_id"] == sent["client_order_id"]
    assert (completed.counts.orders_sent, completed.counts.orders_ok) == (1, 1)


async def test_a_clock_that_is_off_is_synchronised_and_the_orders_sent_again(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await sim.clock(120_000)

    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert completed.counts.ok == 44


async def test_an_order_that_stays_unknown_is_never_followed_by_another_and_forbids_flat_i7_i9(
    sim: Simulator, env: dict[str, str], points: CrashPoints, governor: Requester
) -> None:
    await sim.scenario(positions=[{"symbol": "ETHUSDT", "qty": "2"}, {"symbol": "BTCUSDT", "qty": "1"}])
    await sim.faults(
        {"action": "status", "status": 503, "body": UNKNOWN_503, "match": BATCH, "times": 0},
        {"action": "status", "status": 503, "body": UNKNOWN_503, "match": {**SINGLE, "method": "GET"}, "times": 0},
    )

    await points.start({**env, "FLATTEN_RUN_MAX_SECONDS": "8"})
    await governor.request()
    completed = await governor.verdict()

    assert completed.verdict is RunVerdict.NOT_FLAT
    assert completed.counts.unknown == 2
    assert len(await governor.events(OrderIntended)) == 2
    assert {left.symbol: left.quantity for left in completed.residual} == {
        "ETHUSDT": Decimal(2),
        "BTCUSDT": Decimal(1),
    }
