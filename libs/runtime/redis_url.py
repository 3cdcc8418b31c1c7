"""What REDIS_URL may look like: one that is read otherwise than it was meant shows a password where none should be."""

import re
from urllib.parse import parse_qsl, urlsplit

from runtime.addresses import take_apart

SCHEMES = ("redis", "rediss", "unix")
OPTIONS = frozenset({"db", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname"})
_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_DATABASE = re.compile(r"/?|/[0-9]{1,5}")
_HOW = "write redis://user:password@host:port/0, with / @ : ? # % in the password as %2F %40 %3A %3F %23 %25"


def problem_with(text: str) -> str:
    """Why this is no address of a Redis, in words that show nothing of it; empty when it is one."""
    parts = take_apart(text)
    if parts is None:
        return f"cannot be taken apart, or its host or port cannot be one: {_HOW}"
    if parts.scheme not in SCHEMES:
        return f"does not begin with redis://, rediss:// or unix://: {_HOW}"
    if parts.scheme == "unix":
        whole = bool(parts.path) and not (parts.hostname or parts.fragment) and "@" not in parts.path
    else:
        whole = bool(parts.hostname) and _DATABASE.fullmatch(parts.path) is not None and not parts.fragment
    if not whole or "@" in parts.query:
        return f"is not one address from beginning to end: {_HOW}"
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if not options.keys() <= OPTIONS:
        return f"has an unknown option: there are {', '.join(sorted(OPTIONS))}; user and password stand before the host"
    if not options.get("db", "0").isascii() or not options.get("db", "0").isdigit():
        return "has a db that is not a number"
    return ""


def problem_with_files(text: str) -> str:
    """Why a file that such an address names cannot be used; empty when all can.

    redis-py would tell it as a server that cannot be reached, and without the file's name.
    """
    options = dict(parse_qsl(urlsplit(text).query, keep_blank_values=True))
    for name in _FILES:
        if name in options:
            try:
                with open(options[name], "rb"):  # noqa: PTH123 - an empty path is none, not this directory
                    pass
            except (OSError, ValueError) as error:
                return (
                    f"has {name}={options[name]!r}, which cannot be read: {getattr(error, 'strerror', None) or error}"
                )
    return ""
