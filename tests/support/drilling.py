"""`flatctl drill` as a process, and what it leaves behind."""

import asyncio
import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import aiohttp
from msgspec.structs import replace
from redis.asyncio import Redis

from contracts.drills import DrillCompleted, DrillStarted
from runtime.redis_client import raw
from support.demo_process import is_running, running
from support.patience import HANG_S
from support.processes import ServiceProcess
from support.scribe import Scribe

ETH = {"symbol": "ETHUSDT", "qty": "9.1"}


class Drill:
    """Drills of one operator, in a directory of the test's own. `left` is empty when a drill left nothing."""

    def __init__(self, scribe: Scribe, redis_url: str, directory: Path) -> None:
        self.scribe = scribe
        self.directory = directory
        self.env = {
            "REDIS_URL": redis_url,
            "FLATTEN_NAMESPACE": scribe.keys.namespace,
            "ESS_LATCH": f"file:{directory / 'the-real-latch'}",
            "TMPDIR": str(directory),
        }

    def process(self, *arguments: str) -> ServiceProcess:
        return ServiceProcess("flatctl.main", self.env, arguments=("drill", "--operator", "alice", *arguments))

    async def held(self, *arguments: str) -> tuple[int, str]:
        """One drill to its end: exit code and everything that it said."""
        async with self.process(*arguments) as process:
            code = await process.wait()
            return code, process.text

    def scenario(self, **what: Any) -> str:
        path = self.directory / "scenario.json"
        path.write_text(json.dumps(what))
        return str(path)

    async def record(self) -> tuple[DrillStarted, DrillCompleted]:
        """The only drill there was."""
        (started,) = await self.scribe.events(DrillStarted)
        (completed,) = await self.scribe.events(DrillCompleted)
        return started, completed

    async def simulator(self) -> str:
        """Where the simulator of the drill that begins listens."""
        async with asyncio.timeout(HANG_S):
            while True:
                for log in self.directory.glob("flatguard-drill-*/exchange-sim.log"):
                    if found := re.search(r"http://[0-9.:]+", log.read_text()):
                        return found.group(0)
                await asyncio.sleep(0.02)  # another process's state: there is nothing to wait on but asking

    async def hangs_at_its_orders(self) -> None:
        """No order of the drill that begins is ever answered."""
        url = await self.simulator()
        async with aiohttp.ClientSession() as session:
            for path in ("/fapi/v1/batchOrders", "/fapi/v1/order"):
                fault = {"action": "hang", "match": {"path": path, "method": "POST"}, "times": 0}
                async with session.post(f"{url}/sim/faults", json=[fault]) as answer:
                    assert answer.status == 200, await answer.text()

    async def order_is_waited_for(self) -> None:
        """Return once the executor has sent one."""
        url = await self.simulator()
        query = "requests=1&method=POST&path=/fapi/v1/order"
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{url}/sim/wait?{query}&timeout_s={HANG_S}") as answer,
        ):
            assert (await answer.json())["met"]

    def processes(self) -> dict[str, int]:
        """Its programs, by their modules, and their process ids."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                where, words = (entry / "cwd").readlink(), (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue  # it ended meanwhile, or is not ours
            if where.parent == self.directory and b"runtime.tether" in words:
                found[words[words.index(b"runtime.tether") + 2].decode()] = int(entry.name)
        return found

    def kill(self, module: str) -> None:
        os.kill(self.processes()[module], signal.SIGKILL)

    async def are_gone(self, processes: dict[str, int]) -> None:
        """Return once none of them runs any more."""
        async with asyncio.timeout(HANG_S):
            while any(map(is_running, processes.values())):  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.02)

    async def its_time_is_over(self, started: DrillStarted) -> None:
        """As if that drill had begun long ago."""
        redis, stream = self.scribe.redis, self.scribe.keys.of(DrillStarted)
        await raw(redis, "DEL", stream)
        await self.scribe.tell(replace(started, ends_before_ms=1))

    async def left(self) -> list[str]:
        """Keys of drills, their directories, and their processes."""
        return [
            *await keys_below(self.scribe.redis, f"{self.scribe.keys.namespace}:drill:"),
            *(path.name for path in self.directory.glob("flatguard-drill-*")),
            *(line for line in running() if str(self.directory) in line),
        ]


async def keys_below(redis: Redis, prefix: str) -> list[str]:
    return [key.decode() async for key in redis.scan_iter(f"{prefix}*", count=10_000)]


async def everything_in(redis: Redis, namespace: str) -> dict[str, bytes]:
    """Each key of a namespace with its value as Redis keeps it."""
    return {key: await raw(redis, "DUMP", key) for key in await keys_below(redis, namespace)}
