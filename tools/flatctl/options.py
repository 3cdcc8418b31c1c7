"""What stands on the command line: options that commands share, and what their text means."""

import getpass
import re
import secrets
from datetime import UTC, datetime
from typing import Annotated

import typer

from flatctl.exits import CommandFailed

_ARM_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Symbols = Annotated[
    str | None, typer.Option("--symbols", help="Only these, e.g. ETHUSDT,BTCUSDT. Default: the whole account.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; goes on record.")]
Operator = Annotated[str, typer.Option("--operator", help="Who you are; goes on record. Default: your login name.")]
Within = Annotated[float, typer.Option("--timeout", min=1, max=86_400, help="Give up after so many seconds.")]


def arm_id_of(given: str) -> str:
    """The operator's own name for an arm, or a new one."""
    if not given:
        return f"arm-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
    if not _ARM_ID.fullmatch(given):
        raise CommandFailed(f"arm id {given!r}: up to 100 letters, digits, dots, colons, dashes, underscores")
    return given


def operator_of(given: str) -> str:
    """Who acts: as told, else the login name."""
    if given:
        return given
    try:
        return getpass.getuser()
    except (OSError, KeyError) as error:
        raise CommandFailed("who are you? This machine has no login name for you: pass --operator NAME") from error
