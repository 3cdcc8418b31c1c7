"""What an executor writes in Redis holds for its own fence alone."""

import pytest
from redis.asyncio import Redis

from contracts.flattening import FlattenCompleted
from contracts.streams import Keys
from flatten_executor.lease import LeaseLost
from flatten_executor.store import Begun, Store
from runtime.clock import SystemClock
from runtime.redis_client import raw
from support.requester import Requester
from support.run_events import completed


async def test_a_lease_that_is_given_back_late_takes_nothing_from_whoever_has_it_now(
    redis: Redis, namespace: str, governor: Requester
) -> None:
    one, two, three = (
        Store(redis, Keys(namespace), owner=owner, account="main", clock=SystemClock())
        for owner in ("one", "two", "three")
    )
    request = await governor.a_request("arm-1")
    _, lease = await one.begin(request)
    await one.release(lease)
    taken_over, _ = await two.begin(request)

    await one.release(lease)
    third, _ = await three.begin(request)

    assert (taken_over.begun, taken_over.fence) == (Begun.RESUMED, 2)
    assert (third.begun, third.fence) == (Begun.BUSY, 2)


async def test_where_the_journal_was_lost_the_same_fence_is_worth_nothing_to_another_process_i7(
    redis: Redis, namespace: str, governor: Requester
) -> None:
    """What a failover to a replica that had not got everything looks like; both processes have the same name."""
    keys = Keys(namespace)
    one, two = (
        Store(redis, keys, owner="one", holder=process, account="main", clock=SystemClock()) for process in "ab"
    )
    request = await governor.a_request("arm-1")
    _, lease = await one.begin(request)
    await raw(redis, "DEL", keys.run(request.request_id))
    second, _ = await two.begin(request)

    assert (second.begun, lease.fence) == (Begun.NEW, second.fence)
    with pytest.raises(LeaseLost):
        await lease.record()
    with pytest.raises(LeaseLost):
        await one.finish("1-1", lease, completed(request_id=request.request_id))
    await one.release(lease)
    assert (await one.begin(request))[0].begun is Begun.BUSY
    assert await governor.events(FlattenCompleted) == []
