from collections.abc import AsyncIterator

import pytest_asyncio

from support.redis_server import RedisServer
from support.streaming import Workshop


@pytest_asyncio.fixture
async def workshop(redis_url: str, namespace: str) -> AsyncIterator[Workshop]:
    """A stream on the shared server."""
    made = Workshop(redis_url, namespace)
    yield made
    await made.close()


@pytest_asyncio.fixture
async def own_workshop(own_redis: RedisServer, namespace: str) -> AsyncIterator[Workshop]:
    """A stream on a server that may be killed and flushed."""
    made = Workshop(own_redis.url, namespace)
    yield made
    await made.close()
