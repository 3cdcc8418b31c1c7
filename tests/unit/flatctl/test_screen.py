"""What reaches the screen."""

from decimal import Decimal

import pytest

from flatctl import figures
from flatctl.screen import Screen
from runtime.redaction import Redactor


def a_screen(*secrets: str, as_json: bool = False) -> Screen:
    redactor = Redactor()
    for secret in secrets:
        redactor.add(secret)
    return Screen(redactor, as_json=as_json)


def test_control_characters_of_other_peoples_data_are_made_visible(capsys: pytest.CaptureFixture[str]) -> None:
    a_screen().line("reason: \x1b[2Jgone\x07 [bold]not markup[/bold]")

    assert capsys.readouterr().out == "reason: \\x1b[2Jgone\\x07 [bold]not markup[/bold]\n"


def test_no_secret_reaches_the_screen(capsys: pytest.CaptureFixture[str]) -> None:
    screen, loud = a_screen("hunter2secret"), a_screen("hunter2secret", as_json=True)
    screen.line("key hunter2secret")
    screen.table(("a",), [("hunter2secret",)], numeric=frozenset())
    screen.error("rejected hunter2secret")
    loud.json({"key": "hunter2secret"})

    said = capsys.readouterr()
    assert "hunter2secret" not in said.out + said.err
    assert said.out.count("***") == 3


def test_json_mode_prints_json_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    screen = a_screen(as_json=True)
    screen.line("for people")
    screen.table(("a",), [("b",)], numeric=frozenset())
    screen.json({"quantity": Decimal("9.10")})

    assert capsys.readouterr().out == '{"quantity":"9.10"}\n'


def test_a_long_line_is_not_wrapped_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    a_screen().line("x" * 500)

    assert capsys.readouterr().out == "x" * 500 + "\n"


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(0, "0 ms"), (999, "999 ms"), (1_000, "1.0 s"), (61_000, "1 min 1 s"), (7_260_000, "2 h 1 min"), (-5, "-5 ms")],
)
def test_durations_read_well(milliseconds: int, text: str) -> None:
    assert figures.span(milliseconds) == text


def test_quantities_never_show_an_exponent() -> None:
    assert figures.quantity(Decimal("1E+3")) == "1000"
    assert figures.quantity(Decimal("1e-8")) == "0.00000001"
    assert figures.quantity(None) == "unknown"


@pytest.mark.parametrize(
    ("unix_s", "text"),
    [
        ("1795785122", "2026-11-27 13:12:02 UTC"),
        ("1795785122.7", "2026-11-27 13:12:02 UTC"),
        ("253402300799", "9999-12-31 23:59:59 UTC"),
        ("999999999999", "999999999999"),
    ],
)
def test_a_time_of_another_program_is_shown_whatever_it_is(unix_s: str, text: str) -> None:
    assert figures.second(Decimal(unix_s)) == text


def test_a_table_in_a_pipe_has_no_blanks_at_its_ends(capsys: pytest.CaptureFixture[str]) -> None:
    a_screen().table(("", ""), [("latch", "set, " * 8), ("armed", "no")], numeric=frozenset())

    assert capsys.readouterr().out == f"latch  {('set, ' * 8).rstrip()}\narmed  no\n"


def test_a_table_with_names_has_a_head(capsys: pytest.CaptureFixture[str]) -> None:
    a_screen().table(("symbol", "why"), [("ETHUSDT", "dust"), ("X", "")], numeric=frozenset())

    assert capsys.readouterr().out == "symbol   why\nETHUSDT  dust\nX\n"
