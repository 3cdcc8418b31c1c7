"""Several streams as one record."""

from typing import TYPE_CHECKING, Any, cast

from contracts import codec
from contracts.base import Event
from flatctl.history import Follower
from support.run_events import completed, resolved, started, verified

if TYPE_CHECKING:
    from redis.asyncio import Redis


class OneReply:
    """A Redis that gives one answer to any command."""

    def __init__(self, reply: list[Any]) -> None:
        self._reply = reply

    async def execute_command(self, *_: Any) -> list[Any]:
        return self._reply


def row(entry_id: str, event: Event) -> list[Any]:
    fields = codec.encode(event, source="/t", subject="main", event_id=entry_id, time_ms=1, traceparent=None)
    return [entry_id.encode(), [text.encode() for pair in fields.items() for text in pair]]


async def followed(audit: list[Any], done: list[Any]) -> list[str]:
    redis = OneReply([[b"audit", audit], [b"completed", done]])
    follower = Follower(cast("Redis", redis), {"audit": "0-0", "completed": "0-0"})
    return [record.entry_id for record in await follower.read()]


async def test_streams_are_read_together_in_the_order_in_which_they_were_written() -> None:
    audit = [row("1-0", started()), row("3-0", verified(1))]

    assert await followed(audit, [row("2-0", completed())]) == ["1-0", "2-0", "3-0"]


async def test_a_verdict_of_the_same_millisecond_comes_after_what_led_to_it() -> None:
    audit = [row("7-0", resolved("ETHUSDT", "1")), row("7-10", resolved("BTCUSDT", "1")), row("7-11", verified(1))]

    assert await followed(audit, [row("7-1", completed())]) == ["7-0", "7-10", "7-11", "7-1"]
