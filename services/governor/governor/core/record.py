"""What became of an arm, as it stands in the `fired` hash: one JSON document per arm, never deleted."""

import msgspec
from msgspec import Struct

from contracts.vocabulary import Word


class ArmOutcome(Word):
    """What was decided about an arm, once and for all."""

    FIRED = "fired"
    REFUSED = "refused"
    DISARMED = "disarmed"
    UNREADABLE = "unreadable"
    """There is a record, and nobody can read it: the arm counts as decided."""


class ArmRecord(Struct, frozen=True, kw_only=True):
    """The record of one arm."""

    outcome: ArmOutcome
    request_id: str = ""
    """The request that it became; empty unless it was fired."""
    entry_id: str = ""
    """The arm's stream entry that was decided; empty while a disarm has come first and the arm was not judged yet."""
    at_ms: int = 0
    """When it was decided, by Redis's clock."""

    @property
    def judged(self) -> bool:
        """Whether the arm's own entry has been judged: a further one is a repeat."""
        return self.outcome is not ArmOutcome.DISARMED or bool(self.entry_id)


_decoder = msgspec.json.Decoder(ArmRecord)


def read_record(text: str) -> ArmRecord:
    """The record in `text`. Whatever it holds, the arm is on record: what cannot be read is `unreadable`."""
    try:
        return _decoder.decode(text)
    except msgspec.DecodeError:
        return ArmRecord(outcome=ArmOutcome.UNREADABLE)


def write_record(record: ArmRecord) -> str:
    """The record as text."""
    return msgspec.json.encode(record).decode()
