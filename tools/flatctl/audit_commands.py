"""`flatctl audit verify`: whether the record is whole and unchanged, and whether what it shows is as it must be."""

from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct

from authority.operators import OperatorsSeen
from authority.operators_file import read as read_operators
from contracts.chain import read_head
from evidence.findings import Finding, Standing, Verdict
from evidence.history import Frame
from evidence.links import CarriedOut
from evidence.verification import Verification, verify
from flatctl import exits
from flatctl.exits import CommandFailed
from flatctl.exporting import read_export
from flatctl.options import AsJson
from flatctl.recording import read_history
from flatctl.screen import Screen
from flatctl.session import Session, run
from flatctl.views import BAD, WARNING

audit = typer.Typer(no_args_is_help=True, help="The record: whether it is whole, and what it proves.")
FromFile = Annotated[
    Path | None, typer.Option("--file", help="Look at this export instead of Redis, which is not asked then.")
]
Heads = Annotated[
    list[str] | None,
    typer.Option(
        "--head", help="A head of the chain that you noted, from a verdict, a log or an export, e.g. 17:2fd4…"
    ),
]
_WORDS = {Standing.HOLDS: "ok", Standing.BROKEN: "BROKEN", Standing.CANNOT_BE_SHOWN: "unknown"}


class Audit(Struct, frozen=True, kw_only=True):
    """`audit verify --json`."""

    standing: Standing
    source: str
    """`redis`, or the file."""
    namespace: str
    environment: str
    account: str
    since_ms: int | None
    until_ms: int | None
    chain_first: int
    chain_last: int
    chain_head: str
    unchained: int
    """Entries of an older version, before the chain began."""
    file: tuple[Finding, ...]
    """What is wrong with the export itself."""
    checks: tuple[Verdict, ...]


@audit.command("verify")
def audit_verify(file: FromFile = None, *, heads: Heads = None, as_json: AsJson = False) -> int:
    """Find what is missing, changed or out of order in the record, and what it shows that must never be.

    Exit code 0: everything holds. 2: something is wrong; the entry is named. 4: something cannot be shown.
    """
    known = tuple(map(carried_out, heads or ()))
    return run(lambda session: _verify(session, file, known), as_json=as_json)


def carried_out(head: str) -> CarriedOut:
    """A head as somebody noted it. Raises CommandFailed when it is none."""
    read = read_head(head.strip())
    if read is None:
        raise CommandFailed(f"--head {head[:80]!r} is no head of a chain: it is a number, a colon and 40 hex digits")
    return CarriedOut(head=read, where="--head")


def show_checks(screen: Screen, checks: tuple[Verdict, ...]) -> None:
    """What held, and below it each finding."""
    rows = [(_WORDS[each.standing], each.name, each.rule, str(each.looked_at)) for each in checks]
    screen.table(("", "check", "what must hold", "looked at"), rows, numeric=frozenset({"looked at"}))
    for check in checks:
        for finding in check.findings:
            word = _WORDS[Standing.BROKEN if finding.certain else Standing.CANNOT_BE_SHOWN]
            screen.line(f"{word} {check.name}: {told(finding)}", style=BAD if finding.certain else WARNING)


def told(finding: Finding) -> str:
    """In one line, with the entry that it is about."""
    where = " ".join(filter(None, (finding.stream, finding.entry_id)))
    return f"{where}: {finding.what}" if where else finding.what


async def _verify(session: Session, file: Path | None, known: tuple[CarriedOut, ...]) -> int:
    operators = read_operators(session.settings.operators_file)
    if operators.problem:
        raise CommandFailed(f"no signature can be verified: {operators.problem}")
    if file is not None:
        archive = read_export(file)
        history, wrong = archive.history, archive.findings
    else:
        with session.screen.busy("reading the record"):
            history, wrong = await read_history(session.redis, session.settings), ()
    found = verify(history, operators=operators.operators, carried_out=known)
    report = _report(str(file) if file else "redis", history.frame, found, wrong)
    session.screen.json(report)
    _show(session.screen, report, operators)
    if report.standing is Standing.BROKEN:
        names = [*(["the file"] if wrong else []), *_names(found, Standing.BROKEN)]
        raise CommandFailed(f"SOMETHING IS WRONG with the record: {', '.join(names)}", exits.FOUND)
    if report.standing is Standing.CANNOT_BE_SHOWN:
        names = _names(found, Standing.CANNOT_BE_SHOWN)
        raise CommandFailed(f"not everything can be shown: {', '.join(names)}", exits.UNKNOWN)
    return exits.OK


def _report(source: str, frame: Frame, found: Verification, wrong: tuple[Finding, ...]) -> Audit:
    return Audit(
        standing=Standing.BROKEN if wrong else found.standing,
        source=source,
        namespace=frame.namespace,
        environment=frame.environment,
        account=frame.account,
        since_ms=frame.since_ms,
        until_ms=frame.until_ms,
        chain_first=found.chain.first,
        chain_last=found.chain.last,
        chain_head=found.chain.head,
        unchained=found.chain.unchained,
        file=wrong,
        checks=found.verdicts,
    )


def _show(screen: Screen, report: Audit, operators: OperatorsSeen) -> None:
    screen.line(
        f"environment {report.environment.upper()}   account {report.account}   namespace {report.namespace}   "
        f"from {report.source}",
        style="bold",
    )
    for finding in report.file:
        screen.line(f"BROKEN file: {told(finding)}", style=BAD)
    show_checks(screen, report.checks)
    if report.unchained:
        screen.line(f"{report.unchained} audit entries are older than the chain: nothing proves that none is missing")
    if not operators.configured:
        screen.line("signatures were not verified: OPERATORS_FILE is not set")
    if report.chain_last:
        screen.line(f"the chain: entries {report.chain_first} to {report.chain_last}, head {report.chain_head}")
    else:
        screen.line("the chain: no entry yet")


def _names(found: Verification, standing: Standing) -> list[str]:
    return [each.name for each in found.verdicts if each.standing is standing]
