"""One entry of a stream, and how an event becomes one."""

from typing import Generic, TypeVar

from msgspec import Struct
from opentelemetry.context import Context
from redis.asyncio import Redis

from contracts import codec
from contracts.base import Event
from contracts.codec import Envelope
from runtime import tracing
from runtime.redis_client import raw

E_co = TypeVar("E_co", bound=Event, covariant=True)


class Entry(Struct, Generic[E_co], frozen=True, kw_only=True):
    """An event as it was delivered."""

    id: str
    """The stream id, e.g. `1769571479123-0`: what XACK needs."""
    stream: str
    """The stream's key."""
    event: E_co
    envelope: Envelope
    deliveries: int | None = None
    """How often it has been delivered, this time included; nothing outside consumer groups."""

    @property
    def traceparent(self) -> str | None:
        """W3C trace context of whoever published it."""
        return self.envelope.traceparent

    @property
    def trace_context(self) -> Context:
        """The same, to start a span in."""
        return tracing.parent_of(self.traceparent)


def entry_fields(event: Event, *, source: str, subject: str, event_id: str, time_ms: int) -> list[str]:
    """The event's entry as a flat list (name, value, name, …), ready for XADD in a script.

    Carries the current span's `traceparent`. Raises ValueError for a number that is not finite.
    """
    fields = codec.encode(
        event,
        source=source,
        subject=subject,
        event_id=event_id,
        time_ms=time_ms,
        traceparent=tracing.current_traceparent(),
    )
    return [text for pair in fields.items() for text in pair]


async def publish(  # noqa: PLR0913 - an envelope has that many attributes, all by name
    redis: Redis,
    stream_key: str,
    event: Event,
    *,
    source: str,
    subject: str,
    event_id: str,
    time_ms: int,
    maxlen: int | None = None,
) -> str:
    """XADD one event outside of any script; returns the entry's id.

    `maxlen` trims to about so many entries: for state, never for commands. A lost reply raises redis-py's
    ConnectionError or TimeoutError, and the entry may or may not be there.
    """
    fields = entry_fields(event, source=source, subject=subject, event_id=event_id, time_ms=time_ms)
    trim = ("MAXLEN", "~", maxlen) if maxlen is not None else ()
    entry_id: bytes = await raw(redis, "XADD", stream_key, *trim, "*", *fields)
    return entry_id.decode()
