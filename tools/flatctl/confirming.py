"""Nothing that opens, closes or stops something is done before a person has typed the account's name."""

import sys
from collections.abc import Awaitable, Callable

from flatctl import exits
from flatctl.exits import CommandFailed
from flatctl.session import Session, run


def confirmed(
    announce: Callable[[Session], Awaitable[int]],
    purpose: str,
    act: Callable[[Session], Awaitable[int]],
    *,
    yes: bool,
    as_json: bool,
    before: Callable[[], None] = lambda: None,
) -> int:
    """Say what would happen, have the account's name typed, then do it. Asking happens outside of the event loop.

    `before` asks what else there is to ask, before the name.
    """
    accounts: list[str] = []

    async def announced(session: Session) -> int:
        accounts.append(session.settings.account)
        return await announce(session)

    code = run(announced, as_json=as_json)
    if code != exits.OK:
        return code
    before()
    if not yes:
        _ask(accounts[0], purpose)
    return run(act, as_json=as_json)


def _ask(account: str, purpose: str) -> None:
    sys.stderr.write(f"Type the account's name ({account}) to {purpose}: ")
    sys.stderr.flush()
    typed = sys.stdin.readline() if sys.stdin is not None else ""
    if not typed:
        raise CommandFailed("nothing was done: nobody confirmed (no input); scripts pass --yes", exits.REFUSED)
    if typed.strip() != account:
        raise CommandFailed(f"nothing was done: {typed.strip()!r} is not the account {account!r}", exits.REFUSED)


async def banner(session: Session) -> int:
    """Say whose account it is about, and nothing else."""
    session.screen.line(session.settings.banner, style="bold")
    return exits.OK
