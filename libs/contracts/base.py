"""What every event is: a frozen fact in the past tense, whose numbers are exact and finite."""

from decimal import Decimal
from typing import ClassVar

from msgspec import Struct


class Event(Struct, frozen=True, kw_only=True, tag_field="type"):
    """A fact. Its tag is the event type and version; unknown fields are ignored when it is read.

    Money is in US dollars (`…_usd`), quantities in the base asset, times in Unix milliseconds (`…_ms`).
    Decimals travel as strings. A new field has a default; a changed meaning is a new version of the type.
    """

    stream: ClassVar[str]
    """Which stream carries it, after the namespace (see `contracts.streams`)."""

    @classmethod
    def event_type(cls) -> str:
        """The type as it stands in the envelope, e.g. `flatten.requested.v1`."""
        tag = cls.__struct_config__.tag
        if not isinstance(tag, str):
            raise TypeError(f"{cls.__name__} has no event type")
        return tag


def require_finite(owner: str, **numbers: Decimal | None) -> None:
    """Raise ValueError for a NaN or an infinity: a decimal on the wire is a number (I13)."""
    for name, number in numbers.items():
        if number is not None and not number.is_finite():
            raise ValueError(f"{owner}.{name} is {number}, not a number")
