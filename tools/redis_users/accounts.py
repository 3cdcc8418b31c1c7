"""What is written for each user: a line of the ACL file, and the address that its program connects with. Pure."""

import hashlib
import re
from collections.abc import Mapping, Sequence

NOBODY = "default"
"""The user of a connection that says no name. It stays switched off: it is Redis's own, for reading its file."""
HEALTH = "user health reset on nopass +ping"
"""For health checks, which hold no secret: it can ask whether Redis answers, and nothing else."""
_PASSWORD = re.compile(r"[A-Za-z0-9_-]{32,128}")


class NotOursError(ValueError):
    """A file holds something that this program did not write."""


def address(user: str, password: str, server: str) -> str:
    """REDIS_URL of one user. The password needs no escaping: it is of letters, digits, `-` and `_`."""
    return f"redis://{user}:{password}@{server}/0"


def password_in(written: str, user: str) -> str:
    """The password in an address that was written before. Raises NotOursError, which shows nothing of it."""
    password = written.strip().removeprefix(f"redis://{user}:").partition("@")[0]
    if not _PASSWORD.fullmatch(password):
        raise NotOursError(f"is no address of the user {user}: remove it, and a new password is made")
    return password


def acl_text(users: Mapping[str, Sequence[str]], passwords: Mapping[str, str]) -> str:
    """The ACL file: everybody in `passwords` is on, with a hash of the password. The others are off."""
    lines = [
        " ".join((f"user {name} reset", *_door(passwords.get(name)), *rules)) for name, rules in sorted(users.items())
    ]
    return "\n".join((*lines, HEALTH, ""))


def _door(password: str | None) -> tuple[str, ...]:
    if password is None:
        return ("off",)
    return ("on", f"#{hashlib.sha256(password.encode()).hexdigest()}")
