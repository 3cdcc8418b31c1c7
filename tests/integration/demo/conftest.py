"""Demos that a test starts end with it, and leave nothing."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from support.demo_process import Demo


@pytest_asyncio.fixture
async def started(tmp_path: Path) -> AsyncIterator[list[Demo]]:
    """Demos that a test has started; those that still run are asked to end."""
    demos: list[Demo] = []
    yield demos
    for demo in demos:
        if demo.process.returncode is None:
            demo.process.terminate()
            await demo.end()
    assert [trace for demo in demos for trace in demo.traces()] == []
