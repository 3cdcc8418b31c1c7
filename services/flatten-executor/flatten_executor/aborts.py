"""What operators say about stopping one run, read as it comes. An abort that cannot be read stops nothing."""

from redis.asyncio import Redis
from redis.exceptions import RedisError

from contracts import codec
from contracts.arming import AbortRequested, FlattenRequested
from contracts.streams import Keys
from flatten_executor.observe import Observer
from runtime.redis_client import raw

_SLACK_MS = 60_000
"""How far the clock that stamps stream entries may have gone back since the request."""
_PAGE = 100


class Aborts:
    """The aborts of one run. Remembers how far it has read."""

    def __init__(self, redis: Redis, keys: Keys, request: FlattenRequested, observer: Observer) -> None:
        self._redis = redis
        self._stream_key = keys.of(AbortRequested)
        self._request_id = request.request_id
        self._observer = observer
        self._after = f"{max(0, request.requested_at_ms - _SLACK_MS)}-0"

    async def look(self) -> AbortRequested | None:
        """The first abort of this run that was not seen before; nothing when there is none.

        Redis being away is told and is no abort: whoever can silence Redis must not be able to stop a flatten.
        """
        try:
            while rows := await raw(self._redis, "XRANGE", self._stream_key, f"({self._after}", "+", "COUNT", _PAGE):
                for entry_id, fields in rows:
                    self._after = entry_id.decode()
                    abort = self._read(self._after, fields)
                    if abort is not None:
                        return abort
        except (RedisError, OSError) as error:
            self._observer.aborts_unreadable(error)
        return None

    def _read(self, entry_id: str, fields: list[bytes]) -> AbortRequested | None:
        try:
            event = codec.decode(dict(zip(fields[::2], fields[1::2], strict=True))).event
        except codec.UndecodableEntry as error:
            self._observer.abort_undecodable(entry_id, error)
            return None
        return event if isinstance(event, AbortRequested) and event.request_id == self._request_id else None
