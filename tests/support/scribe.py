"""Somebody who writes the record of a run, where a test wants it exactly so."""

from contracts.base import Event
from runtime.streams import publish
from support.operator import Operator


class Scribe(Operator):
    """Writes what governor and executor would write, where the test wants it exactly so."""

    async def tell(self, *events: Event) -> None:
        for event in events:
            await publish(
                self.redis,
                self.keys.of(type(event)),
                event,
                source="/test",
                subject="main",
                event_id=f"test-{id(event)}",
                time_ms=0,
            )
