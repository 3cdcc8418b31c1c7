"""Everything that the notifier reads and writes in Redis. Of the streams it reads; the two keys are its own."""

from collections.abc import Iterator, Sequence

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from contracts import codec
from contracts.arming import ArmAccepted, ArmRefused
from contracts.flattening import FlattenCompleted
from contracts.streams import Keys
from notifier.core.notes import Note, note_of, note_of_dead_letter
from notifier.core.planning import Item, Page
from notifier.observe import Observer
from runtime.redis_client import raw
from runtime.scripts import Script

DEAD = "dead"
STREAMS = (ArmAccepted.stream, FlattenCompleted.stream, DEAD)
"""What is read: decisions, verdicts, dead letters."""
PAGE = 500
PAGES_MAX = 40
"""So many entries are looked at in one go: 20,000, some twenty of the largest runs."""
ITEMS_MAX = 500
"""And so many of them kept. What is beyond is looked at after those are told."""
_TOLD = {event.event_type().encode() for event in (ArmAccepted, ArmRefused, FlattenCompleted)}
_HOLD = Script.from_package("notifier.scripts", "hold.lua")
_MOVE = Script.from_package("notifier.scripts", "move.lua")
_LET_GO = Script.from_package("notifier.scripts", "let_go.lua")

Row = tuple[bytes, Sequence[bytes]]
"""An entry as Redis returns it: its id, and its fields' names and values in turn."""


class Store:
    """One notifier's view. `token` is this process's own."""

    def __init__(self, redis: Redis, keys: Keys, *, token: str, where: str, observer: Observer) -> None:
        self._redis = redis
        self._keys = keys
        self._token = token
        self._where = where
        self._observer = observer

    async def hold(self, for_ms: int) -> str:
        """Be the one that tells, for a while; returns the token of another one that is, empty when it is us."""
        holder = (await _HOLD.run(self._redis, [self._keys.notifier_holder], [self._token, for_ms])).decode()
        return "" if holder == self._token else str(holder)

    async def let_go(self) -> None:
        """Let another one begin at once."""
        await _LET_GO.run(self._redis, [self._keys.notifier_holder], [self._token])

    async def places(self, address: str) -> dict[str, str]:
        """How far the address was told: stream → id of the last entry that is done with. Empty at its first start."""
        fields = [_field(address, stream) for stream in STREAMS]
        values = await raw(self._redis, "HMGET", self._keys.notifier_places, *fields)
        return {stream: value.decode() for stream, value in zip(STREAMS, values, strict=True) if value}

    async def move(self, address: str, places: dict[str, str]) -> bool:
        """What was told is told. False when another notifier tells by now."""
        fields = [text for stream, place in places.items() for text in (_field(address, stream), place)]
        keys = [self._keys.notifier_holder, self._keys.notifier_places]
        return bool(await _MOVE.run(self._redis, keys, [self._token, *fields]))

    async def last_id(self, stream: str) -> str:
        """The last id that the stream ever gave, also when that entry was deleted; 0-0 where there is no stream."""
        try:
            flat = await raw(self._redis, "XINFO", "STREAM", self._keys.stream(stream))
        except ResponseError as error:
            if "no such key" in str(error):
                return "0-0"
            raise
        return str(dict(zip(flat[::2], flat[1::2], strict=True))[b"last-generated-id"].decode())

    async def after(self, stream: str, place: str) -> Page:
        """What came after `place`: what is to be told of it, and how far was read."""
        items: list[Item] = []
        for _ in range(PAGES_MAX):
            rows = await raw(self._redis, "XRANGE", self._keys.stream(stream), f"({place}", "+", "COUNT", PAGE)
            if not rows:
                break
            place = rows[-1][0].decode()
            items += self._items(stream, rows)
            if len(rows) < PAGE or len(items) >= ITEMS_MAX:
                break
        return Page(items=tuple(items), read_up_to=place)

    def _items(self, stream: str, rows: Sequence[Row]) -> Iterator[Item]:
        for entry_id, flat in rows:
            fields = dict(zip(flat[::2], flat[1::2], strict=True))
            try:
                note = self._note(stream, fields)
            except (codec.UndecodableEntry, RecursionError) as error:
                self._observer.unreadable(stream, entry_id.decode(), error)
                continue
            if note is not None:
                yield Item(stream=stream, entry_id=entry_id.decode(), note=note)

    def _note(self, stream: str, fields: dict[bytes, bytes]) -> Note | None:
        """Of a run with many orders nothing but its verdict is taken apart."""
        if stream == DEAD:
            return note_of_dead_letter(_letter(fields), self._where)
        return note_of(codec.decode(fields).event, self._where) if fields.get(b"type") in _TOLD else None


def _field(address: str, stream: str) -> str:
    return f"{address} {stream}"


def _letter(fields: dict[bytes, bytes]) -> dict[str, str]:
    """Our own fields of a dead letter. What else is in it was never understood, and is not shown."""
    return {
        name.decode(): value.decode(errors="replace") for name, value in fields.items() if name.startswith(b"dead_")
    }
