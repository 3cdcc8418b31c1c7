"""An exchange that refuses the executor's key: nobody knows what is open, and everything says so."""

from pathlib import Path

from redis.asyncio import Redis

from contracts.flattening import FlattenCompleted
from support.flatctl_process import Flatctl
from support.processes import ServiceProcess
from support.requester import Requester
from support.sim import Simulator

UNREAD = "unknown, the exchange could not be read at the end"


async def test_a_run_that_could_not_read_the_exchange_ends_with_4_and_its_status_is_unknown(
    flatctl: Flatctl, redis: Redis, reader: Redis, namespace: str, tmp_path: Path
) -> None:
    latch = tmp_path / "ESS_ON"
    latch.touch()
    requester = Requester(redis, reader, namespace)
    async with Simulator("--symbols", "60") as sim:
        env = {
            "REDIS_URL": flatctl.environ["REDIS_URL"],
            "FLATTEN_NAMESPACE": namespace,
            "EXCHANGE_BASE_URL": sim.base_url,
            "EXCHANGE_API_KEY": "revoked",
            "EXCHANGE_API_SECRET": "revoked",
            "ESS_LATCH": f"file:{latch}",
            "FLATTEN_RUN_MAX_SECONDS": "1",
        }
        async with ServiceProcess("flatten_executor.main", env):
            await requester.request()
            await requester.wait_for(FlattenCompleted)
            said, status = await flatctl("watch"), await flatctl("status")

    assert said.code == 4, said
    assert "seen=0 nonzero=0 filtered=0 sent=0 ok=0 errors=0 verdict=not_flat" in said.out
    assert f"STILL OPEN: {UNREAD}" in said.out
    assert f"STILL OPEN then   {UNREAD}" in status.out, status.out
