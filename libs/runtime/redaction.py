"""Nothing secret leaves through a log line (I18): known secrets by value, passwords and signatures by their shape."""

import re
from collections.abc import Mapping, MutableMapping
from typing import Any

from runtime.secret import MASK, Secret, mask_url_passwords

_SHORTEST = 4
"""A shorter secret would mask half of every line, and guards nothing."""
_DEPTH_MAX = 8
_NAMED = re.compile(
    r"(?P<head>(?:signatures?|api[-_]?key|X-MBX-APIKEY|secret|password|passwd|listenKey)[\"']?\s*[=:]\s*[\"']?)"
    r"(?P<value>[A-Za-z0-9+/=_.~%-]{16,})",
    re.IGNORECASE,
)


class Redactor:
    """Masks every secret that it was told of, and everything that looks like a password in a URL or a signature."""

    def __init__(self) -> None:
        self._values: tuple[str, ...] = ()

    def add(self, secret: Secret | str) -> None:
        """Never let this value through again. Too short a value is refused: see `_SHORTEST`."""
        values = secret.sensitive() if isinstance(secret, Secret) else (secret,)
        known = {*self._values, *(value for value in values if len(value) >= _SHORTEST)}
        # Longest first, so that a secret inside another does not leave the rest of the longer one behind.
        self._values = tuple(sorted(known, key=len, reverse=True))

    def text(self, text: str) -> str:
        """`text` with every secret masked."""
        for value in self._values:
            text = text.replace(value, MASK)
        return _NAMED.sub(rf"\g<head>{MASK}", mask_url_passwords(text))

    def value(self, value: object, depth: int = 0) -> object:
        """Any value, masked throughout. What is not plain data becomes its text."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str):
            return self.text(value)
        if depth < _DEPTH_MAX and isinstance(value, Mapping):
            return {self.text(str(key)): self.value(item, depth + 1) for key, item in value.items()}
        if depth < _DEPTH_MAX and isinstance(value, list | tuple | set | frozenset):
            return [self.value(item, depth + 1) for item in value]
        return self.text(str(value))

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
        """As a structlog processor: the last one before the renderer, after tracebacks became text."""
        return {self.text(str(key)): self.value(item) for key, item in event.items()}
