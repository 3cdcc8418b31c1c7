"""The table, for people and for programs."""

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from bench.figures import Figure
from bench.machine import Machine

_HEADINGS = ("figure", "unit", "runs", "value", "p95", "min … max", "goal", "met", "times Flatguard's")
_TEXT_COLUMNS = 2
_NONE = ""


class Section(Struct, frozen=True, kw_only=True):
    """Figures that belong together."""

    title: str
    figures: tuple[Figure, ...]


class Report(Struct, frozen=True, kw_only=True):
    """Everything that one call measured."""

    machine: Machine
    sections: tuple[Section, ...]


def as_markdown(report: Report) -> str:
    """One table with the machine above it. Columns line up, so that it can be read as it is."""
    rows: list[tuple[str, ...]] = []
    for section in report.sections:
        rows.append((f"**{section.title}**", *[_NONE] * (len(_HEADINGS) - 1)))
        rows += [_row(figure) for figure in section.figures]
    widths = [max(len(row[column]) for row in [_HEADINGS, *rows]) for column in range(len(_HEADINGS))]
    rule = [("-" * width if at < _TEXT_COLUMNS else "-" * (width - 1) + ":") for at, width in enumerate(widths)]
    lines = [_line(_HEADINGS, widths), _line(rule, widths), *(_line(row, widths) for row in rows)]
    return f"{_about(report.machine)}\n\n" + "\n".join(lines) + "\n"


def write(report: Report, directory: Path) -> tuple[Path, ...]:
    """Write the table and every sample; a machine has one result, the newest. Returns the files."""
    name = re.sub(r"[^a-z0-9]+", "-", f"{report.machine.cpu} {report.machine.cores} cores".lower()).strip("-")
    directory.mkdir(parents=True, exist_ok=True)
    table, samples = directory / f"{name}.md", directory / f"{name}.json"
    table.write_text(f"# Measured\n\n{as_markdown(report)}", encoding="utf-8")
    samples.write_bytes(_encode(report))
    return table, samples


def _encode(report: Report) -> bytes:
    """Every sample with three decimals: more is noise."""
    rounded = msgspec.structs.replace(report, sections=tuple(map(_rounded, report.sections)))
    return msgspec.json.format(msgspec.json.encode(rounded), indent=1) + b"\n"


def _rounded(section: Section) -> Section:
    def three(samples: Sequence[float]) -> tuple[float, ...]:
        return tuple(round(sample, 3) for sample in samples)

    figures = (
        msgspec.structs.replace(figure, samples=three(figure.samples), ratios=three(figure.ratios))
        for figure in section.figures
    )
    return msgspec.structs.replace(section, figures=tuple(figures))


def _about(machine: Machine) -> str:
    return (
        f"{machine.cpu}, {machine.cores} cores; {machine.kernel}; {machine.python}; Redis {machine.redis}, appendonly "
        f"yes, appendfsync always; Flatguard {machine.flatguard}; others used {machine.others_percent} % of the "
        "processors meanwhile.\nA value is the median of its runs unless its name says otherwise; the last column is "
        "the median of the ratios, run by run."
    )


def _row(figure: Figure) -> tuple[str, ...]:
    goal = figure.goal
    return (
        figure.name,
        figure.unit,
        str(len(figure.samples)),
        _number(figure.value),
        _NONE if figure.p95 is None else _number(figure.p95),
        f"{_number(min(figure.samples))} … {_number(max(figure.samples))}",
        _NONE if goal is None else f"{goal.bound} {_number(goal.value)}",
        {None: _NONE, True: "yes", False: "NO"}[figure.met],
        _NONE if figure.ratio is None else _number(figure.ratio),
    )


def _number(value: float) -> str:
    """Three significant digits, thousands as they are."""
    size = abs(value)
    places = 0 if size >= 100 else 1 if size >= 10 else 2  # noqa: PLR2004 - three digits
    return f"{value:,.{places}f}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell.ljust(width) if at < _TEXT_COLUMNS else cell.rjust(width)
        for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return f"| {' | '.join(padded)} |"
