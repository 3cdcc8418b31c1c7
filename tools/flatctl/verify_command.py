"""`flatctl verify`: what is open now, by the exchange itself, whatever anybody else says."""

from msgspec.structs import replace

from contracts.arming import Scope
from flatctl import exits
from flatctl.asking import opened
from flatctl.exits import CommandFailed
from flatctl.options import AsJson, Symbols
from flatctl.scope import scope_of, unlisted
from flatctl.session import Session, run


def verify(
    *,
    symbols: Symbols = None,
    as_json: AsJson = False,
) -> int:
    """Is the account flat? Reads the exchange anew, and tells where the last run, the oracle or a cache differ.

    Exit code 0: flat, dust aside. 2: open, or a waiting order may open something. 4: nobody can say.
    """
    scope = scope_of(symbols)
    return run(lambda session: show(session, scope), as_json=as_json)


async def show(session: Session, scope: Scope) -> int:
    """Read the exchange, compare, and say what is so."""
    # Importing the exchange library costs more than everything else together: only who needs it pays.
    from exchange.factory import open_account_reader  # noqa: PLC0415
    from flatctl.account import read_account  # noqa: PLC0415
    from flatctl.verify_views import show_verification  # noqa: PLC0415
    from flatctl.verifying import compared, verification  # noqa: PLC0415

    screen, settings = session.screen, session.settings
    screen.line(settings.banner, style="bold")
    exchange, where = opened(open_account_reader, settings)
    try:
        with screen.busy(f"reading {where}: waiting orders first, then every position"):
            account = await read_account(exchange, where, in_order=True)
    finally:
        await exchange.aclose()
    if account.listings is not None and (wrong := unlisted(scope.symbols, account.listings.symbols)):
        raise CommandFailed(f"not verified: {wrong}")
    found, shown = verification(account, settings, scope)
    with screen.busy("asking Redis what the last run, the oracle and caches say"):
        found = replace(found, compared=await compared(session, shown, account.listings, scope))
    screen.json(found)
    show_verification(screen, found)
    if found.code == exits.UNKNOWN:
        raise CommandFailed("; ".join(found.doubts), exits.UNKNOWN)
    return found.code
