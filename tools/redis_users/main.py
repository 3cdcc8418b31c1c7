"""`redis-users`: before Redis starts, its ACL file and a password for each user. Passwords that are there stay.

Below the directory: `redis/users.acl` for Redis, `<user>/redis_url` for the program that is this user, and
`governor/console_token` for whoever is to see the console. Each is on a volume of its own, so that nobody sees
another's. It ends when it is done; run again, it brings the rules up to date.
"""

import argparse
import os
import secrets
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from contracts.redis_users import redis_users
from contracts.streams import DEFAULT_ALLOCATION_PREFIX, DEFAULT_NAMESPACE, DEFAULT_POSITIONS_PREFIX
from redis_users.accounts import NOBODY, NotOursError, acl_text, address, password_in
from runtime.errors import SettingsError
from runtime.settings import load

PROGRAM = "redis-users"
ADDRESS_FILE = "redis_url"
TOKEN_FILE = Path("governor", "console_token")
ACL_FILE = Path("redis", "users.acl")
FAILED = 1
REFUSED = 2
_PASSWORD_BYTES = 32
_OWNER_READS = 0o400
_ALL_READ = 0o444  # Redis is another user, and the only one that sees this volume; hashes of long random words


class Settings(Struct, frozen=True, kw_only=True):
    """Which keys the rules are about."""

    flatten_namespace: str = DEFAULT_NAMESPACE
    flatten_allocation_prefix: str = DEFAULT_ALLOCATION_PREFIX
    flatten_positions_prefix: str = DEFAULT_POSITIONS_PREFIX


class Written(Struct, frozen=True):
    """How many users there are now, and how many of them are new."""

    users: int
    new: int


def write(directory: Path, server: str, users: Mapping[str, Sequence[str]]) -> Written:
    """Write every file. Addresses come first: an ACL file never knows a password that nobody has.

    Raises OSError, and NotOursError with the path of the file.
    """
    known = {user: _known_password(directory / user / ADDRESS_FILE, user) for user in users if user != NOBODY}
    passwords = {user: password or secrets.token_urlsafe(_PASSWORD_BYTES) for user, password in known.items()}
    for user, password in passwords.items():
        _replace(directory / user / ADDRESS_FILE, address(user, password, server) + "\n", _OWNER_READS)
    token = directory / TOKEN_FILE
    if not token.exists():
        _replace(token, f"{secrets.token_urlsafe(_PASSWORD_BYTES)}\n", _OWNER_READS)
    _replace(directory / ACL_FILE, acl_text(users, passwords), _ALL_READ)
    return Written(users=len(passwords), new=sum(password is None for password in known.values()))


def _known_password(path: Path, user: str) -> str | None:
    try:
        return password_in(path.read_text(encoding="utf-8"), user)
    except FileNotFoundError:
        return None
    except (NotOursError, UnicodeDecodeError) as error:
        told = error if isinstance(error, NotOursError) else "is no text: remove it, and a new password is made"
        raise NotOursError(f"{path} {told}") from None


def _replace(path: Path, text: str, mode: int) -> None:
    """Write a file whole and durably, then move it into place: nobody reads half of it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())
    Path(name).replace(path)


def main(arguments: Sequence[str] | None = None) -> None:
    """The console program."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Writes Redis's ACL file, and for each user the address with its password. What is there stays.",
        epilog="Variables: FLATTEN_NAMESPACE, FLATTEN_ALLOCATION_PREFIX, FLATTEN_POSITIONS_PREFIX.",
    )
    parser.add_argument("--directory", type=Path, required=True, help="with a directory for each user, and redis")
    parser.add_argument("--server", default="redis:6379", help="host:port in the addresses (%(default)s)")
    given = parser.parse_args(arguments)
    try:
        settings = load(Settings, os.environ)
    except SettingsError as error:
        sys.stderr.writelines(f"{PROGRAM}: {line}\n" for line in error.lines)
        sys.exit(REFUSED)
    users = redis_users(
        settings.flatten_namespace,
        allocation_prefix=settings.flatten_allocation_prefix,
        positions_prefix=settings.flatten_positions_prefix,
    )
    try:
        written = write(given.directory, given.server, users)
    except (OSError, NotOursError) as error:
        sys.stderr.write(f"{PROGRAM}: {error}\n")
        sys.exit(FAILED)
    sys.stdout.write(f"{PROGRAM}: {written.users} users, {written.new} with a new password\n")


if __name__ == "__main__":
    main()
