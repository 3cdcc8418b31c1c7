"""Dead letters as the runtime leaves them."""

from collections.abc import Sequence
from itertools import chain

from contracts.arming import ArmRequested
from contracts.base import Event
from runtime.entries import entry_fields
from runtime.redis_client import raw
from support.operator import Operator

Fields = Sequence[bytes | str]


def fields_of(event: Event) -> list[str]:
    return entry_fields(event, source="/test/operator", subject="main", event_id="sample", time_ms=0)


async def a_letter(operator: Operator, entry: Fields, *, came_from: type[Event] = ArmRequested, **ours: str) -> str:
    """Bury an entry that never was in its stream; returns the letter's id."""
    about = {
        "dead_stream": operator.keys.of(came_from),
        "dead_entry_id": "17-3",
        "dead_group": "governor",
        "dead_consumer": "governor-1",
        "dead_error": "no data in the entry",
        "dead_deliveries": "3",
        "dead_at_ms": "1769571479123",
        **ours,
    }
    reply: bytes = await raw(operator.redis, "XADD", operator.keys.stream("dead"), "*", *entry, *chain(*about.items()))
    return reply.decode()


async def entries_of(operator: Operator, stream: str) -> list[list[bytes]]:
    """The fields of every entry, flat."""
    return [row[1] for row in await raw(operator.redis, "XRANGE", operator.keys.stream(stream), "-", "+")]
