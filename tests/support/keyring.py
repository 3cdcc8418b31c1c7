"""Operators with private keys in files and an operators' file, as flatctl uses them."""

from pathlib import Path

from authority import key_file
from support.people import ALICE, ALICES_SECOND, BOB, EVE, an_entry, keep

PASSPHRASE = "a passphrase of tests"
SIGNERS = {"alice": ALICE, "alice-2": ALICES_SECOND, "bob": BOB, "eve": EVE}


class Keyring:
    """Each person's environment: the own key, its passphrase, the operators' file."""

    def __init__(self, directory: Path, *entries: str, policy: str = "") -> None:
        self.directory = directory
        self.path = directory / "operators.toml"
        self.operators = keep(self.path, *(entries or EVERYBODY), policy=policy)

    def of(self, name: str) -> dict[str, str]:
        path = self.directory / f"{name}.pem"
        if not path.exists():
            key_file.write(str(path), SIGNERS[name], PASSPHRASE)
        return {
            "OPERATOR_KEY_FILE": str(path),
            "OPERATOR_KEY_PASSPHRASE": PASSPHRASE,
            "OPERATORS_FILE": self.operators,
        }


EVERYBODY = (an_entry(ALICE, "alice"), an_entry(ALICES_SECOND, "alice"), an_entry(BOB, "bob", role="risk"))
