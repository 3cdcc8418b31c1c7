"""Operators with keys: alice and bob may sign, eve has a key that nobody put into the file."""

import secrets
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from authority.keys import Signer, public_key_text
from authority.operators import Operators, parse

ALICES_SECRET = secrets.token_bytes(32)
ALICE = Signer(Ed25519PrivateKey.from_private_bytes(ALICES_SECRET))
ALICES_SECOND, BOB, EVE = (Signer.new() for _ in range(3))
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
FAR_AHEAD = datetime(2100, 1, 1, tzinfo=UTC)


def an_entry(
    signer: Signer,
    name: str,
    *,
    role: str = "trader",
    valid_from: datetime | str = LONG_AGO,
    valid_until: datetime | str = FAR_AHEAD,
    revoked: str = "false",
    **changed: str,
) -> str:
    """One `[[operator]]`. `changed` gives the text of single values, quotes included."""
    values = {
        "name": f'"{name}"',
        "role": f'"{role}"',
        "key_id": f'"{signer.key_id}"',
        "public_key": f'"{public_key_text(signer.public_key)}"',
        "valid_from": _when(valid_from),
        "valid_until": _when(valid_until),
        "revoked": revoked,
        **changed,
    }
    return "[[operator]]\n" + "".join(f"{name} = {value}\n" for name, value in values.items())


def _when(when: datetime | str) -> str:
    return when if isinstance(when, str) else when.isoformat()


def a_file(*entries: str, policy: str = "") -> str:
    """The whole file; alice and bob when nobody is named."""
    people = entries or (an_entry(ALICE, "alice"), an_entry(BOB, "bob", role="risk"))
    return f"[policy]\n{policy}\n" + "\n".join(people)


def operators(*entries: str, policy: str = "") -> Operators:
    return parse(a_file(*entries, policy=policy))


def keep(path: Path, *entries: str, policy: str = "") -> str:
    """Write the file; returns its path as a setting."""
    path.write_text(a_file(*entries, policy=policy), encoding="utf-8")
    return str(path)
