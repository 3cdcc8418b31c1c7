from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from support.processes import ServiceProcess
from support.receiver import Receiver
from support.scribe import Scribe

MakeNotifier = Callable[..., ServiceProcess]


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Up from the start."""
    made = await Receiver().up()
    yield made
    made.answering.set()
    await made.down()


@pytest.fixture
def scribe(redis: Redis, reader: Redis, namespace: str) -> Scribe:
    """Writes what the notifier reads."""
    return Scribe(redis, reader, namespace)


@pytest.fixture
def notifier(redis_url: str, namespace: str, receiver: Receiver) -> MakeNotifier:
    """Makes notifiers of this namespace, not started yet; `env` overrides single variables."""

    def make(**env: str) -> ServiceProcess:
        usual = {"REDIS_URL": redis_url, "FLATTEN_NAMESPACE": namespace, "NOTIFY_URLS": receiver.address}
        return ServiceProcess("notifier.main", {**usual, **env})

    return make
