"""What operators do with dead letters. The letters themselves are no events: see `runtime.dead_letters`."""

from typing import ClassVar

from msgspec import Struct

from contracts.base import Event
from contracts.vocabulary import Environment, Word


class Settlement(Word):
    """What an operator did with a dead letter."""

    REQUEUED = "requeued"
    """Put back on its own stream, as it was."""
    DROPPED = "dropped"
    """Taken out for good."""


class LetterField(Struct, frozen=True, kw_only=True):
    """One field of the letter. Bytes that are no text stand as escapes."""

    name: str
    value: str


class DeadLetterSettled(Event, frozen=True, kw_only=True, tag="dead.settled.v1"):
    """An operator took a dead letter out of the stream `dead`. The letter is here as it was: nothing is lost."""

    stream: ClassVar[str] = "dead.settled"

    letter_id: str
    """Its id in the stream `dead`."""
    settlement: Settlement
    letter: tuple[LetterField, ...]
    """Every field, those of the runtime (`dead_…`) at the end."""
    operator: str
    reason: str
    environment: Environment
    account: str
    settled_at_ms: int
    """By the Redis server's clock."""
