"""Environment variables: what settings read, what the list knows, and what the page says are the same."""

import re
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from exchange.config import SIMULATOR_URL
from flatctl.settings import FlatctlSettings
from flatten_executor.settings import ExecutorSettings
from governor.settings import GovernorSettings
from notifier.settings import NotifierSettings
from position_oracle.settings import OracleSettings
from runtime import document
from runtime.settings import describe
from runtime.variables import KNOWN_VARIABLES, PREFIXES, VARIABLES
from support.tree import ROOT, text_of, tracked

SETTINGS: tuple[type[Struct], ...] = (
    OracleSettings,
    GovernorSettings,
    ExecutorSettings,
    NotifierSettings,
    FlatctlSettings,
)
FROM_THE_COMMAND_LINE = {"tools/exchange_sim/settings.py"}
DEFAULT_IN_WORDS = {
    "CONSUMER_NAME",
    "HTTP_PORT",
}
NOTHING = {
    "none",
    "empty",
    f"the environment's own; for sim {SIMULATOR_URL}",
    "none: arms are not signed",
    "none: nobody is told",
}


def variables_of(settings: type[Struct]) -> dict[str, Any]:
    shown = describe(settings())
    del shown["config_hash"]
    return dict(shown)


@pytest.mark.parametrize("settings", SETTINGS)
def test_every_variable_that_is_read_is_in_the_list(settings: type[Struct]) -> None:
    assert set(variables_of(settings)) <= KNOWN_VARIABLES


def test_every_variable_in_the_list_is_read() -> None:
    assert {name for settings in SETTINGS for name in variables_of(settings)} == KNOWN_VARIABLES


def test_every_settings_file_is_looked_at() -> None:
    files = {name for name in tracked("/settings.py") if name.startswith(("services/", "tools/"))}

    here = {settings.__module__.replace(".", "/") + ".py" for settings in SETTINGS}

    assert {name for name in files - FROM_THE_COMMAND_LINE if not name.endswith(tuple(here))} == set()


def test_a_variable_is_listed_once() -> None:
    assert len(VARIABLES) == len(KNOWN_VARIABLES)


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
def test_the_listed_default_is_the_one_that_holds(variable: Any) -> None:
    defaults = [read[variable.name] for settings in SETTINGS if variable.name in (read := variables_of(settings))]

    if variable.name in DEFAULT_IN_WORDS:
        assert not variable.default.isdecimal()
        return
    for default in defaults:
        assert same(default, variable.default)


def same(default: object, told: str) -> bool:
    if default is None or default == "":
        return told in NOTHING
    if isinstance(default, bool):
        return told == str(default).lower()
    try:
        return Decimal(str(default)) == Decimal(told)
    except InvalidOperation:
        return str(default) == told


def test_the_page_is_what_the_code_says() -> None:
    assert text_of("docs/configuration.md") == document.page(), "run `make docs` and commit"


def test_the_page_tells_every_variable_once() -> None:
    rows = re.findall(r"^\| `([A-Z0-9_]+)` \|", document.page(), re.MULTILINE)

    assert len(rows) == len(set(rows))
    assert set(rows) >= KNOWN_VARIABLES
    assert all(name.startswith("OTEL_") for name in set(rows) - KNOWN_VARIABLES)


def test_every_telemetry_variable_that_the_code_reads_is_on_the_page() -> None:
    read = set(
        re.findall(
            r'"(OTEL_\w+)"',
            "".join(text_of(f"libs/runtime/{name}.py") for name in ("tracing", "telemetry", "log_export")),
        )
    )

    assert read
    assert {name for name in read if f"`{name}`" not in document.page()} == set()


@pytest.mark.parametrize("name", tracked(".md", ".yml", ".yaml", ".example", "Makefile"))
def test_no_document_speaks_of_a_variable_that_is_not_there(name: str) -> None:
    prefixes = "|".join(PREFIXES)
    known = {form for variable in KNOWN_VARIABLES for form in (variable, f"{variable}_FILE")}
    phrases = {"FLATTEN_NOW", "FLATTEN_LIVE", "ESS_ON"}

    spoken = set(re.findall(rf"\b(?:{prefixes})[A-Z0-9_]*[A-Z0-9]\b", text_of(name)))

    assert spoken - known - phrases == set()


def test_check_names_a_stale_page_and_writing_brings_it_up_to_date(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "configuration.md"

    assert document.main(["--page", str(page), "--check"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert document.main(["--page", str(page)]) == 0
    assert document.main(["--page", str(page), "--check"]) == 0
    assert document.main(["--page", str(tmp_path / "nowhere" / "x.md"), "--check"]) == 2


def test_the_page_stands_where_the_program_writes_it() -> None:
    assert (ROOT / document.PAGE).is_file()
