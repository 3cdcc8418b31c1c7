"""docs/metrics.md: every metric that the services declare, and no document that speaks of another."""

import re
from pathlib import Path

import pytest

from metrics_page import page
from support.tree import ROOT, text_of, tracked

OUR_METRIC = r"\b(?:gov|oracle|flatten|flatguard)_[a-z0-9_]+_(?:total|seconds|usd|positions|orders|latch|enabled)\b"


def names() -> list[str]:
    return re.findall(r"^\| `([a-z0-9_]+)` \|", page.page(), re.MULTILINE)


def test_the_page_is_what_the_code_says() -> None:
    assert text_of("docs/metrics.md") == page.page(), "run `make docs` and commit"


def test_the_page_tells_every_metric_once_with_type_and_meaning() -> None:
    rows = [line for line in page.page().splitlines() if line.startswith("| `")]

    assert len(names()) == len(set(names())) == len(rows)
    assert [
        row for row in rows if not re.search(r"^\| `\w+` \| (?:counter|gauge|histogram) \| .*\| \S.* \|$", row)
    ] == []


def test_the_page_names_labels_and_the_values_that_are_there_from_the_start() -> None:
    lines = page.page().splitlines()

    assert any(line.startswith("| `gov_p29_checked_total` | counter | `symbol` | ") for line in lines)
    assert any("| `decision`: accepted, refused, disarmed | " in line for line in lines)
    assert any("| `stream`; `outcome` | " in line for line in lines)


@pytest.mark.parametrize("name", tracked(".md", ".yml", ".yaml"))
def test_no_document_speaks_of_a_metric_that_is_not_there(name: str) -> None:
    assert set(re.findall(OUR_METRIC, text_of(name))) - set(names()) == set()


def test_check_names_a_stale_page_and_writing_brings_it_up_to_date(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "metrics.md"

    assert page.main(["--page", str(path), "--check"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert page.main(["--page", str(path)]) == 0
    assert page.main(["--page", str(path), "--check"]) == 0
    assert page.main(["--page", str(tmp_path / "nowhere" / "x.md"), "--check"]) == 2


def test_the_page_stands_where_the_program_writes_it() -> None:
    assert (ROOT / page.PAGE).is_file()
