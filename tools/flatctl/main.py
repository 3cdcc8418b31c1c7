"""`flatctl`: what an operator types. Options and confirmation; the work is in `flatctl.commands`."""

import getpass
import os
import re
import secrets
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated

import typer
from typer.exceptions import TyperException

from contracts.arming import Scope
from flatctl import commands, exits
from flatctl.arming import Intent
from flatctl.dead_commands import dead
from flatctl.doctor.command import doctor
from flatctl.exits import CommandFailed
from flatctl.past_commands import history
from flatctl.session import Session, run
from runtime.app import software_version
from runtime.telemetry import telemetry_problems

_ARM_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help=(
        "Close every open futures position of one account, once, and see what is still open.\n\n"
        "In an emergency: flatctl ess activate, then flatctl arm --wait.\n\n"
        "Exit codes: 0 done, or flat (dust aside). 1 error. 2 something is still open, or a waiting order may open it "
        "again. 3 not done: refused, not confirmed, taken back, too late, or nothing to abort. 4 nobody can say: "
        "aborted, timed out, an order lost, or not read in full. 130 Ctrl-C.\n\n"
        "Options follow the command: flatctl status --json. Reads the same environment variables as the services."
    ),
)
ess = typer.Typer(no_args_is_help=True, help="The emergency stop: set means that trading is stopped.")
app.add_typer(ess, name="ess")
app.add_typer(dead, name="dead")
app.command()(history)
app.command()(doctor)


def _tell_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if wanted:
        sys.stdout.write(f"flatctl {software_version()}\n")
        raise typer.Exit


@app.callback()
def _options(
    *,
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_tell_version, help="Show the version and exit.")
    ] = False,
) -> None:
    """What stands before a command: it says all by itself."""


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; goes on record.")]
Operator = Annotated[str, typer.Option("--operator", help="Who you are; goes on record. Default: your login name.")]
Within = Annotated[float, typer.Option("--timeout", min=1, max=86_400, help="Give up after so many seconds.")]


def main() -> None:
    """Console entry point. Ends with one of the exit codes of `flatctl.exits`; errors are one line on stderr."""
    for problem in telemetry_problems(os.environ):
        sys.stderr.write(f"flatctl: {problem}; going on without traces\n")
    try:
        code = app(prog_name="flatctl", standalone_mode=False)
    except (TyperException, CommandFailed) as error:
        text = _usage(error) if isinstance(error, TyperException) else " ".join(str(error).split())
        if text:  # the help that is shown without a command says it all
            sys.stderr.write(f"flatctl: {text}\n")
        code = error.code if isinstance(error, CommandFailed) else exits.ERROR
    except (typer.Abort, KeyboardInterrupt):
        sys.stderr.write("flatctl: stopped\n")
        code = exits.INTERRUPTED
    sys.exit(code if isinstance(code, int) else exits.OK)


def _usage(error: TyperException) -> str:
    """What is wrong with the command line. `flatctl --json status` is told where options stand."""
    text = " ".join(error.format_message().split())
    if sys.argv[1:] and sys.argv[1].startswith("-"):
        return f"{text.partition(' (')[0]}; options follow the command, as in flatctl status --json"
    return text


@ess.command("status")
def ess_status(*, as_json: AsJson = False) -> int:
    """Show whether the latch is set, and where it is."""
    return run(commands.ess_status, as_json=as_json)


@ess.command("activate")
def ess_activate(*, reason: Reason = "", operator: Operator = "", as_json: AsJson = False) -> int:
    """Set the latch: trading stops, and a flatten may run."""
    who = _operator(operator)
    return run(lambda session: commands.ess_activate(session, who, reason), as_json=as_json)


@ess.command("deactivate")
def ess_deactivate(*, yes: Yes = False, as_json: AsJson = False) -> int:
    """Clear the latch: trading may go on. Asks for the account's name."""
    return _confirmed(_banner, "let trading go on", commands.ess_deactivate, yes=yes, as_json=as_json)


@app.command()
def arm(  # noqa: PLR0913 - one parameter for each option
    *,
    reason: Reason = "",
    operator: Operator = "",
    symbols: Annotated[
        str, typer.Option("--symbols", help="Only these, e.g. ETHUSDT,BTCUSDT. Default: the whole account.")
    ] = "",
    arm_id: Annotated[
        str, typer.Option("--arm-id", help="Your own name for this arm. The same name again is the same arm.")
    ] = "",
    yes: Yes = False,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Follow the run to its verdict.")] = False,
    timeout: Within = commands.RUN_WAIT_S,
    as_json: AsJson = False,
) -> int:
    """Arm ONE flatten: it closes everything that is open. Asks for the account's name.

    The arm expires after a minute and is used up by the first decision, accepted or refused.
    """
    scope, chosen, who = _scope(symbols), _arm_id(arm_id), _operator(operator)

    def intent(session: Session) -> Intent:
        settings = session.settings
        return Intent(
            arm_id=chosen,
            operator=who,
            reason=reason,
            environment=settings.exchange_env,
            account=settings.account,
            scope=scope,
        )

    return _confirmed(
        lambda session: commands.announce_arm(session, intent(session)),
        "flatten it",
        lambda session: commands.arm_and_follow(session, intent(session), wait=wait, within_s=timeout),
        yes=yes,
        as_json=as_json,
    )


@app.command()
def disarm(
    arm_id: Annotated[str, typer.Argument(help="The arm. Default: the one that is armed.")] = "",
    *,
    reason: Reason = "",
    operator: Operator = "",
    as_json: AsJson = False,
) -> int:
    """Take an arm back before it is judged."""
    chosen, who = _arm_id(arm_id) if arm_id else None, _operator(operator)

    def take_back(session: Session) -> Awaitable[int]:
        settings = session.settings
        intent = Intent(
            arm_id="", operator=who, reason=reason, environment=settings.exchange_env, account=settings.account
        )
        return commands.take_back(session, chosen, intent)

    return run(take_back, as_json=as_json)


@app.command()
def abort(
    request_id: Annotated[str, typer.Argument(help="The run. Default: the one in flight.")] = "",
    *,
    reason: Reason = "",
    operator: Operator = "",
    yes: Yes = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Follow the run to its verdict.")] = True,
    timeout: Within = commands.RUN_WAIT_S,
    as_json: AsJson = False,
) -> int:
    """Stop a run: nothing more is sent, and what is open STAYS OPEN. Asks for the account's name."""
    who, wanted = _operator(operator), request_id or None

    def stop(session: Session) -> Awaitable[int]:
        settings = session.settings
        intent = Intent(
            arm_id="", operator=who, reason=reason, environment=settings.exchange_env, account=settings.account
        )
        return commands.abort_and_follow(session, wanted, intent, wait=wait, within_s=timeout)

    return _confirmed(
        lambda session: commands.announce_abort(session, wanted), "stop its run", stop, yes=yes, as_json=as_json
    )


@app.command()
def status(*, as_json: AsJson = False) -> int:
    """Every gate as it stands, latch, arm, run in flight, newest reading, last verdict, and who keeps up."""
    return run(commands.status, as_json=as_json)


@app.command()
def watch(
    request_id: Annotated[str, typer.Argument(help="The run. Default: the one in flight, else the last.")] = "",
    *,
    timeout: Within = commands.RUN_WAIT_S,
    as_json: AsJson = False,
) -> int:
    """Follow a run to its verdict and say what is still open. --json prints one event a line."""
    return run(lambda session: commands.watch_run(session, request_id or None, timeout), as_json=as_json)


@app.command()
def positions(*, as_json: AsJson = False) -> int:
    """Read the exchange itself: every open position, its notional, and the total."""
    return run(commands.positions, as_json=as_json)


def _confirmed(
    announce: Callable[[Session], Awaitable[int]],
    purpose: str,
    act: Callable[[Session], Awaitable[int]],
    *,
    yes: bool,
    as_json: bool,
) -> int:
    """Say what would happen, have the account's name typed, then do it. Asking happens outside of the event loop."""
    accounts: list[str] = []

    async def announced(session: Session) -> int:
        accounts.append(session.settings.account)
        return await announce(session)

    code = run(announced, as_json=as_json)
    if code != exits.OK:
        return code
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


async def _banner(session: Session) -> int:
    session.screen.line(session.settings.banner, style="bold")
    return exits.OK


def _scope(symbols: str) -> Scope:
    names = [name.strip().upper() for name in symbols.split(",")] if symbols else []
    if "" in names:
        raise CommandFailed(f"--symbols {symbols!r}: an empty name; write e.g. ETHUSDT,BTCUSDT")
    return Scope(symbols=tuple(dict.fromkeys(names)))


def _arm_id(given: str) -> str:
    if not given:
        return f"arm-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
    if not _ARM_ID.fullmatch(given):
        raise CommandFailed(f"arm id {given!r}: up to 100 letters, digits, dots, colons, dashes, underscores")
    return given


def _operator(given: str) -> str:
    if given:
        return given
    try:
        return getpass.getuser()
    except (OSError, KeyError) as error:
        raise CommandFailed("who are you? This machine has no login name for you: pass --operator NAME") from error


if __name__ == "__main__":
    main()
