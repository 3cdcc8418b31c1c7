"""Values that must never be seen (I18)."""

import re

MASK = "***"
_URL_PASSWORD = re.compile(r"(?P<head>\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s/:@?#]*:)[^\s/?#]*(?=@)")


def mask_url_passwords(text: str) -> str:
    """`text` with the password of every URL in it masked: `redis://user:***@host`."""
    return _URL_PASSWORD.sub(rf"\g<head>{MASK}", text)


class Secret:
    """A text that is never shown: `str`, `repr` and format give `***`. Only `reveal` gives the value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself: for the one call that needs it, never for a log line, an event or an error."""
        return self._value

    def sensitive(self) -> str:
        """The part that must never appear anywhere."""
        return self._value

    def __str__(self) -> str:
        """The mask."""
        return MASK

    def __repr__(self) -> str:
        """The type and the mask."""
        return f"{type(self).__name__}({str(self)!r})"

    def __bool__(self) -> bool:
        """Whether there is a value."""
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        """Same value."""
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        """By value, so that equal secrets are one."""
        return hash((Secret, self._value))


class SecretUrl(Secret):
    """A URL whose password is never shown; the rest of it is."""

    __slots__ = ()

    def sensitive(self) -> str:
        """The password, or nothing when there is none."""
        found = re.match(r"[^:]+://[^\s/:@?#]*:([^\s/?#]*)@", self._value)
        return found.group(1) if found else ""

    def __str__(self) -> str:
        """The URL with its password masked."""
        return mask_url_passwords(self._value)
