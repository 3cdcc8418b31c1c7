"""Reading state: the newest entry counts, older ones are passed over, and nobody acknowledges anything."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, Generic, TypeVar

from redis.asyncio import Redis
from redis.exceptions import RedisError

from contracts import codec
from contracts.base import Event
from runtime.clock import Clock, SystemClock
from runtime.entries import Entry
from runtime.health import OK, Check
from runtime.observe import StreamObserver
from runtime.redis_client import raw, wait_for_stop

E = TypeVar("E", bound=Event)
_BATCH = 100
_RECONNECT_BASE_S = 0.1
_RECONNECT_CAP_S = 2.0


class Tail(Generic[E]):
    """The newest event of a state stream. Makes no spans: state is read all the time."""

    def __init__(
        self,
        *,
        reader: Redis,
        stream_key: str,
        event_type: type[E],
        observer: StreamObserver,
        block_ms: int = 1_000,
        clock: Clock | None = None,
    ) -> None:
        self._reader = reader
        self._stream_key = stream_key
        self._event_type = event_type
        self._observer = observer
        self._block_ms = block_ms
        self._clock = clock or SystemClock()
        self._name = stream_key.rpartition(":stream:")[2]
        self._last_id = ""
        self._problem = "not reading yet"
        self._told = ""
        self._was_ready = False
        self.last_progress_s = self._clock.monotonic_s()

    @property
    def ready(self) -> bool:
        """Whether the stream is being read. An empty stream is."""
        return not self._problem

    def check(self) -> Check:
        """For /readyz."""
        return OK if self.ready else Check(ok=False, why=self._problem)

    async def entries(self, stop: asyncio.Event) -> AsyncIterator[Entry[E]]:
        """Yield the newest entry, and each newer one as it comes; what came in between is passed over.

        Nothing that Redis says ends it: whoever reads state works without it too. It is told once, and tried again. An
        entry that cannot be decoded is told and passed over.
        """
        self._observer.watching(self._name)
        delay_s = _RECONNECT_BASE_S
        try:
            while not stop.is_set():
                try:
                    entry = await self._next()
                except (RedisError, OSError) as error:
                    self._become_unready(error)
                    await wait_for_stop(stop, delay_s, self._clock)
                    delay_s = min(delay_s * 2, _RECONNECT_CAP_S)
                    continue
                delay_s = _RECONNECT_BASE_S
                if entry is not None:
                    yield entry
        finally:
            self._problem = "stopped"
            self._observer.stopped(self._name)

    async def _next(self) -> Entry[E] | None:
        """One read: what was added since; or, where nothing was or the tail just begins, the newest if it is another.

        Asking for the newest also after an empty read finds a stream that was deleted and begun anew with lower ids.
        """
        rows: Sequence[Any] = ()
        if self.ready and self._last_id:
            reply = await raw(
                self._reader,
                "XREAD",
                "COUNT",
                _BATCH,
                "BLOCK",
                self._block_ms,
                "STREAMS",
                self._stream_key,
                self._last_id,
            )
            rows = reply[0][1] if reply else ()
        if not rows:
            rows = await raw(self._reader, "XREVRANGE", self._stream_key, "+", "-", "COUNT", 1)
        if not self.ready:
            # An ACL that allows the one command but not the other would make it ready and unready in turn.
            await raw(self._reader, "XREAD", "COUNT", 1, "STREAMS", self._stream_key, "$")
        self._become_ready()
        if rows and rows[-1][0].decode() != self._last_id:
            self._last_id = rows[-1][0].decode()
            return self._newest(rows)
        # Where nothing was ever published: wait for the first entry, from the stream's beginning.
        self._last_id = self._last_id or "0-0"
        return None

    def _newest(self, rows: Sequence[Any]) -> Entry[E] | None:
        """The newest row that can be decoded."""
        for row in reversed(rows):
            entry_id = row[0].decode()
            try:
                return self._entry(entry_id, row[1])
            except (codec.UndecodableEntry, RecursionError) as error:
                self._observer.undecodable(self._name, entry_id, error)
        return None

    def _entry(self, entry_id: str, fields: Sequence[bytes]) -> Entry[E]:
        decoded = codec.decode(dict(zip(fields[::2], fields[1::2], strict=True)))
        if not isinstance(decoded.event, self._event_type):
            raise codec.UndecodableEntry(f"{decoded.envelope.type} does not belong on this stream")
        return Entry(id=entry_id, stream=self._stream_key, event=decoded.event, envelope=decoded.envelope)

    def _become_ready(self) -> None:
        self.last_progress_s = self._clock.monotonic_s()
        if self.ready:
            return
        self._problem = self._told = ""
        self._observer.ready(self._name, created=False, again=self._was_ready)
        self._was_ready = True

    def _become_unready(self, error: Exception) -> None:
        self._problem = f"{self._name} cannot be read: {type(error).__name__}"
        failure = f"{type(error).__name__}: {error}"
        if failure != self._told:
            self._told = failure
            self._observer.unready(self._name, error)
