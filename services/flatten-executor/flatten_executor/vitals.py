"""Whether the executor could flatten right now: Redis answers, the latch can be read, the exchange is warm."""

import asyncio

from redis.asyncio import Redis
from redis.exceptions import RedisError

from contracts.codec import UndecodableEntry
from exchange.errors import ExchangeError
from exchange.ports import OrderGateway
from flatten_executor.observe import Observer
from flatten_executor.store import Store
from runtime.clock import Clock
from runtime.health import OK, Check
from runtime.latch import Latch
from runtime.redis_client import raw, wait_for_stop

EVERY_S = 1.0
WARM_EVERY_S = 30.0
COLD_RETRY_S = 2.0


class Vitals:
    """Looks once a second, keeps the exchange warm, and answers /readyz from what it saw last."""

    def __init__(self, *, redis: Redis, latch: Latch, gateway: OrderGateway, observer: Observer, clock: Clock) -> None:
        self._redis = redis
        self._latch = latch
        self._gateway = gateway
        self._observer = observer
        self._clock = clock
        self._answers = {name: Check(ok=False, why="not looked at yet") for name in ("redis", "latch", "exchange")}

    def redis(self) -> Check:
        """Whether Redis answered the last look."""
        return self._answers["redis"]

    def latch(self) -> Check:
        """Whether the latch could be read: one that cannot stops every order."""
        return self._answers["latch"]

    def exchange(self) -> Check:
        """Whether instruments are read and connections are open."""
        return self._answers["exchange"]

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop`."""
        while not stop.is_set():
            self._answers["redis"] = await self._ping()
            state = await self._latch.read()
            self._answers["latch"] = OK if state.readable else Check(ok=False, why=state.detail)
            self._observer.latch_seen(state)
            await wait_for_stop(stop, EVERY_S, self._clock)

    async def keep_warm(self, stop: asyncio.Event) -> None:
        """Keep connections open and instruments fresh until `stop`, so that a flatten pays for neither."""
        while not stop.is_set():
            try:
                await self._gateway.warm()
            except ExchangeError as error:
                self._answers["exchange"] = Check(ok=False, why=str(error))
                self._observer.exchange_cold(error)
            else:
                self._answers["exchange"] = OK
            await wait_for_stop(stop, WARM_EVERY_S if self._answers["exchange"].ok else COLD_RETRY_S, self._clock)

    async def recall(self, store: Store, stop: asyncio.Event) -> None:
        """Show the last verdict on record, once Redis can be read."""
        while not stop.is_set():
            try:
                completed = await store.last_completed()
            except RedisError:
                await wait_for_stop(stop, EVERY_S, self._clock)
            except UndecodableEntry as error:
                return self._observer.history_unreadable(error)
            else:
                return self._observer.on_record(completed) if completed is not None else None
        return None

    async def _ping(self) -> Check:
        try:
            await raw(self._redis, "PING")
        except (RedisError, OSError) as error:
            return Check(ok=False, why=f"Redis does not answer: {type(error).__name__}")
        return OK
