"""`flatctl plan`: a dry run on the real exchange. Nothing is sent: its connection can send nothing."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from contracts.arming import Scope
from flatctl import exits
from flatctl.asking import opened
from flatctl.exits import CommandFailed
from flatctl.options import AsJson, Symbols
from flatctl.plan import Plan
from flatctl.plan_file import save_plan
from flatctl.plan_views import show_plan
from flatctl.scope import scope_of, unlisted
from flatctl.screen import Screen
from flatctl.session import Session, run
from flatctl.settings import FlatctlSettings


class NotListed(CommandFailed):
    """A symbol is named that the exchange does not list."""


def plan(
    *,
    symbols: Symbols = None,
    save: Annotated[str, typer.Option("--save", help="Write the plan to this file, as JSON with its hash.")] = "",
    as_json: AsJson = False,
) -> int:
    """What a flatten would do now: what it closes, with which orders, what stays open and why. Sends NOTHING.

    Exit code 0: everything would be closed, dust aside. 2: something would stay open. 4: not read in full.
    """
    scope = scope_of(symbols)
    return run(lambda session: show(session, scope, Path(save) if save else None), as_json=as_json)


async def show(session: Session, scope: Scope, save: Path | None) -> int:
    """Read the exchange, work the plan out, keep it where asked, and say what it is."""
    screen = session.screen
    screen.line(session.settings.banner, style="bold")
    made = await plan_now(screen, session.settings, scope)
    screen.json(made)
    show_plan(screen, made)
    if save is not None:
        save_plan(save, made)
        screen.line(f"saved: {save}")
    if made.leaves_open:
        return exits.RESIDUAL
    if made.doubts:
        raise CommandFailed("; ".join(made.doubts), exits.UNKNOWN)
    return exits.OK


async def plan_now(screen: Screen, settings: FlatctlSettings, scope: Scope, within_s: float | None = None) -> Plan:
    """Read the exchange, `within_s` if that is given, and work the plan out.

    Raises CommandFailed with one line; `NotListed` for a wrong symbol.
    """
    # Importing the exchange library costs more than everything else together: only who needs it pays.
    from exchange.factory import open_account_reader  # noqa: PLC0415
    from flatctl.account import read_account  # noqa: PLC0415
    from flatctl.planning import make_plan  # noqa: PLC0415

    exchange, where = opened(open_account_reader, settings)
    try:
        doing = f"reading {where}: positions, prices, rules and waiting orders"
        async with asyncio.timeout(within_s):
            with screen.busy(doing):
                account = await read_account(exchange, where, in_order=False)
        if account.listings is None:
            raise CommandFailed(
                f"no plan without the exchange's rules: {account.listings_trouble}. What is open: flatctl positions",
                exits.UNKNOWN,
            )
        if wrong := unlisted(scope.symbols, account.listings.symbols):
            raise NotListed(f"no plan: {wrong}")
        return make_plan(account, account.listings, settings, scope, exchange.pace)
    except TimeoutError as error:
        raise CommandFailed(f"{where} did not answer within {within_s:g} s", exits.UNKNOWN) from error
    finally:
        await exchange.aclose()
