"""Whether the executor could flatten right now, beside Redis, latch and scripts: the exchange is warm."""

import asyncio

from redis.exceptions import RedisError

from exchange.errors import ExchangeError, KeyRejected
from exchange.ports import OrderGateway
from flatten_executor.observe import Observer
from flatten_executor.store import Store
from runtime.clock import Clock
from runtime.garbage import settle_down
from runtime.health import OK, Check
from runtime.redis_client import is_transient, wait_for_stop

EVERY_S = 1.0
WARM_EVERY_S = 25.0
COLD_RETRY_S = 2.0
KEY_RETRY_S = 15.0
"""A key that was rejected is tried again at this pace: asking faster can get the address banned."""


class Vitals:
    """Keeps the exchange warm, and answers /readyz from what it saw last."""

    def __init__(self, *, gateway: OrderGateway, observer: Observer, clock: Clock) -> None:
        self._gateway = gateway
        self._observer = observer
        self._clock = clock
        self._settled = False
        self._exchange = Check(ok=False, why="not looked at yet")

    def exchange(self) -> Check:
        """Whether instruments are read, connections are open and the key is taken."""
        return self._exchange

    async def keep_warm(self, stop: asyncio.Event) -> None:
        """Keep connections open and instruments fresh until `stop`, so that a flatten pays for neither."""
        while not stop.is_set():
            try:
                await self._gateway.warm()
            except ExchangeError as error:
                self._exchange = Check(ok=False, why=str(error))
                self._observer.exchange_cold(error)
                pause_s = KEY_RETRY_S if isinstance(error, KeyRejected) else COLD_RETRY_S
            else:
                if not self._settled:
                    settle_down()
                    self._settled = True
                self._observer.exchange_warm()
                self._exchange = OK
                pause_s = WARM_EVERY_S
            await wait_for_stop(stop, pause_s, self._clock)

    async def recall(self, store: Store, stop: asyncio.Event) -> None:
        """Show the last verdict on record until `stop`: also one of before this process, or whose answer was lost."""
        seen = ""
        while not stop.is_set():
            seen = await self._recall(store, seen)
            await wait_for_stop(stop, EVERY_S, self._clock)

    async def _recall(self, store: Store, seen: str) -> str:
        """What was seen: the newest entry's id, or the trouble. Told when it is another than before."""
        try:
            last = await store.last_completed()
        except RedisError as error:
            if not is_transient(error) and str(error) != seen:
                self._observer.history_unreadable(str(error))
            return seen if is_transient(error) else str(error)
        if last is None or last.entry_id == seen:
            return seen
        if last.completed is not None:
            self._observer.on_record(last.completed, last.traceparent)
        else:
            self._observer.history_unreadable(last.problem)
        return last.entry_id
