"""Fixtures that every test may use. The header of a test run says which Redis it is against."""

import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings
from redis.asyncio import Redis

from runtime.redis_client import open_reader, open_redis
from support.redis_server import (
    IMAGES,
    ContainerRedis,
    NoRedisError,
    RedisServer,
    choose,
    choose_own,
    require_engine,
)

# Machines are shared: how long an example takes, or making it, says nothing. Else the profile is Hypothesis's own.
settings.register_profile("house", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


def pytest_report_header() -> str:
    try:
        shared, own = choose(os.environ, Path()).about, choose_own(os.environ, Path()).about
    except NoRedisError as error:
        return f"redis: none: {error}"
    return f"redis: {shared}; to be killed and restarted: {own}"


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The session's server, shared: keep to the test's `namespace`, and do nothing to the server itself."""
    server = _chosen_or_fail(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.close()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    return redis_server.url


@pytest.fixture
def namespace() -> str:
    """A namespace of the test's own."""
    return f"test:{uuid.uuid4().hex[:12]}"


@pytest_asyncio.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client of the shared server, as services open it."""
    client = open_redis(redis_url, name="test")
    yield client
    await client.aclose()


@pytest_asyncio.fixture
async def reader(redis_url: str) -> AsyncIterator[Redis]:
    """A client for blocking reads on the shared server."""
    client = open_reader(redis_url, name="test")
    yield client
    await client.aclose()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A started server of the test's own, to flush, kill and restart."""
    try:
        server = choose_own(os.environ, tmp_path / "own-redis")
    except NoRedisError as error:
        pytest.fail(str(error), pytrace=False)
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="session", params=IMAGES)
def redis_of_each_kind(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """Each supported server in turn, in a container of its own: it may be flushed. Mark the test `containers`."""
    require_engine("this server")
    server = ContainerRedis(request.param)
    server.start()
    yield server
    server.close()


def _chosen_or_fail(directory: Path) -> RedisServer:
    try:
        return choose(os.environ, directory)
    except NoRedisError as error:
        pytest.fail(str(error), pytrace=False)
