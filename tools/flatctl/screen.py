"""Where output goes: rich in a terminal, plain text in a pipe, JSON where asked. Survives a reader that went away."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from contracts.codec import to_json
from flatctl.waiting import Waiting
from runtime.redaction import Redactor

PIPE_COLUMNS = 1_000
"""Wide enough that a fact stays on its line where nobody looks at a terminal."""


class Screen:
    """Output of one command. Everything that is shown passes through `clean`: no secret, no control character."""

    def __init__(self, redactor: Redactor, *, as_json: bool = False) -> None:
        self._redactor = redactor
        self.as_json = as_json
        if sys.stdout is None:
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - stdout stays open
        terminal = sys.stdout.isatty()
        width = None if terminal or os.environ.get("COLUMNS") else PIPE_COLUMNS
        self._console = _Console(markup=False, highlight=False, emoji=False, width=width)
        self._waiting: Waiting | None = None
        self._errors = _Console(stderr=True, markup=False, highlight=False, emoji=False, soft_wrap=True)

    @property
    def live(self) -> bool:
        """Whether a changing picture makes sense: a terminal, and no JSON."""
        return self._console.is_terminal and not self._console.is_dumb_terminal and not self.as_json

    @property
    def height(self) -> int:
        """Rows of the terminal."""
        return self._console.height

    def clean(self, text: str) -> str:
        """`text` without secrets, and with control characters made visible: they come from other people's data."""
        masked = self._redactor.text(text)
        return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in masked)

    def line(self, text: str = "", style: str = "") -> None:
        """One line for people; nothing in JSON mode."""
        if not self.as_json:
            self._print(Text(self.clean(text), style=style))

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], *, numeric: frozenset[str]) -> None:
        """A table for people; columns named in `numeric` stand to the right. Nothing in JSON mode."""
        if not self.as_json:
            self._print(self.build_table(columns, rows, numeric=numeric))

    def build_table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], *, numeric: frozenset[str]) -> Table:
        """The same as a renderable."""
        table = Table(box=None, pad_edge=False, header_style="bold", show_header=any(columns))
        for name in columns:
            table.add_column(name, justify="right" if name in numeric else "left", overflow="fold")
        for row in rows:
            table.add_row(*(Text(self.clean(cell)) for cell in row))
        return table

    def json(self, value: object) -> None:
        """One JSON document on one line, in JSON mode only. Credentials are never part of what is given here."""
        if self.as_json:
            self._write(self._redactor.text(to_json(value)))

    def error(self, text: str) -> None:
        """One line on stderr."""
        try:
            self._errors.print(Text(self.clean(f"flatctl: {text}")), soft_wrap=True)
        except BrokenPipeError:
            mute(2)

    @contextmanager
    def busy(self, text: str) -> Iterator[Waiting]:
        """A sign of life on stderr while something takes its time: in a terminal alone, and never with --json."""
        shown = self._errors.is_terminal and not self._errors.is_dumb_terminal and not self.as_json
        with Waiting(self._errors if shown else None, self.clean, text) as waiting:
            self._waiting = waiting
            try:
                yield waiting
            finally:
                self._waiting = None

    def picture(self) -> Live:
        """A region of the terminal that changes in place."""
        return Live(console=self._console, auto_refresh=False, vertical_overflow="crop")

    def _print(self, what: Text | Table) -> None:
        with self._waiting.aside() if self._waiting else nullcontext():
            self._print_at_once(what)

    def _print_at_once(self, what: Text | Table) -> None:
        try:
            if self._console.is_terminal:
                self._console.print(what)
            else:
                self._console.file.write(self._unpadded(what))
            self._console.file.flush()
        except BrokenPipeError:
            mute(1)

    def _unpadded(self, what: Text | Table) -> str:
        """As text, without the blanks that fill a table's last column."""
        with self._console.capture() as captured:
            self._console.print(what, soft_wrap=isinstance(what, Text))
        return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())

    def _write(self, text: str) -> None:
        try:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
        except BrokenPipeError:
            mute(1)


class _Console(Console):
    """rich's console, but a reader that went away does not end the command."""

    def on_broken_pipe(self) -> None:
        """What was begun goes on, unseen, and the exit code still tells how it ended."""
        mute(2 if self.stderr else 1)


def mute(descriptor: int) -> None:
    """Send what is written to it nowhere."""
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, descriptor)
    os.close(sink)
