"""What the governor's tests share: an operator at the test's namespace, and a latch that is set."""

from pathlib import Path

import pytest
from redis.asyncio import Redis

from support.operator import Operator


@pytest.fixture
def operator(redis: Redis, reader: Redis, namespace: str) -> Operator:
    return Operator(redis, reader, namespace)


@pytest.fixture
def latch(tmp_path: Path) -> Path:
    path = tmp_path / "ESS_ON"
    path.touch()
    return path
