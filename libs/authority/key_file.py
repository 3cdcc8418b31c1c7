"""A private key at rest: PKCS#8 in PEM, encrypted with a passphrase, in a file that its owner alone can read."""

import os
import stat
from pathlib import Path

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from authority.files import read_small, why
from authority.keys import Signer

MODE = 0o600
PASSPHRASE_MIN = 12
"""Characters. PKCS#8 makes each guess cheap, so that the passphrase itself has to be good."""
_BYTES_MAX = 16 * 1024


class KeyFileMistake(Exception):
    """The key cannot be used or kept as it is. One line, which holds nothing of key or passphrase (I18)."""


class WrongPassphrase(KeyFileMistake):
    """Another passphrase may open it."""


def passphrase_problem(passphrase: str) -> str:
    """Why a key must not be kept under it; empty when it may."""
    if len(passphrase) < PASSPHRASE_MIN:
        return f"a passphrase has at least {PASSPHRASE_MIN} characters"
    return ""


def write(path: str, signer: Signer, passphrase: str) -> None:
    """Keep a new key. Raises KeyFileMistake; an existing file is never touched."""
    problem = passphrase_problem(passphrase)
    if problem:
        raise KeyFileMistake(problem)
    content = signer.locked(passphrase)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, MODE)
    except FileExistsError as error:
        raise KeyFileMistake(f"{path!r} is there already: a key is never overwritten; name another file") from error
    except (OSError, ValueError) as error:
        raise KeyFileMistake(f"{path!r} cannot be written: {why(error)}") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), MODE)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        Path(path).unlink(missing_ok=True)
        raise KeyFileMistake(f"{path!r} cannot be written: {why(error)}") from error


def read(path: str, passphrase: str) -> Signer:
    """The key in a file. Raises WrongPassphrase, or KeyFileMistake for what no passphrase opens."""
    content = check(path)
    if not passphrase:
        raise WrongPassphrase(f"{path!r} needs its passphrase")
    try:
        key = load_pem_private_key(content, passphrase.encode())
    except TypeError:
        raise KeyFileMistake(f"{path!r} is not encrypted: make a new key with flatctl keys generate") from None
    except ValueError as error:
        if "password" in str(error).lower() or "decrypt" in str(error).lower():
            raise WrongPassphrase(f"the passphrase does not open {path!r}") from None
        raise KeyFileMistake(f"{path!r} holds no private key that can be read") from None
    except InternalError:  # what a damaged file can decrypt to, OpenSSL has no word for
        raise KeyFileMistake(f"{path!r} holds no private key that can be read") from None
    except UnsupportedAlgorithm:
        raise KeyFileMistake(f"{path!r} holds a kind of key that is not supported here") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileMistake(f"{path!r} holds a key that is not Ed25519")
    return Signer(key)


def check(path: str) -> bytes:
    """The file's content, still encrypted, once nobody else can have read or written it. Raises KeyFileMistake."""
    try:
        seen, content = read_small(path, _BYTES_MAX)
    except (OSError, ValueError) as error:
        raise KeyFileMistake(f"{path!r} cannot be read: {why(error)}") from error
    if seen.st_uid != os.geteuid():
        raise KeyFileMistake(f"{path!r} belongs to another user: a private key is its owner's alone")
    mode = stat.S_IMODE(seen.st_mode)
    if mode & ~MODE:
        raise KeyFileMistake(f"{path!r} has mode {mode:04o}, and others may read or change it: chmod 600 {path}")
    return content
