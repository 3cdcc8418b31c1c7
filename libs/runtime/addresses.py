"""Addresses of servers, taken apart strictly: what no connection could ever be made to is none."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import SplitResult, urlsplit

_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)", re.ASCII)
_NAME_MAX = 253


def take_apart(text: str) -> SplitResult | None:
    """An address in its parts; nothing when it has none, or a host or port that cannot be one.

    An empty host is let pass: a path on this machine has none. What `urlsplit` would silently leave out or cut away
    (tabs, blanks before the scheme, a colon without a port) is no part of an address.
    """
    if not text.isprintable() or text.startswith(" "):
        return None
    try:
        parts = urlsplit(text)
        port = parts.port  # raises for what is no number
    except ValueError:
        return None
    if port == 0 or parts.netloc.endswith(":"):
        return None
    bracketed = "[" in parts.netloc.rpartition("@")[2]
    return parts if not parts.hostname or _is_host(parts.hostname, bracketed=bracketed) else None


def _is_host(host: str, *, bracketed: bool) -> bool:
    """Whether it can be a name, also one of other letters than English or with the underscores of containers."""
    try:
        if bracketed:
            IPv6Address(host)
            return True
        labels = host.removesuffix(".").encode("idna").decode().split(".")
        if labels[-1].isdecimal():
            IPv4Address(host)
    except (AddressValueError, UnicodeError):
        return False
    return len(host) <= _NAME_MAX and all(_LABEL.fullmatch(label) for label in labels)
