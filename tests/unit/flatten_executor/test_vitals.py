"""Once the exchange is warm, what was loaded is out of the garbage collector's sight."""

import asyncio
import gc
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import pytest

from exchange.errors import ReadFailed
from flatten_executor.observe import Observer
from flatten_executor.vitals import Vitals
from runtime.clock import SystemClock
from runtime.metrics import Metrics

if TYPE_CHECKING:
    from exchange.ports import OrderGateway


class Warmed:
    """A gateway that fails to warm up so many times, and asks for the end after the next."""

    def __init__(self, stop: asyncio.Event, failures: int) -> None:
        self._stop = stop
        self._failures = failures

    async def warm(self) -> None:
        self._stop.set()
        if self._failures:
            raise ReadFailed("away")


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


@pytest.mark.parametrize(("failures", "frozen"), [(0, True), (1, False)])
async def test_what_is_loaded_is_frozen_once_the_exchange_is_warm(failures: int, *, frozen: bool) -> None:
    stop = asyncio.Event()
    gateway = cast("OrderGateway", Warmed(stop, failures))
    vitals = Vitals(gateway=gateway, observer=Observer(Metrics()), clock=SystemClock())

    await vitals.keep_warm(stop)

    assert vitals.exchange().ok is frozen
    assert (gc.get_freeze_count() > 0) is frozen
