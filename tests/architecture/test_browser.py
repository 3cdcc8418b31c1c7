"""Which browser the tests take, and what happens where there is none."""

from pathlib import Path

import pytest

from support.browser import NAMES, NoBrowserError, find_browser, require_browser


def test_a_browser_on_the_path_is_found(tmp_path: Path) -> None:
    program = tmp_path / NAMES[-1]
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)

    assert find_browser({"PATH": str(tmp_path), "REQUIRE_BROWSER": "1"}) == str(program)


def test_where_there_must_be_one_its_absence_is_an_error(tmp_path: Path) -> None:
    assert find_browser({"PATH": str(tmp_path)}) is None
    with pytest.raises(NoBrowserError, match="make browser"):
        find_browser({"PATH": str(tmp_path), "REQUIRE_BROWSER": "1"})


def test_a_test_without_one_is_skipped_aloud_or_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("REQUIRE_BROWSER", raising=False)
    with pytest.raises(pytest.skip.Exception, match="the page is not tested"):
        require_browser()
    monkeypatch.setenv("REQUIRE_BROWSER", "1")
    with pytest.raises(pytest.fail.Exception, match="REQUIRE_BROWSER=1"):
        require_browser()
