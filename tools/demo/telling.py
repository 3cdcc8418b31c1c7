"""What the demo prints: rich in a terminal, plain text in a pipe, nothing at all where nobody reads any more."""

import os
import sys
from collections.abc import Sequence
from decimal import Decimal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from evidence.three_ways import Finding

PIPE_COLUMNS = 100


class CannotTell(Exception):
    """What the demo prints goes nowhere, and nobody has asked for that: a full disk. The text is one clear line."""


class Teller:
    """Numbered steps, lines, tables and findings."""

    def __init__(self) -> None:
        if sys.stdout is None:
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - stdout stays open
        width = None if sys.stdout.isatty() or os.environ.get("COLUMNS") else PIPE_COLUMNS
        self._console = _Console(markup=False, highlight=False, emoji=False, width=width)
        self._step = 0

    def step(self, title: str) -> None:
        """The next part of the story."""
        self._step += 1
        self.line()
        self.line(f"{self._step}  {title}", "bold cyan")

    def line(self, text: str = "", style: str = "") -> None:
        """One line."""
        self._print(Text(text, style=style), soft_wrap=not self._console.is_terminal)

    def command(self, text: str, style: str = "") -> None:
        """One that people copy: never broken, however narrow the terminal."""
        self._print(Text(text, style=style), soft_wrap=True)

    def quote(self, head: str, text: str, style: str = "") -> None:
        """Something said elsewhere, after a heading."""
        self._hang(Text(head, style=style), Text(text, style=style))

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], *, numeric: frozenset[str]) -> None:
        """A table; columns named in `numeric` stand to the right."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in columns:
            table.add_column(name, justify="right" if name in numeric else "left", overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        self._print(table)

    def finding(self, finding: Finding) -> None:
        """A statement of the proof, with what it rests on."""
        word, style = ("PASS", "green") if finding.passed else ("FAIL", "bold red")
        self._hang(Text(f"   {word}  ", style=style), Text.assemble(f"{finding.claim}: ", (finding.found, "dim")))

    def _hang(self, head: Text, body: Text) -> None:
        """What does not fit in a terminal's line goes on below the body; a pipe gets one line."""
        if not self._console.is_terminal:
            self._print(Text.assemble(head, body), soft_wrap=True)
            return
        grid = Table.grid()
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        grid.add_row(head, body)
        self._print(grid)

    def _print(self, what: Text | Table, *, soft_wrap: bool = False) -> None:
        """At once: another process may write to the same place next. Raises CannotTell."""
        try:
            self._console.print(what, soft_wrap=soft_wrap)
            self._console.file.flush()
        except BrokenPipeError:
            self._console.on_broken_pipe()
        except OSError as error:
            self._console.on_broken_pipe()
            raise CannotTell(f"cannot write to stdout: {error.strerror or error}") from error


class _Console(Console):
    """rich's console, but a reader that went away does not end the demo: its exit code still tells how it ended."""

    def on_broken_pipe(self) -> None:
        """From here on everything goes nowhere."""
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, 1)
        os.close(sink)


def money(amount: Decimal | None) -> str:
    """US dollars with two digits."""
    return "unknown" if amount is None else f"${amount:,.2f}"
