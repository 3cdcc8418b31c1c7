"""What the demo prints can be read and copied, in a terminal and in a pipe."""

import io
import re
import sys

import pytest

from demo.telling import Teller
from evidence.three_ways import Finding

LONG = "flatctl arm --yes --wait --arm-id demo-540e20b5 --reason 'P2.9 breach, and a reason that takes its time'"
WORDS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"


class Paper(io.StringIO):
    """What was printed; a terminal or a pipe."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    @property
    def lines(self) -> list[str]:
        """Without colours and trailing blanks."""
        return [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in self.getvalue().splitlines()]


def printed_on(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> tuple[Teller, Paper]:
    paper = Paper(terminal=terminal)
    monkeypatch.setattr(sys, "stdout", paper)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm-256color")
    return Teller(), paper


@pytest.mark.parametrize("terminal", [True, False])
def test_a_command_is_never_broken(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> None:
    teller, paper = printed_on(monkeypatch, terminal=terminal)

    teller.command(LONG, "bold")

    assert paper.lines == [LONG]


def test_in_a_terminal_what_does_not_fit_goes_on_below_where_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    teller, paper = printed_on(monkeypatch, terminal=True)

    teller.finding(Finding(claim="it holds", passed=True, found=WORDS))
    teller.quote("   log:  ", WORDS)

    assert len(paper.lines) > 3
    assert max(map(len, paper.lines)) <= 60
    assert {line[:9] for line in paper.lines} == {"   PASS  ", " " * 9, "   log:  "}
    assert all(line[9] != " " for line in paper.lines)


def test_a_pipe_gets_one_line_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    teller, paper = printed_on(monkeypatch, terminal=False)

    teller.finding(Finding(claim="it holds", passed=True, found=WORDS))
    teller.quote("   log:  ", WORDS)

    assert paper.lines == [f"   PASS  it holds: {WORDS}", f"   log:  {WORDS}"]
