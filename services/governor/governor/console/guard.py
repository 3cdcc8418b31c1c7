"""Who may see the state: everybody on this machine, or whoever has the token. The page itself holds no state."""

import hmac
from enum import StrEnum
from ipaddress import ip_address

from msgspec import Struct

from runtime.secret import Secret

SCHEME = "Bearer "


class Door(StrEnum):
    """How the console stands to those who ask."""

    OPEN = "open"
    """On loopback, without a token: whoever is on this machine may look."""
    LOCKED = "locked"
    """With a token, wherever it listens."""
    ABSENT = "absent"
    """It could be reached from outside and there is no token: there is no console."""


class Refused(Struct, frozen=True):
    """Why a request gets no state."""

    status: int
    why: str


class Guard(Struct, frozen=True):
    """Judges one request by two of its headers."""

    host: str
    """What the HTTP server listens on."""
    token: Secret | None

    @property
    def door(self) -> Door:
        """By where it listens and whether there is a token."""
        if self.token:
            return Door.LOCKED
        return Door.OPEN if is_loopback(self.host) else Door.ABSENT

    def refuse(self, authorization: str, asked_host: str) -> Refused | None:
        """Nothing when the request may see the state.

        Without a token the name that was asked for has to be this machine's own: a page from elsewhere could let its
        name point to 127.0.0.1, and then read what only this machine may see.
        """
        if self.door is Door.ABSENT:
            return Refused(403, "no console here: set CONSOLE_TOKEN, or listen on 127.0.0.1")
        if not self.token:
            return None if is_loopback(_name(asked_host)) else Refused(403, "ask for 127.0.0.1 or localhost")
        given = authorization[len(SCHEME) :] if authorization.startswith(SCHEME) else ""
        if hmac.compare_digest(given.encode(errors="surrogateescape"), self.token.reveal().encode()):
            return None
        return Refused(401, "the token is not right" if given else "a token is needed")


def is_loopback(host: str) -> bool:
    """Whether only this machine is meant."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _name(host: str) -> str:
    """A Host header without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
