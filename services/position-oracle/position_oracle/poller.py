"""Reads the exchange again and again, and publishes each complete reading."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from redis.asyncio import Redis
from redis.exceptions import RedisError

from contracts.positions import PositionSnapshot
from contracts.streams import SNAPSHOT_KEEP, Keys
from exchange.errors import ExchangeError, KeyRejected, ReadFailed, ReadUnusable
from exchange.ports import PositionReader
from position_oracle.core.schedule import Schedule
from position_oracle.core.snapshot import held_in, snapshot_of
from position_oracle.observe import Observer
from position_oracle.settings import OracleSettings
from runtime.clock import Clock
from runtime.health import OK, Check
from runtime.redis_client import wait_for_stop
from runtime.streams import publish

A = TypeVar("A")
B = TypeVar("B")

SOURCE = "/flatguard/position-oracle"
KEY_RETRY_S = 15.0
"""A key that was rejected is tried again at this pace: asking faster can get the address banned."""
WAIT_MAX_S = 30.0
"""However long the venue says to wait, look whether it takes us back at least so often: that touches no wire."""
FRESH_POLLS = 5
"""A snapshot older than so many polls makes the oracle unready."""


class Poller:
    """One account's positions, read at a pace of its own. It can only look."""

    def __init__(
        self, *, reader: PositionReader, redis: Redis, settings: OracleSettings, clock: Clock, observer: Observer
    ) -> None:
        self._reader = reader
        self._redis = redis
        self._settings = settings
        self._clock = clock
        self._observer = observer
        self._stream_key = Keys(settings.flatten_namespace).of(PositionSnapshot)
        self._every_s = float(settings.oracle_poll_seconds)
        self._sequence = 0
        self._held: frozenset[str] = frozenset()
        """Symbols that were open, or may have been, at the reading before."""
        self._published_s: float | None = None
        self._exchange = Check(ok=False, why="not read yet")
        self._redis_check = Check(ok=False, why="not written to yet")

    def exchange(self) -> Check:
        """Whether the last reading was good."""
        return self._exchange

    def redis(self) -> Check:
        """Whether Redis took the last snapshot."""
        return self._redis_check

    def snapshot(self) -> Check:
        """Whether the newest snapshot is fresh."""
        if self._published_s is None:
            return Check(ok=False, why="none published yet")
        age_s = self._clock.monotonic_s() - self._published_s
        fresh = age_s < FRESH_POLLS * self._every_s
        return Check(ok=fresh, why=f"published {age_s:.1f} s ago, every {self._every_s:g} s is expected")

    async def run(self, stop: asyncio.Event) -> None:
        """Poll until `stop`, one poll at a time."""
        schedule = Schedule(every_s=self._every_s, due_s=self._clock.monotonic_s())
        while not stop.is_set():
            wait_s = await _unless(stop, self._poll())
            schedule = schedule.after(self._clock.monotonic_s(), wait_s or 0.0)
            await wait_for_stop(stop, schedule.pause_s(self._clock.monotonic_s()), self._clock)

    async def _poll(self) -> float:
        """One reading, published if it is whole. Returns how many seconds to wait at least before the next one."""
        try:
            snapshot = await self._read()
        except ExchangeError as error:
            self._exchange = Check(ok=False, why=str(error))
            return self._tell(error)
        self._exchange = OK
        await self._publish(snapshot)
        return 0.0

    async def _read(self) -> PositionSnapshot:
        started_s = self._clock.monotonic_s()
        positions, marks = await _together(self._reader.positions(), self._reader.marks())
        self._observer.read(self._clock.monotonic_s() - started_s)
        self._sequence += 1
        settings = self._settings
        snapshot = snapshot_of(
            positions,
            marks,
            origin=settings.consumer_name,
            venue=settings.exchange_id,
            environment=settings.exchange_env,
            account=settings.account,
            sequence=self._sequence,
            held=self._held,
        )
        self._held = held_in(snapshot)
        return snapshot

    async def _publish(self, snapshot: PositionSnapshot) -> None:
        """Redis away loses this snapshot and nothing else: the next one replaces it."""
        try:
            with self._observer.publishing(snapshot):
                await publish(
                    self._redis,
                    self._stream_key,
                    snapshot,
                    source=SOURCE,
                    subject=snapshot.account,
                    event_id=snapshot.snapshot_id,
                    time_ms=snapshot.taken_at_ms,
                    maxlen=SNAPSHOT_KEEP,
                )
        except (RedisError, OSError) as error:
            self._redis_check = Check(ok=False, why=f"Redis did not take the snapshot: {type(error).__name__}")
            self._observer.not_published(error)
            return
        self._redis_check = OK
        self._published_s = self._clock.monotonic_s()
        self._observer.published(snapshot)

    def _tell(self, error: ExchangeError) -> float:
        """Say what went wrong; returns how many seconds to wait at least."""
        match error:
            case KeyRejected():
                self._observer.key_rejected(error)
                return KEY_RETRY_S
            case ReadFailed():
                self._observer.read_failed(error)
                return min(error.retry_after_ms / 1000, WAIT_MAX_S)
            case ReadUnusable():
                self._observer.read_unusable(error)
                return 0.0
            case _:
                raise error


async def _together(first: Coroutine[Any, Any, A], second: Coroutine[Any, Any, B]) -> tuple[A, B]:
    """Both results, or the first error once both are over.

    Neither is cancelled when the other fails: each ends by its own timeout, and no connection is left half-made.
    """
    one, two = await asyncio.gather(first, second, return_exceptions=True)
    if isinstance(one, BaseException):
        raise one
    if isinstance(two, BaseException):
        raise two
    return one, two


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, A]) -> A | None:
    """The work's result, or nothing when `stop` comes first: then the work is cancelled and over."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        stopping.cancel()
        await asyncio.wait((working, stopping))
