"""`flatctl report` at an operator's hands: which run, which file, what is refused, and how it ends."""

from pathlib import Path

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from contracts.streams import Keys
from runtime.redis_client import raw
from support.arms import an_arm
from support.auditing import audit
from support.flatctl_process import Flatctl
from support.records import a_request, a_verdict, finished, the_audit
from support.scribe import Scribe


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "report.html"


@pytest_asyncio.fixture
async def whole(scribe: Scribe, redis: Redis, namespace: str) -> Scribe:
    """A flat run, req-1, with everything on record."""
    now_ms, keys = await scribe.now_ms(), Keys(namespace)
    arm = an_arm("arm-1", issued_at_ms=now_ms, expires_at_ms=now_ms + 60_000)
    await scribe.tell(arm, a_request(arm))
    await audit(redis, keys, *the_audit(), finished())
    await scribe.tell(a_verdict(audit_head=(await raw(redis, "GET", keys.audit_head)).decode()))
    return scribe


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "which run? Give its request id, or --last"),
        (("req-1", "--last"), "which run? Give its request id, or --last"),
        (("--last", "--head", "1:" + "ab" * 20), "--head goes with --verify"),
        (("--verify", "report.html", "--last"), "--verify looks at a file that is there: give it nothing else"),
        (("--verify", "nowhere.html"), "nowhere.html cannot be read: No such file or directory"),
        (("--last",), "no run is on record: flatctl history shows the runs"),
        (("req-9",), "no entry tells of req-9: flatctl history shows the runs"),
    ],
)
async def test_what_cannot_be_done_is_one_line_and_exit_code_1(
    flatctl: Flatctl, options: tuple[str, ...], words: str
) -> None:
    said = await flatctl("report", *options)

    assert (said.code, said.err.count("\n")) == (1, 1), said
    assert words in said.err


async def test_a_run_of_which_nothing_but_the_verdict_is_on_record_makes_a_report_that_says_so(
    flatctl: Flatctl, scribe: Scribe, page: Path
) -> None:
    await scribe.tell(a_verdict())

    said = await flatctl("report", "--last", "--out", str(page))
    looked = await flatctl("report", "--verify", str(page))

    assert said.code == 0, said
    assert "NOT SHOWN flags: no decision on record says what this gate saw" in said.out
    assert "NOT SHOWN positions flat: the verdict says so, and its reading is not on record" in said.out
    assert "<dt>armed by</dt><dd>not shown</dd>" in page.read_text(encoding="utf-8")
    assert looked.code == 4, looked
    assert "not everything can be shown: I9, I10" in looked.err


async def test_a_page_may_go_to_stdout_and_come_from_stdin(flatctl: Flatctl, whole: Scribe, page: Path) -> None:
    said = await flatctl("report", "req-1", "--out", "-")
    page.write_text(said.out, encoding="utf-8")
    beside = await flatctl("report", "--verify", str(page))
    piped = await flatctl("report", "--verify", "-", typed=said.out)
    forged = await flatctl("report", "--verify", "-", typed=said.out.replace("drill", "thrill", 1))

    assert (said.code, said.out.partition("\n")[0]) == (0, "<!doctype html>"), said
    assert said.err.startswith("flatctl: FLAT: nothing is open; the exchange was read at "), said.err
    assert (beside.code, piped.code) == (4, 4), "no group has ever read what stands here"
    assert beside.err == "flatctl: not everything can be shown: I11\n"
    assert piped.out == beside.out
    assert (forged.code, forged.err.endswith("must be: page\n")) == (2, True), forged


async def test_a_report_that_is_there_is_replaced_only_by_force(flatctl: Flatctl, whole: Scribe, page: Path) -> None:
    page.with_suffix(".json").write_text("mine", encoding="utf-8")

    refused = await flatctl("report", "--last", "--out", str(page))
    kept = page.with_suffix(".json").read_text(encoding="utf-8")
    forced = await flatctl("report", "--last", "--out", str(page), "--force")
    nowhere = await flatctl("report", "--last", "--out", str(page / "deeper.html"))

    assert (refused.code, "report.json is there already" in refused.err) == (1, True), refused
    assert (kept, sorted(each.name for each in page.parent.iterdir())) == ("mine", ["report.html", "report.json"])
    assert forced.code == 0, forced
    assert (nowhere.code, "cannot be written: Not a directory" in nowhere.err) == (1, True), nowhere
