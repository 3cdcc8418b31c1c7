"""What the proof prints: PASS or FAIL for each step and each statement, the same without colour."""

import sys
from collections.abc import Sequence

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from proof.answers import Read, Status
from proof.operating import Command
from proof.steps import Step

PIPE_COLUMNS = 1_000


class Teller:
    """Lines for people, or one JSON document."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        width = None if sys.stdout.isatty() else PIPE_COLUMNS
        self._out = Console(markup=False, highlight=False, emoji=False, width=width)
        self._err = Console(stderr=True, markup=False, highlight=False, emoji=False, soft_wrap=True)

    def account(self, status: Status, reading: Read, flatctl: Command) -> None:
        """Whose positions are at stake."""
        self._line(
            f"environment {status.environment.upper()}   account {status.account}   namespace {status.namespace}",
            "bold",
        )
        self._line(f"by {flatctl}; open on the exchange: {len(reading.open)}, ${reading.notional_usd:,.2f}")

    def doing(self, what: str) -> None:
        """What happens now."""
        self._line(f"     … {what}", "dim")

    def steps(self, steps: Sequence[Step]) -> None:
        """Steps with everything that they rest on."""
        for step in steps:
            self._step(step)

    def _step(self, step: Step) -> None:
        word, style = ("PASS", "bold green") if step.passed else ("FAIL", "bold red")
        self._line(f"{word} {step.number:2}  {step.title}", style)
        for finding in step.findings:
            head = "         " if finding.passed else "    FAIL "
            self._hang(head, Text.assemble(f"{finding.claim}: ", (finding.found, "dim")))

    def end(self, steps: Sequence[Step]) -> None:
        """The last word."""
        failed = [step.number for step in steps if not step.passed]
        proved = not failed and bool(steps)
        if self._as_json:
            document = {"proved": proved, "failed": failed, "steps": steps}
            sys.stdout.write(msgspec.json.encode(document).decode() + "\n")
            sys.stdout.flush()
        elif proved:
            self._line(f"PROVED: all {len(steps)} steps hold.", "bold green")
        else:
            names = ", ".join(map(str, failed))
            self._line(f"NOT PROVED: {len(failed)} of {len(steps)} steps do not hold: {names}.", "bold red")

    def ask(self, text: str) -> None:
        """A question; the answer is read elsewhere."""
        self._err.print(Text(text, style="bold"), end="")

    def error(self, text: str) -> None:
        """One line on stderr."""
        self._err.print(Text(f"proof: {text}"))

    def _line(self, text: str, style: str = "") -> None:
        if not self._as_json:
            self._out.print(Text(text, style=style), soft_wrap=True)
            self._out.file.flush()

    def _hang(self, head: str, body: Text) -> None:
        if self._as_json:
            return
        grid = Table.grid()
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        grid.add_row(Text(head), body)
        if self._out.is_terminal:
            self._out.print(grid)
        else:
            self._out.print(Text.assemble(head, body), soft_wrap=True)
