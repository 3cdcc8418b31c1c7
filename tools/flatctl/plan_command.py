"""`flatctl plan`: a dry run on the real exchange. Nothing is sent: its connection can send nothing."""

from pathlib import Path
from typing import Annotated

import typer

from contracts.arming import Scope
from flatctl import exits
from flatctl.asking import opened
from flatctl.exits import CommandFailed
from flatctl.options import AsJson, Symbols
from flatctl.scope import scope_of, unlisted
from flatctl.session import Session, run


def plan(
    *,
    symbols: Symbols = "",
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
    # Importing the exchange library costs more than everything else together: only who needs it pays.
    from exchange.factory import open_account_reader  # noqa: PLC0415
    from flatctl.account import read_account  # noqa: PLC0415
    from flatctl.plan_file import save_plan  # noqa: PLC0415
    from flatctl.plan_views import show_plan  # noqa: PLC0415
    from flatctl.planning import make_plan  # noqa: PLC0415

    screen, settings = session.screen, session.settings
    screen.line(settings.banner, style="bold")
    exchange, where = opened(open_account_reader, settings)
    try:
        with screen.busy(f"reading {where}: positions, prices, rules and waiting orders"):
            account = await read_account(exchange, where, in_order=False)
        if account.listings is None:
            raise CommandFailed(
                f"no plan without the exchange's rules: {account.listings_trouble}. What is open: flatctl positions",
                exits.UNKNOWN,
            )
        if wrong := unlisted(scope.symbols, account.listings.symbols):
            raise CommandFailed(f"no plan: {wrong}")
        made = make_plan(account, account.listings, settings, scope, exchange.pace)
    finally:
        await exchange.aclose()
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
