"""What the governor's tests share: an operator at the test's namespace, a latch that is set, a governor in-process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from governor.main import run
from governor.settings import GovernorSettings
from runtime.secret import SecretUrl
from support.governing import Running
from support.operator import Operator


@pytest.fixture
def operator(redis: Redis, reader: Redis, namespace: str) -> Operator:
    return Operator(redis, reader, namespace)


@pytest.fixture
def latch(tmp_path: Path) -> Path:
    path = tmp_path / "ESS_ON"
    path.touch()
    return path


@pytest.fixture
def governor(redis_url: str, namespace: str, latch: Path) -> Running:
    """`async with governor(setting=…):` one governor with every gate open, but for what is given."""

    @asynccontextmanager
    async def running(**settings: object) -> AsyncIterator[None]:
        given = {
            "redis_url": SecretUrl(redis_url),
            "flatten_namespace": namespace,
            "flatten_allocation_prefix": f"{namespace}:target:",
            "http_port": 0,
            "ess_latch": f"file:{latch}",
            "gov_testnet_force_flatten": True,
            "gov_testnet_force_flatten_confirm": "FLATTEN_NOW",
        }
        stop = asyncio.Event()
        all_settings = GovernorSettings(**{**given, **settings})  # type: ignore[arg-type]  # by name, as they come
        task = asyncio.create_task(run(all_settings, stop, block_ms=20))
        test = asyncio.current_task()
        assert test is not None

        def crashed(ended: asyncio.Task[None]) -> None:
            """The test would wait in vain: it ends now, with what ended the governor."""
            if not stop.is_set():
                test.cancel("the governor ended")

        task.add_done_callback(crashed)
        try:
            yield
        finally:
            stop.set()
            await task

    return running
