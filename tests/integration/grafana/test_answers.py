"""What the first line of *Ready?* says when something is in the way."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from dashboards.ready import CARRIED_OUT, GATES_OPEN
from support.prometheus import NoPrometheusError, Prometheus, address_of
from support.requester import Requester
from support.sim import Simulator
from support.trio import SET_LATCH, Trio, trio_env

pytestmark = pytest.mark.containers


def is_one(number: int) -> Callable[[list[dict[str, Any]]], bool]:
    """One series, and it has this value."""
    return lambda rows: [row["value"][1] for row in rows] == [str(number)]


async def test_the_answer_is_no_until_the_latch_is_set_and_again_when_a_service_dies(
    redis_url: str, redis: Redis, reader: Redis, namespace: str, tmp_path: Path
) -> None:
    try:
        prometheus = Prometheus(tmp_path / "prometheus")
    except NoPrometheusError as error:
        pytest.skip(str(error))
    async with Simulator("--scenario", "incident") as sim:
        env = trio_env(sim, redis_url, namespace, tmp_path / "ESS_ON")
        trio = Trio(sim, env, Requester(redis, reader, namespace))
        async with trio.service("governor") as governor, trio.service("executor") as executor:
            await governor.wait_ready()
            await executor.wait_ready()
            jobs = {"governor": governor, "flatten-executor": executor}
            targets = {job: address_of(await service.http_url()) for job, service in jobs.items()}
            async with prometheus.watching(targets):
                await prometheus.until(GATES_OPEN, is_one(0))
                await trio.told(*SET_LATCH)
                await prometheus.until(GATES_OPEN, is_one(1))
                await prometheus.until(CARRIED_OUT, is_one(1))

                executor.sigkill()
                await prometheus.until(CARRIED_OUT, is_one(0))
                governor.sigkill()
                await prometheus.until(GATES_OPEN, lambda rows: not rows)
