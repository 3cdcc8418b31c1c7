"""`flatctl keys`: an operator's own key, and whose keys may sign."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct

from authority import key_file
from authority.key_file import KeyFileMistake
from authority.keys import Signer, public_key_text
from authority.operators import OperatorKey, Operators, OperatorsMistake, entry
from contracts.vocabulary import Environment
from flatctl import exits
from flatctl.exits import CommandFailed
from flatctl.figures import moment
from flatctl.options import AsJson, operator_of
from flatctl.session import Session, load_settings, run
from flatctl.signing import ask, people_of, unlock

DEFAULT_FILE = "operator-key.pem"
VALID_FOR = timedelta(days=365)

keys = typer.Typer(no_args_is_help=True, help="Operators' keys: make one, show its public part, list who may sign.")


class KeyReport(Struct, frozen=True, kw_only=True):
    """A public key, with `--json`."""

    key_id: str
    public_key: str
    name: str = ""
    role: str = ""
    state: str = ""
    """In words; empty where no operators' file was asked."""
    entry: str = ""
    """What belongs into the operators' file."""


@keys.command("generate")
def generate(
    *,
    out: Annotated[
        str, typer.Option("--out", help=f"The new file. Default: OPERATOR_KEY_FILE, else {DEFAULT_FILE}.")
    ] = "",
    operator: Annotated[str, typer.Option("--operator", help="Whose key it is. Default: your login name.")] = "",
    role: Annotated[str, typer.Option("--role", help="trader or risk.")] = "trader",
    as_json: AsJson = False,
) -> int:
    """Make a private key, kept encrypted, and print what belongs into the operators' file.

    Asks for a passphrase twice; scripts set OPERATOR_KEY_PASSPHRASE.
    """
    settings = load_settings()
    path, name, signer = out or settings.operator_key_file or DEFAULT_FILE, operator_of(operator), Signer.new()
    if Path(path).exists():  # before a passphrase is typed in vain
        raise CommandFailed(f"no key was made: {path!r} is there already; name another file with --out")
    if not Path(path).absolute().parent.is_dir():
        raise CommandFailed(f"no key was made: there is no directory for {path!r}; name another file with --out")
    now = datetime.now(UTC).replace(microsecond=0)
    try:
        text = entry(name, role, signer.public_key, now, now + VALID_FOR)
        key_file.write(path, signer, settings.operator_key_passphrase.reveal() or _new_passphrase())
    except (OperatorsMistake, KeyFileMistake) as mistake:
        raise CommandFailed(f"no key was made: {mistake}") from mistake

    async def tell(session: Session) -> int:
        screen = session.screen
        screen.json(
            KeyReport(
                key_id=signer.key_id,
                public_key=public_key_text(signer.public_key),
                name=name,
                role=role,
                entry=text,
            )
        )
        screen.line(
            f"private key {signer.key_id} of {name} is in {path}; keep it and its passphrase to yourself", "bold"
        )
        screen.line("whoever keeps the operators' file (OPERATORS_FILE) adds this to it, on every machine:")
        screen.line()
        for line in text.splitlines():
            screen.line(line)
        return exits.OK

    return run(tell, as_json=as_json)


@keys.command("show")
def show(
    file: Annotated[str, typer.Argument(help="The private key's file. Default: OPERATOR_KEY_FILE.")] = "",
    *,
    as_json: AsJson = False,
) -> int:
    """Show the public part of a private key. Asks for its passphrase."""
    settings = load_settings()
    path = file or settings.operator_key_file
    if not path:
        raise CommandFailed("which key? Name its file, or set OPERATOR_KEY_FILE")
    signer = unlock(path, settings.operator_key_passphrase)

    async def tell(session: Session) -> int:
        public = public_key_text(signer.public_key)
        session.screen.json(KeyReport(key_id=signer.key_id, public_key=public))
        session.screen.line(f'key_id = "{signer.key_id}"')
        session.screen.line(f'public_key = "{public}"')
        return exits.OK

    return run(tell, as_json=as_json)


@keys.command("list")
def list_keys(*, as_json: AsJson = False) -> int:
    """Who may sign arms, by OPERATORS_FILE, and how many people it takes."""
    return run(_list, as_json=as_json)


async def _list(session: Session) -> int:
    screen, settings = session.screen, session.settings
    operators, problem = people_of(settings)
    if operators is None:
        raise CommandFailed(f"nobody can say who may sign: {problem}")
    now_ms = session.clock.now_ms()
    for key in operators.keys:
        screen.json(
            KeyReport(
                key_id=key.key_id, public_key=key.public_key, name=key.name, role=key.role, state=_state(key, now_ms)
            )
        )
    rows = [(key.name, key.role, key.key_id, _state(key, now_ms)) for key in operators.keys]
    screen.table(("operator", "role", "key", ""), rows, numeric=frozenset())
    screen.line(_policy(operators))
    shortage = operators.shortage(settings.exchange_env, now_ms)
    if shortage:
        screen.line(f"NO ARM CAN PASS in {settings.exchange_env}: {shortage}", "bold red")
    return exits.OK


def _policy(operators: Operators) -> str:
    policy = operators.policy
    people = {1: "1 person"}
    needed, for_live = (policy.needed(environment) for environment in (Environment.SIM, Environment.LIVE))
    return (
        f"an arm needs the signatures of {people.get(needed, f'{needed} people')}, "
        f"where EXCHANGE_ENV is live of {people.get(for_live, f'{for_live} people')}"
    )


def _state(key: OperatorKey, now_ms: int) -> str:
    if key.revoked_by(now_ms):
        return "REVOKED"
    first, last = (_moment(when) for when in (key.valid_from, key.valid_until))
    doubt = key.doubt(now_ms)
    if not doubt:
        return f"valid until {last}"
    return f"EXPIRED at {last}" if "until" in doubt else f"NOT YET VALID, from {first}"


def _moment(when: datetime) -> str:
    return moment(int(when.timestamp() * 1000))


def _new_passphrase() -> str:
    while True:
        passphrase = ask("A passphrase for the new key: ")
        problem = key_file.passphrase_problem(passphrase)
        if problem:
            sys.stderr.write(f"flatctl: {problem}; try again\n")
        elif ask("The same again: ") != passphrase:
            sys.stderr.write("flatctl: these two are not the same; try again\n")
        else:
            return passphrase
