"""`flatctl report`: one run as a page and a document that prove themselves; `--verify` looks at them again, offline."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct

from authority.operators import OperatorsSeen
from authority.operators_file import read as read_operators
from evidence.findings import Standing, Verdict
from evidence.history import History
from evidence.report.checking import Checked, check
from evidence.report.document import Document, NoReport, encode, make
from evidence.report.model import Alarm, Mark
from evidence.report.page import render
from evidence.report.selecting import STREAMS, NoSuchRun, last_run
from flatctl import exits
from flatctl.audit_commands import Heads, carried_out, show_checks, told
from flatctl.exits import CommandFailed
from flatctl.exporting import STDOUT, read_export
from flatctl.options import AsJson
from flatctl.reading import read_for_report
from flatctl.session import Session, run
from flatctl.views import BAD, WARNING
from runtime.app import software_version

FILE_MAX = 256 * 1024 * 1024
Request = Annotated[str, typer.Argument(help="The run, e.g. req-1f0c…; flatctl history has them.")]
Last = Annotated[bool, typer.Option("--last", help="The run that was decided last.")]
Verify = Annotated[
    Path | None,
    typer.Option(
        "--verify",
        metavar="FILE",
        help="Look at this report again, without Redis; - is stdin.",
    ),
]
FromFile = Annotated[
    Path | None, typer.Option("--file", help="Take the run from this export instead of Redis, which is not asked then.")
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="The page; the document goes beside it; - is stdout. Default: report-<request>.html.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace files that are there.")]


class Written(Struct, frozen=True, kw_only=True):
    """`report --json`."""

    page: str
    document: str
    request_id: str
    headline: str
    alarm: Alarm
    checklist: dict[str, Mark]
    record: Standing
    sha256: str
    chain_head: str


class Looked(Struct, frozen=True, kw_only=True):
    """`report --verify --json`."""

    standing: Standing
    file: str
    request_id: str
    headline: str
    """As the report says."""
    chain_head: str
    checks: tuple[Verdict, ...]


def report(  # noqa: PLR0913 - one parameter for each option
    request_id: Request = "",
    *,
    last: Last = False,
    verify: Verify = None,
    file: FromFile = None,
    out: Out = None,
    force: Force = False,
    heads: Heads = None,
    as_json: AsJson = False,
) -> int:
    """Write what the streams prove of one run: a page for people and a document for programs, each with its evidence.

    Exit code 0: written, or verified and everything agrees. 2: the record is not as it must be, or the report does not
    agree with it; what does not is named. 4, with --verify: something cannot be shown.
    """
    if verify is not None:
        if request_id or last or file or out or force:
            raise CommandFailed("--verify looks at a file that is there: give it nothing else but --head and --json")
        return run(lambda session: _verify(session, verify, heads or ()), as_json=as_json)
    if bool(request_id) is last:
        raise CommandFailed("which run? Give its request id, or --last; flatctl history has them")
    if heads:
        raise CommandFailed("--head goes with --verify")
    return run(lambda session: _report(session, request_id, file, out, force=force), as_json=as_json)


async def _report(session: Session, request_id: str, file: Path | None, out: Path | None, *, force: bool) -> int:
    screen, operators = session.screen, _operators(session)
    try:
        with screen.busy("reading the record"):
            history, made_at_ms, wanted = await _history(session, file, request_id)
        document = make(
            history,
            wanted,
            operators=operators.operators,
            made_at_ms=made_at_ms,
            software_version=software_version(),
        )
    except NoSuchRun as error:
        raise CommandFailed(f"{error}: flatctl history shows the runs", exits.ERROR) from error
    if out == STDOUT:
        sys.stdout.buffer.write(render(document))
        sys.stdout.buffer.flush()
        screen.error(f"{document.report.headline.text}; sha256 {document.sha256}")
        return _code(document)
    page = out or Path(f"report-{wanted}.html")
    beside = page.with_suffix(".json")
    write({page: render(document), beside: encode(document)}, force=force)
    done = _written(page, beside, document)
    screen.json(done)
    style = {Alarm.CALM: "bold", Alarm.UNSURE: WARNING, Alarm.OPEN: BAD}[done.alarm]
    screen.line(done.headline, style=style)
    for item in document.report.checklist:
        screen.line(f"{item.mark:<9} {item.name}: {item.why}", style="" if item.mark is Mark.PASS else WARNING)
    if done.record is not Standing.HOLDS:
        names = [each.name for each in document.report.record.checks if each.standing is done.record]
        screen.line(f"the record: {done.record} ({', '.join(names)}); flatctl audit verify says more", style=WARNING)
    if not operators.configured:
        screen.line("signatures were not verified: OPERATORS_FILE is not set")
    screen.line(f"written: {page} and {beside}, with {len(document.entries)} entries, sha256 {done.sha256}")
    return _code(document)


async def _history(session: Session, file: Path | None, request_id: str) -> tuple[History, int, str]:
    """The history, when it was taken, and the run that is wanted. A file that was changed makes no report."""
    if file is None:
        return await read_for_report(session.redis, session.settings, request_id)
    archive = read_export(file, STREAMS)
    if archive.findings:
        wrong = "; ".join(map(told, archive.findings[:3]))
        raise CommandFailed(f"{file} is not as it was written: {wrong}", exits.FOUND)
    return archive.history, archive.header.exported_at_ms, request_id or last_run(archive.history)


async def _verify(session: Session, file: Path, heads: Sequence[str]) -> int:
    operators = _operators(session)
    try:
        found = check(
            _read(file),
            software_version=software_version(),
            operators=operators.operators,
            carried_out=tuple(map(carried_out, heads)),
        )
    except NoReport as error:
        raise CommandFailed(f"{file} is not a report of flatctl: {error}") from error
    looked = _looked(file, found)
    session.screen.json(looked)
    session.screen.line(f"it says: {looked.headline}", style="bold")
    show_checks(session.screen, looked.checks)
    if not operators.configured:
        session.screen.line("signatures were verified by no operators' file: OPERATORS_FILE is not set")
    session.screen.line(f"the chain in it ends at {looked.chain_head or 'nothing: it has none'}")
    names = ", ".join(each.name for each in looked.checks if each.standing is looked.standing)
    if looked.standing is Standing.BROKEN:
        raise CommandFailed(
            f"THE REPORT IS NOT AS IT WAS WRITTEN, or its record is not as it must be: {names}", exits.FOUND
        )
    if looked.standing is Standing.CANNOT_BE_SHOWN:
        raise CommandFailed(f"not everything can be shown: {names}", exits.UNKNOWN)
    return exits.OK


def write(files: dict[Path, bytes], *, force: bool) -> None:
    """Each file whole, or not at all; none of them where one is there already. Raises CommandFailed."""
    for path in files:
        if path.exists() and not force:
            raise CommandFailed(f"{path} is there already: give another name with --out, or --force")
    for path, data in files.items():
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            with part.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            raise CommandFailed(f"{path} cannot be written: {error.strerror or error}") from error
        finally:
            with suppress(OSError):
                part.unlink()


def _code(document: Document) -> int:
    """Of a report that was written: a record that is not as it must be wants somebody to look."""
    return exits.FOUND if document.report.record.standing is Standing.BROKEN else exits.OK


def _operators(session: Session) -> OperatorsSeen:
    operators = read_operators(session.settings.operators_file)
    if operators.problem:
        raise CommandFailed(f"no signature can be verified: {operators.problem}")
    return operators


def _read(file: Path) -> bytes:
    try:
        with sys.stdin.buffer if file == STDOUT else file.open("rb") as opened:
            data = opened.read(FILE_MAX + 1)
    except OSError as error:
        raise CommandFailed(f"{file} cannot be read: {error.strerror or error}") from error
    if len(data) > FILE_MAX:
        raise CommandFailed(f"{file} is larger than any report")
    return data


def _written(page: Path, beside: Path, document: Document) -> Written:
    found = document.report
    return Written(
        page=str(page),
        document=str(beside),
        request_id=found.request_id,
        headline=found.headline.text,
        alarm=found.headline.alarm,
        checklist={item.name: item.mark for item in found.checklist},
        record=found.record.standing,
        sha256=document.sha256,
        chain_head=found.record.chain_head,
    )


def _looked(file: Path, found: Checked) -> Looked:
    return Looked(
        standing=found.standing,
        file=str(file),
        request_id=found.document.report.request_id,
        headline=found.document.report.headline.text,
        chain_head=found.document.report.record.chain_head,
        checks=found.verdicts,
    )
