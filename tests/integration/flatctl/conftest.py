"""What the command line's tests share: flatctl at the test's namespace, and somebody who writes the record."""

from pathlib import Path

import pytest
from redis.asyncio import Redis

from support.flatctl_process import Flatctl
from support.scribe import Scribe


@pytest.fixture
def scribe(redis: Redis, reader: Redis, namespace: str) -> Scribe:
    return Scribe(redis, reader, namespace)


@pytest.fixture
def flatctl(redis_url: str, namespace: str, tmp_path: Path) -> Flatctl:
    return Flatctl.on(redis_url, namespace, tmp_path)
