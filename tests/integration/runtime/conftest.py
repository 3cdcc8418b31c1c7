from collections.abc import AsyncIterator

import pytest_asyncio

from support.redis_server import RedisServer
from support.streaming import Workshop


@pytest_asyncio.fixture
async def workshop(redis_url: str, namespace: str) -> AsyncIterator[Workshop]:
    """A stream on the shared server."""
    async with Workshop(redis_url, namespace) as made:
        yield made


@pytest_asyncio.fixture
async def own_workshop(own_redis: RedisServer, namespace: str) -> AsyncIterator[Workshop]:
    """A stream on a server that may be killed and flushed."""
    async with Workshop(own_redis.url, namespace) as made:
        yield made
