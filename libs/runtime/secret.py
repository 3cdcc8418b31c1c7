"""Values that must never be seen (I18)."""

import re
from typing import ClassVar
from urllib.parse import quote, unquote, urlsplit

from runtime.redis_url import problem_with

MASK = "***"
_URL_PASSWORD = re.compile(r"(?P<head>\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s/:@?#]*:)\S*(?=@)")
_URL_OPTION = re.compile(r"(?P<head>[?&](?:password|passwd|username)=)[^\s&#]*")
_SCHEME = re.compile(r"([a-z]{1,10})://")


def mask_url_passwords(text: str) -> str:
    """`text` with the password of every URL in it masked: `redis://user:***@host`."""
    return _URL_OPTION.sub(rf"\g<head>{MASK}", _URL_PASSWORD.sub(rf"\g<head>{MASK}", text))


class Secret:
    """A text that is never shown: `str`, `repr` and format give `***`. Only `reveal` gives the value."""

    __slots__ = ("_value",)
    several_lines: ClassVar[bool] = False
    """Whether its text may have more than one line."""

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself: for the one call that needs it, never for a log line, an event or an error."""
        return self._value

    def sensitive(self) -> tuple[str, ...]:
        """What must never appear anywhere."""
        return (self._value,)

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
    """The address of a Redis, whose password is never shown; the rest of it is, if it surely is the rest."""

    __slots__ = ()

    def sensitive(self) -> tuple[str, ...]:
        """The password (or a user's name alone) as it was written, as it is meant, and as others may encode it."""
        if problem_with(self._value):
            return (self._value, self._value.partition("://")[2])
        parts = urlsplit(self._value)
        written = parts.password or parts.username or ""
        meant = unquote(written)
        return tuple({text: None for text in (written, meant, quote(meant, safe="")) if text})

    def __str__(self) -> str:
        """The URL with its password masked; only the scheme of one that cannot be taken apart for sure."""
        if problem_with(self._value):
            scheme = _SCHEME.match(self._value)
            return f"{scheme.group(1)}://{MASK}" if scheme else MASK
        parts = urlsplit(self._value)
        user, _, address = parts.netloc.rpartition("@")
        name, _, password = user.partition(":")
        shown = f"{name}:{MASK}@" if password else f"{MASK}@" if user else ""
        return parts._replace(netloc=f"{shown}{address}").geturl()
