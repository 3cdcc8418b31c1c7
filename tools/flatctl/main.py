"""`flatctl`: what an operator types. Options and confirmation; the work is in `flatctl.commands`."""

import os
import sys
from collections.abc import Awaitable
from typing import Annotated

import typer
from typer.exceptions import TyperException

from flatctl import arm_commands, commands, exits
from flatctl.approving import Waiting, announce_approval, approve_and_follow, approver
from flatctl.arm_plan import Basis, show_basis
from flatctl.arming import Intent
from flatctl.audit_commands import audit
from flatctl.confirming import banner, confirmed
from flatctl.dead_commands import dead
from flatctl.doctor.command import doctor
from flatctl.drilling.command import drill
from flatctl.exits import CommandFailed
from flatctl.exporting import export
from flatctl.key_commands import keys
from flatctl.options import AsJson, Operator, Reason, Symbols, Within, Yes, arm_id_of, operator_of
from flatctl.past_commands import history
from flatctl.plan_command import plan
from flatctl.report_command import report
from flatctl.scope import scope_of
from flatctl.session import Session, load_settings, run
from flatctl.signing import ARM_LIFETIME_MAX_S, Identity, identify, lifetime_s
from flatctl.verify_command import verify
from runtime.app import software_version
from runtime.errors import SettingsError
from runtime.telemetry import telemetry_problems

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help=(
        "Close every open futures position of one account, once, and see what is still open.\n\n"
        "In an emergency: flatctl ess activate, then flatctl arm --wait.\n\n"
        "Exit codes: 0 done, or flat (dust aside). 1 error. 2 something is still open, or a waiting order may open it "
        "again; of the record: something is wrong with it. 3 not done: refused, not confirmed, taken back, too late, "
        "or nothing to abort. 4 nobody can say: aborted, timed out, an order lost, or not read in full. 130 Ctrl-C.\n\n"
        "Options follow the command: flatctl status --json. Reads the same environment variables as the services."
    ),
)
ess = typer.Typer(no_args_is_help=True, help="The emergency stop: set means that trading is stopped.")
app.add_typer(ess, name="ess")
app.add_typer(keys, name="keys")
app.command()(plan)
app.command()(verify)
app.add_typer(dead, name="dead")
app.add_typer(audit, name="audit")
app.command()(export)
app.command()(report)
app.command()(history)
app.command()(doctor)
app.command()(drill)


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


def main() -> None:
    """Console entry point. Ends with one of the exit codes of `flatctl.exits`; errors are one line on stderr."""
    for problem in telemetry_problems(os.environ):
        sys.stderr.write(f"flatctl: {problem}; going on without traces\n")
    try:
        code = app(prog_name="flatctl", standalone_mode=False)
    except SettingsError as error:
        sys.stderr.writelines(f"flatctl: {line}\n" for line in error.lines)
        code = exits.ERROR
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
    """What is wrong with the command line, and who knows more. `flatctl --json status` is told where options stand."""
    text = " ".join(error.format_message().split()).replace("Value error, ", "")
    if sys.argv[1:] and sys.argv[1].startswith("-"):
        return f"{text.partition(' (')[0]}; options follow the command, as in flatctl status --json"
    context = getattr(error, "ctx", None)
    if not text or context is None:
        return text
    where = f"see {context.command_path} --help"
    return f"{text} {where.capitalize()}" if text.endswith("?") else f"{text.rstrip('.')}; {where}"


@ess.command("status")
def ess_status(*, as_json: AsJson = False) -> int:
    """Show whether the latch is set, and where it is."""
    return run(commands.ess_status, as_json=as_json)


@ess.command("activate")
def ess_activate(*, reason: Reason = "", operator: Operator = "", as_json: AsJson = False) -> int:
    """Set the latch: trading stops, and a flatten may run."""
    who = operator_of(operator)
    return run(lambda session: commands.ess_activate(session, who, reason), as_json=as_json)


@ess.command("deactivate")
def ess_deactivate(*, yes: Yes = False, as_json: AsJson = False) -> int:
    """Clear the latch: trading may go on. Asks for the account's name."""
    return confirmed(banner, "let trading go on", commands.ess_deactivate, yes=yes, as_json=as_json)


@app.command()
def arm(  # noqa: PLR0913 - one parameter for each option
    *,
    reason: Reason = "",
    operator: Operator = "",
    symbols: Symbols = None,
    arm_id: Annotated[
        str, typer.Option("--arm-id", help="Your own name for this arm. The same name again is the same arm.")
    ] = "",
    plan_file: Annotated[
        str,
        typer.Option(
            "--plan", help="A plan of flatctl plan --save, at most five minutes old; its hash goes on record."
        ),
    ] = "",
    expires_in: Annotated[
        int | None,
        typer.Option(
            "--expires-in",
            min=1,
            max=ARM_LIFETIME_MAX_S,
            help="How many seconds the arm lives. Default: 60; 300 where more than one person has to sign.",
        ),
    ] = None,
    yes: Yes = False,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Follow the run to its verdict.")] = False,
    timeout: Within = commands.RUN_WAIT_S,
    as_json: AsJson = False,
) -> int:
    """Arm ONE flatten: it closes everything that is open. Asks for the account's name and the notional.

    The notional is that of --plan, else of the exchange now. Where nobody can be asked, the account's name is enough.
    The arm expires after a minute, or five where more than one has to sign, and is used up by the first decision,
    accepted or refused.
    """
    scope, chosen = scope_of(symbols), arm_id_of(arm_id)
    who: list[Identity] = []
    shown: list[Basis] = []

    def intent(session: Session) -> Intent:
        settings = session.settings
        return Intent(
            arm_id=chosen,
            operator=who[0].operator if who else operator,
            signer=who[0].signer if who else None,
            reason=reason,
            environment=settings.exchange_env,
            account=settings.account,
            scope=scope,
            plan_hash=shown[0].plan_hash if shown else "",
            lifetime_s=lifetime_s(settings, expires_in),
        )

    async def announce(session: Session) -> int:
        code = await arm_commands.announce_arm(session, intent(session))
        shown.append(await show_basis(session, scope, plan_file, asked=not yes))
        return code

    async def act(session: Session) -> int:
        shown[0].require_fresh(session.clock.now_ms())  # a prompt may stand all night
        return await arm_commands.arm_and_follow(session, intent(session), wait=wait, within_s=timeout)

    return confirmed(
        announce,
        "flatten it",
        act,
        yes=yes,
        as_json=as_json,
        before=lambda: who.append(identify(load_settings(), operator)),
        notional=lambda: shown[0].notional,
    )


@app.command()
def approve(
    arm_id: Annotated[str, typer.Argument(help="The arm. Default: the one that is armed.")] = "",
    *,
    operator: Operator = "",
    yes: Yes = False,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Follow the run to its verdict.")] = False,
    timeout: Within = commands.RUN_WAIT_S,
    as_json: AsJson = False,
) -> int:
    """Add your signature to ANOTHER person's arm: it closes everything that is open. Asks for the account's name.

    Shows who armed, why, what it covers and how long it lives. What you sign is exactly that.
    """
    wanted = arm_id_of(arm_id) if arm_id else None
    shown: list[Waiting] = []
    who: list[Identity] = []
    return confirmed(
        lambda session: announce_approval(session, wanted, shown),
        "approve the flatten",
        lambda session: approve_and_follow(session, shown[0], who[0], wait=wait, within_s=timeout),
        yes=yes,
        as_json=as_json,
        before=lambda: who.append(approver(load_settings(), shown[0], operator)),
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
    chosen, who = arm_id_of(arm_id) if arm_id else None, operator_of(operator)

    def take_back(session: Session) -> Awaitable[int]:
        settings = session.settings
        intent = Intent(
            arm_id="", operator=who, reason=reason, environment=settings.exchange_env, account=settings.account
        )
        return arm_commands.take_back(session, chosen, intent)

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
    who, wanted = operator_of(operator), request_id or None

    def stop(session: Session) -> Awaitable[int]:
        settings = session.settings
        intent = Intent(
            arm_id="", operator=who, reason=reason, environment=settings.exchange_env, account=settings.account
        )
        return commands.abort_and_follow(session, wanted, intent, wait=wait, within_s=timeout)

    return confirmed(
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


if __name__ == "__main__":
    main()
