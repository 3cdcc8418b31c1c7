"""The operator's own key: whose it is, and unlocking it. A passphrase is asked for outside of the event loop."""

import getpass
import sys

from msgspec import Struct

from authority import key_file, operators_file
from authority.key_file import KeyFileMistake, WrongPassphrase
from authority.keys import Signer
from authority.operators import Operators, Policy
from contracts.arming import ARM_LIFETIME_MAX_MS
from contracts.streams import ARM_TTL_S
from contracts.vocabulary import Environment
from flatctl.exits import CommandFailed
from flatctl.options import operator_of
from flatctl.settings import FlatctlSettings
from runtime.clock import SystemClock
from runtime.secret import Secret

ATTEMPTS = 3
ARM_LIFETIME_MAX_S = ARM_LIFETIME_MAX_MS // 1000


class Identity(Struct, frozen=True, kw_only=True):
    """Who acts, and the key that proves it."""

    operator: str
    signer: Signer | None = None
    """Nothing where arms are not signed, which sim alone allows."""


def identify(settings: FlatctlSettings, given: str) -> Identity:
    """Who acts: `given`, else by the key, else by the login name. Raises CommandFailed: then nothing was done."""
    if settings.operator_key_file:
        signer = unlock(settings.operator_key_file, settings.operator_key_passphrase)
        return Identity(operator=_owner(settings, signer, given), signer=signer)
    if settings.exchange_env is not Environment.SIM:
        raise CommandFailed(
            f"nothing was done: in {settings.exchange_env} arms are signed, and OPERATOR_KEY_FILE is not set; "
            "make a key with flatctl keys generate"
        )
    if settings.operators_file:
        raise CommandFailed(
            "nothing was done: OPERATORS_FILE is set, so that unsigned arms are refused, and OPERATOR_KEY_FILE is not"
        )
    return Identity(operator=operator_of(given))


def people_of(settings: FlatctlSettings) -> tuple[Operators | None, str]:
    """Who may sign, by this machine's operators' file, and why that is not known."""
    seen = operators_file.read(settings.operators_file)
    return seen.operators, seen.problem or ("" if seen.operators else "OPERATORS_FILE is not set here")


def lifetime_s(settings: FlatctlSettings, given: int | None) -> int:
    """How long an arm lives: as told, else a minute, or, where more than one has to sign, as long as an arm may.

    Without an operators' file to be read here, the policy that holds where the file names none.
    """
    if given is not None:
        return given
    operators, _ = people_of(settings)
    policy = operators.policy if operators else Policy()
    return ARM_TTL_S if policy.needed(settings.exchange_env) == 1 else ARM_LIFETIME_MAX_S


def unlock(path: str, passphrase: Secret) -> Signer:
    """The key in a file; asks for its passphrase unless that is given. Raises CommandFailed."""
    try:
        key_file.check(path)
        if passphrase:
            return key_file.read(path, passphrase.reveal())
        for _ in range(ATTEMPTS - 1):
            try:
                return key_file.read(path, ask(f"Passphrase of {path}: "))
            except WrongPassphrase as mistake:
                sys.stderr.write(f"flatctl: {mistake}; try again\n")
        return key_file.read(path, ask(f"Passphrase of {path}: "))
    except KeyFileMistake as mistake:
        raise CommandFailed(f"nothing was done: {mistake}") from mistake


def ask(prompt: str) -> str:
    """What a person types, unseen."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise CommandFailed(
            "nothing was done: nobody can be asked for a passphrase here; scripts set OPERATOR_KEY_PASSPHRASE_FILE"
        )
    try:
        return getpass.getpass(prompt, stream=sys.stderr)
    except EOFError as error:
        raise CommandFailed("nothing was done: no passphrase was typed") from error


def _owner(settings: FlatctlSettings, signer: Signer, given: str) -> str:
    operators, problem = people_of(settings)
    if operators is None:
        if settings.operators_file:
            sys.stderr.write(f"flatctl: WARNING: {problem}; going on without it\n")
        return operator_of(given)
    key = operators.key(signer.key_id)
    if key is None:
        raise CommandFailed(
            f"nothing was done: key {signer.key_id} is not in OPERATORS_FILE={settings.operators_file}; "
            "see flatctl keys list"
        )
    doubt = key.doubt(SystemClock().now_ms())
    if doubt:
        raise CommandFailed(f"nothing was done: key {key.key_id} is {key.name}'s and {doubt}")
    if given and given != key.name:
        raise CommandFailed(f"nothing was done: key {key.key_id} is {key.name}'s, not {given}'s")
    return key.name
