"""`flatctl doctor` on the screen."""

from typing import Annotated

import typer
from msgspec import Struct

from flatctl import exits
from flatctl.doctor.examine import Area, examine
from flatctl.doctor.finding import Finding, Grade, code_of
from flatctl.exits import CommandFailed
from flatctl.options import AsJson
from flatctl.screen import Screen
from flatctl.session import Session, run
from flatctl.views import BAD, WARNING

Areas = Annotated[
    list[Area] | None,
    typer.Argument(metavar="AREA", help=f"Look only at these: {', '.join(Area)}. Default: all of them."),
]
_WORST_FIRST = (Grade.FAILED, Grade.UNKNOWN, Grade.WARNING, Grade.OK)


class Examined(Struct, frozen=True, kw_only=True):
    """`doctor --json`."""

    fit: bool | None
    """Nothing when something that decides could not be seen."""
    findings: tuple[Finding, ...]


def doctor(areas: Areas = None, *, as_json: AsJson = False) -> int:
    """Look whether a flatten would work here, and whether the key could do harm. Changes nothing.

    Exit codes: 0 fit, whatever the warnings; 3 a check failed; 4 something that decides could not be seen.
    """
    return run(lambda session: _doctor(session, tuple(areas or ())), as_json=as_json)


async def _doctor(session: Session, areas: tuple[Area, ...]) -> int:
    screen = session.screen
    screen.line(session.settings.banner, style="bold")
    findings = await examine(session, areas)
    code = code_of(findings)
    screen.json(Examined(fit={exits.OK: True, exits.REFUSED: False}.get(code), findings=findings))
    _show(screen, findings)
    if code == exits.REFUSED:
        raise CommandFailed(f"NOT FIT: {_names(findings, Grade.FAILED)} failed", code)
    if code == exits.UNKNOWN:
        raise CommandFailed(f"nobody can say whether it is fit: {_names(findings, Grade.UNKNOWN)} unknown", code)
    return code


def _show(screen: Screen, findings: tuple[Finding, ...]) -> None:
    sorted_ones = sorted(findings, key=lambda found: _WORST_FIRST.index(found.grade))
    rows = [(_word(found.grade), found.check, found.observed, found.required) for found in sorted_ones]
    screen.table(("", "check", "observed", "required"), rows, numeric=frozenset())
    for found in sorted_ones:
        if found.do and found.grade is not Grade.OK:
            screen.line(f"{found.check}: {found.do}", style=BAD if found.grade is Grade.FAILED else WARNING)
    counts = [f"{sum(found.grade is grade for found in findings)} {grade}" for grade in reversed(_WORST_FIRST)]
    screen.line(f"doctor: {', '.join(counts)}", style="bold")


def _word(grade: Grade) -> str:
    return str(grade) if grade is Grade.OK else str(grade).upper()


def _names(findings: tuple[Finding, ...], grade: Grade) -> str:
    return ", ".join(found.check for found in findings if found.grade is grade)
