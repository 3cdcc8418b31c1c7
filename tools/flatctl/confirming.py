"""Nothing that opens, closes or stops something is done before a person has typed whose account it is."""

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
    notional: Callable[[], str] = str,
) -> int:
    """Say what would happen, have the account's name typed, then do it. Asking happens outside of the event loop.

    `before` asks what else there is to ask, before the name. `notional` is to be typed after it, where there is one.
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
        _ask(accounts[0], notional(), purpose)
    return run(act, as_json=as_json)


def _ask(account: str, notional: str, purpose: str) -> None:
    wanted = f"{account} {notional}".rstrip()
    what = "the account's name and the notional in whole dollars" if notional else "the account's name"
    sys.stderr.write(f"Type {what} ({wanted}) to {purpose}: ")
    sys.stderr.flush()
    typed = sys.stdin.readline() if sys.stdin is not None else ""
    if not typed:
        raise CommandFailed("nothing was done: nobody confirmed (no input); scripts pass --yes", exits.REFUSED)
    if (given := " ".join(typed.split())) != wanted:
        kind = "" if notional else "the account "
        raise CommandFailed(f"nothing was done: {given!r} is not {kind}{wanted!r}", exits.REFUSED)


async def banner(session: Session) -> int:
    """Say whose account it is about, and nothing else."""
    session.screen.line(session.settings.banner, style="bold")
    return exits.OK
