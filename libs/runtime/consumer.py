"""The loop that reads commands, at least once, and loses none of them.

Own pending entries first, on every start and after every interruption; then claims from dead consumers and new entries
in turn. A handler makes its effect and its XACK in one script of its own; the loop acknowledges nothing but poison.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from contracts import codec
from contracts.base import Event
from runtime import logs, tracing
from runtime.backlog import Backlog
from runtime.clock import Clock, SystemClock
from runtime.dead_letters import DeadLetters
from runtime.entries import Entry
from runtime.errors import PoisonError, RetryableError
from runtime.group import Delivery, Group, is_group_gone
from runtime.health import OK, Check
from runtime.heartbeat import Heartbeat
from runtime.metrics import exemplar
from runtime.observe import StreamObserver
from runtime.redis_client import is_transient, wait_for_stop
from runtime.retries import Retries

Handler = Callable[[Entry[Any]], Awaitable[None]]
_NOTHING_LEFT = "0-0"
"""The cursor of XAUTOCLAIM once it has gone through everything, and before it has begun."""


class ConsumerSettings(Struct, frozen=True, kw_only=True):
    """The loop's limits."""

    count: int = 8
    """Entries in one read: no more than can be handled soon."""
    block_ms: int = 1_000
    """How long a read waits; also how long a stop may take to be noticed. At most 2,000."""
    claim_idle_ms: int = 15_000
    """An entry that its consumer has not touched for so long is taken over. A handler's heartbeat comes at a third."""
    retry_base_s: float = 0.2
    retry_cap_s: float = 10.0
    reconnect_base_s: float = 0.1
    reconnect_cap_s: float = 2.0
    dead_letters_max: int = 50
    dead_letters_window_s: float = 60.0


class Consumer:
    """One stable consumer of one group. Entries are handled one after the other."""

    def __init__(  # noqa: PLR0913 - wiring, all by name
        self,
        *,
        redis: Redis,
        reader: Redis,
        stream_key: str,
        dead_key: str,
        group: str,
        consumer_name: str,
        handlers: Mapping[type[Event], Handler],
        observer: StreamObserver,
        settings: ConsumerSettings | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._settings = settings or ConsumerSettings()
        self._clock = clock or SystemClock()
        self._handlers = dict(handlers)
        self._observer = observer
        self.backlog = Backlog(
            redis=redis, stream_key=stream_key, group=group, dead_key=dead_key, observer=observer, clock=self._clock
        )
        """What this group has not finished, looked at beside the loop: run it as a task of its own."""
        self._group = Group(redis=redis, reader=reader, stream_key=stream_key, group=group, consumer=consumer_name)
        self._heartbeat = Heartbeat(
            group=self._group,
            every_s=self._settings.claim_idle_ms / 3000,
            clock=self._clock,
            observer=observer,
            progress=self._progress,
        )
        self._dead = DeadLetters(
            self._group,
            dead_key,
            limit=self._settings.dead_letters_max,
            window_s=self._settings.dead_letters_window_s,
        )
        self._retries = Retries(self._settings.retry_base_s, self._settings.retry_cap_s)
        self._name = stream_key.rpartition(":stream:")[2]
        self._cursor = _NOTHING_LEFT
        self._claimed_s = -math.inf
        self._problem = "not reading yet"
        self._was_ready = False
        self.last_progress_s = self._clock.monotonic_s()
        """Monotonic seconds of the last sign that the loop, or the handler in hand, is alive."""

    @property
    def ready(self) -> bool:
        """Whether the stream is being read."""
        return not self._problem

    def check(self) -> Check:
        """For /readyz."""
        return OK if self.ready else Check(ok=False, why=self._problem)

    async def run(self, stop: asyncio.Event) -> None:
        """Read and handle until `stop`; then finish the entry in hand and leave the rest pending.

        Redis going away, being flushed or restarted is survived. Any other error comes out, with the entry pending.
        """
        self._observer.watching(self._name)
        delay_s = self._settings.reconnect_base_s
        try:
            while not stop.is_set():
                try:
                    await self._session(stop)
                except RedisError as error:
                    if not (is_transient(error) or is_group_gone(error)):
                        raise
                    if self.ready:
                        delay_s = self._settings.reconnect_base_s
                    self._become_unready(error)
                    await wait_for_stop(stop, delay_s, self._clock)
                    delay_s = min(delay_s * 2, self._settings.reconnect_cap_s)
        finally:
            self._problem = "stopped"
            self._observer.stopped(self._name)

    async def _session(self, stop: asyncio.Event) -> None:
        """Until `stop` or the first error: what is pending with us, then claims and new entries in turn."""
        created = await self._group.ensure()
        first = await self._group.own_pending("0", self._settings.count)
        self._become_ready(created=created)
        await self._own_pending(stop, first)
        while not stop.is_set():
            self._progress()
            if self._retries.any_due(self._clock.monotonic_s()):
                await self._own_pending(stop)
            await self._claim(stop)
            if not stop.is_set():
                fresh = await self._group.read_new(self._settings.count, self._block_ms())
                await self._handle_all(fresh, stop)

    async def _own_pending(self, stop: asyncio.Event, page: Sequence[Delivery] | None = None) -> None:
        """Page through everything that is pending with us. What is to be retried later is left for later."""
        seen: set[str] = set()
        if page is None:
            page = await self._group.own_pending("0", self._settings.count)
        while page and not stop.is_set():
            seen.update(delivery.id for delivery in page)
            await self._handle_all(page, stop)
            page = await self._group.own_pending(page[-1].id, self._settings.count)
        if not stop.is_set():
            self._retries.keep_only(seen)

    async def _claim(self, stop: asyncio.Event) -> None:
        """Take over what dead consumers left, a few at a time: no more often than a stream that is quiet is asked."""
        now_s = self._clock.monotonic_s()
        if self._cursor == _NOTHING_LEFT and now_s - self._claimed_s < self._settings.block_ms / 1000:
            return
        self._claimed_s = now_s
        claimed = await self._group.claim(self._cursor, self._settings.claim_idle_ms, self._settings.count)
        self._cursor = claimed.cursor
        if claimed.deleted:
            self._observer.lost(self._name, claimed.deleted)
        await self._handle_all(claimed.deliveries, stop)
        if claimed.unnamed:
            await self._own_pending(stop)

    async def _handle_all(self, deliveries: Sequence[Delivery], stop: asyncio.Event) -> None:
        """Handle them in order; heartbeats cover those that wait as well. After `stop` the rest stays pending."""
        if not deliveries:
            return
        async with self._heartbeat.holding([delivery.id for delivery in deliveries]) as take:
            for delivery in deliveries:
                if stop.is_set():
                    return
                if take(delivery.id) and not self._retries.is_waiting(delivery.id, self._clock.monotonic_s()):
                    await self._handle(delivery)
                    self._progress()

    async def _handle(self, delivery: Delivery) -> None:
        """One entry: handled, left pending, or dead-lettered. Any other error comes out."""
        if delivery.fields is None:
            self._observer.lost(self._name, [delivery.id])
            await self._group.acknowledge(delivery.id)
            return
        deliveries = 1 if delivery.fresh else await self._group.deliveries_of(delivery.id)
        try:
            await self._call(delivery.id, delivery.fields, deliveries)
        except (PoisonError, codec.UndecodableEntry) as error:
            await self._bury(delivery, str(error), deliveries)
        except RetryableError as error:
            self._retry(delivery.id, error)
        except RedisError as error:
            if not is_transient(error):
                raise
            self._retry(delivery.id, error)
        else:
            self._retries.forget(delivery.id)

    async def _call(self, entry_id: str, fields: Sequence[tuple[bytes, bytes]], deliveries: int | None) -> None:
        try:
            decoded = codec.decode(dict(fields))
        except RecursionError as error:
            raise PoisonError("nested too deeply to be decoded") from error
        handler = self._handlers.get(type(decoded.event))
        if handler is None:
            raise PoisonError(f"{decoded.envelope.type} is not for group {self._group.group}")
        entry = Entry(
            id=entry_id,
            stream=self._group.stream_key,
            event=decoded.event,
            envelope=decoded.envelope,
            deliveries=deliveries,
        )
        with tracing.consumer_span(entry, self._group.group), logs.bind_event(entry_id, decoded.event):
            started_s = self._clock.monotonic_s()
            await handler(entry)
            self._observer.handled(self._name, self._clock.monotonic_s() - started_s, exemplar())

    async def _bury(self, delivery: Delivery, why: str, deliveries: int | None) -> None:
        """Put it with the dead letters. Where that cannot be (a wrong type, an ACL) it stays pending; others go on."""
        now_ms, now_s = self._clock.now_ms(), self._clock.monotonic_s()
        try:
            buried = await self._dead.bury(delivery, why, deliveries, now_ms=now_ms, now_s=now_s)
        except ResponseError as error:
            if is_transient(error) or is_group_gone(error):
                raise
            return self._retry(delivery.id, error)
        if buried:
            self._observer.dead_lettered(self._name, delivery.id, why, deliveries=deliveries)
        return self._retries.forget(delivery.id)

    def _retry(self, entry_id: str, error: Exception) -> None:
        attempt, delay_s = self._retries.put_off(entry_id, self._clock.monotonic_s())
        self._observer.retried(self._name, entry_id, error, attempt=attempt, delay_s=delay_s)

    def _block_ms(self) -> int:
        """As long as allowed, but not past the next retry. Never 0: that would block for ever."""
        due_in_s = self._retries.due_in_s(self._clock.monotonic_s())
        return (
            self._settings.block_ms if due_in_s is None else max(1, min(self._settings.block_ms, int(due_in_s * 1000)))
        )

    def _progress(self) -> None:
        self.last_progress_s = self._clock.monotonic_s()

    def _become_ready(self, *, created: bool) -> None:
        self._problem = ""
        self._progress()
        self._observer.ready(self._name, created=created, again=self._was_ready)
        self._was_ready = True

    def _become_unready(self, error: RedisError) -> None:
        self._problem = f"{self._name} cannot be read: {type(error).__name__}"
        self._observer.unready(self._name, error)
