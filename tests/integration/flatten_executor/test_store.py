"""What an executor writes in Redis holds for its own fence alone."""

from redis.asyncio import Redis

from contracts.streams import Keys
from flatten_executor.store import Begun, Store
from runtime.clock import SystemClock
from support.requester import Requester


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
