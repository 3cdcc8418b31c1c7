"""Redis loses a reply or refuses to write: what was decided stands, is told once, and nothing stays half on record."""

import re
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis

from contracts.flattening import FlattenCompleted, RunFinished, RunVerdict
from runtime.redis_client import raw
from runtime.scripts import Script
from support.invariants import assert_client_ids_never_reused, assert_orders_only_reduced
from support.processes import ServiceProcess
from support.proxy import FaultyProxy
from support.requester import Requester
from support.scenes import BTC, ETH, SINGLE
from support.sim import Simulator

INTENTS = b"order.intended.v1"
ANSWERS = b"order.resolved.v1"
LAST_ID = "18446744073709551615-18446744073709551615"


BEGIN, FINISH = (
    load("flatten_executor.scripts", f"{name}.lua").sha1.encode()
    for name, load in (("begin", Script.from_package), ("finish", Script.audited))
)


@pytest.mark.parametrize("lost", [BEGIN, INTENTS, ANSWERS, FINISH], ids=["begin", "intents", "answers", "finish"])
async def test_a_lost_reply_of_any_script_changes_nothing_but_the_time_i7_i11_i16(
    sim: Simulator, env: dict[str, str], redis_url: str, governor: Requester, lost: bytes
) -> None:
    await sim.scenario(positions=[ETH, BTC])
    async with (
        FaultyProxy(redis_url) as proxy,
        ServiceProcess("flatten_executor.main", {**env, "REDIS_URL": proxy.url}) as executor,
    ):
        await executor.wait_ready()
        proxy.drop_next_reply(lost)
        await governor.request()
        completed = await governor.verdict()
        done = await executor.wait_line("TESTNET_FLATTEN done")

        assert proxy.dropped.is_set()
        assert "verdict=flat" in done
        assert (completed.verdict, completed.counts.ok) == (RunVerdict.FLAT, 2)
        orders = await sim.orders()
        assert_orders_only_reduced(orders)
        assert_client_ids_never_reused(orders)
        assert len(orders) == 2
        assert len(await governor.events(FlattenCompleted)) == len(await governor.events(RunFinished)) == 1
        await governor.until_acknowledged()
        assert len(re.findall("TESTNET_FLATTEN done", executor.text)) == 1
        assert completed.audit_head == (await raw(governor.redis, "GET", governor.keys.audit_head)).decode()
        await executor.wait_line(
            f"FLATTEN on record request_id={completed.request_id} audit_head={completed.audit_head}"
        )


async def test_a_run_that_is_cut_off_with_an_order_in_doubt_keeps_its_lease_until_that_can_no_longer_travel_i7(
    sim: Simulator, env: dict[str, str], redis_url: str, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    await sim.faults({"action": "empty_200", "match": SINGLE})
    async with (
        FaultyProxy(redis_url) as proxy,
        ServiceProcess("flatten_executor.main", {**env, "REDIS_URL": proxy.url}) as executor,
    ):
        await executor.wait_ready()
        proxy.drop_next_reply(ANSWERS)
        await governor.request()
        await executor.wait_line("its former executor may still be sending")
        completed = await governor.verdict()

    assert (completed.verdict, len(await sim.orders())) == (RunVerdict.FLAT, 1)


async def test_a_completed_stream_that_takes_no_entry_leaves_the_run_unfinished_and_it_is_finished_later_i11(
    sim: Simulator, env: dict[str, str], governor: Requester
) -> None:
    completed_key = governor.keys.of(FlattenCompleted)
    await sim.scenario(positions=[ETH])
    await raw(governor.redis, "XADD", completed_key, LAST_ID, "full", "1")
    async with ServiceProcess("flatten_executor.main", env) as first:
        request = await governor.request()
        assert await first.wait() == 1
        state = await raw(governor.redis, "HGET", governor.keys.run(request.request_id), "state")
        assert state == b"running"
    await raw(governor.redis, "DEL", completed_key)

    async with ServiceProcess("flatten_executor.main", env):
        completed = await governor.verdict()
        await governor.until_acknowledged()

    assert (completed.verdict, len(await sim.orders())) == (RunVerdict.FLAT, 1)


async def test_scripts_that_do_not_work_here_stop_the_start_with_one_line(
    env: dict[str, str], redis: Redis, redis_url: str, namespace: str
) -> None:
    user = namespace.replace(":", "-")
    await raw(redis, "ACL", "SETUSER", user, "on", "nopass", "~*", "&*", "+@all", "-xadd")
    parts = urlsplit(redis_url)
    url = f"redis://{user}:none@{parts.hostname}:{parts.port}{parts.path}"
    try:
        async with ServiceProcess("flatten_executor.main", {**env, "REDIS_URL": url}) as executor:
            assert await executor.wait() == 1
    finally:
        await raw(redis, "ACL", "DELUSER", user)

    assert "the scripts do not work on this Redis" in executor.text
    assert "Traceback" not in executor.text
