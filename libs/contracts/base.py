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


MAGNITUDE_MAX = 60
"""Powers of ten: far beyond any price or quantity, and few enough digits to print."""


def is_number(number: Decimal) -> bool:
    """Whether it is a number that can be worked with: no NaN, no infinity, no exponent that would fill the memory."""
    return number.is_finite() and abs(number.adjusted()) <= MAGNITUDE_MAX


def require_finite(owner: str, **numbers: Decimal | None) -> None:
    """Raise ValueError for what is not a number: nobody acts on it, and it never reaches a venue (I13)."""
    for name, number in numbers.items():
        if number is not None and not is_number(number):
            raise ValueError(f"{owner}.{name} is {number}, not a number")
