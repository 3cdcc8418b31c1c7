"""`flatctl audit verify` and `flatctl export` at an operator's hands: codes, words, files."""

import gzip
import json
from pathlib import Path

import pytest
from redis.asyncio import Redis

from contracts.streams import Keys
from runtime.redis_client import raw
from support.auditing import audit
from support.flatctl_process import Flatctl
from support.run_events import T0_MS, started, verified
from support.scribe import Scribe

HEAD = "1:" + "ab" * 20


def lines_of(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]


async def test_a_namespace_that_nobody_has_used_holds(flatctl: Flatctl) -> None:
    said = await flatctl("audit", "verify")

    assert said.code == 0, said
    assert said.out.splitlines()[-1] == "the chain: no entry yet"
    assert "environment SIM   account main   namespace test:" in said.out.splitlines()[0]


async def test_entries_of_an_older_version_are_counted_and_what_comes_after_them_is_verified(
    flatctl: Flatctl, scribe: Scribe
) -> None:
    await scribe.tell(started(), verified(0))
    await audit(scribe.redis, scribe.keys, verified(1), verified(2))
    good = await flatctl("audit", "verify")
    await scribe.tell(verified(3))
    mixed = await flatctl("audit", "verify")

    assert good.code == 0, good
    assert "2 audit entries are older than the chain: nothing proves that none is missing" in good.out
    assert "the chain: entries 1 to 2, head 2:" in good.out
    assert mixed.code == 2, mixed
    assert "is not of the chain: a version without it wrote this after the chain began, or nobody who may" in mixed.out
    assert mixed.err == "flatctl: SOMETHING IS WRONG with the record: chain\n"


async def test_a_chain_that_began_anew_because_its_head_was_lost_is_told(
    flatctl: Flatctl, redis: Redis, namespace: str
) -> None:
    keys = Keys(namespace)
    await audit(redis, keys, started(), verified(0))
    await raw(redis, "DEL", keys.audit_head)
    await audit(redis, keys, verified(1))
    said = await flatctl("audit", "verify")

    assert said.code == 2, said
    assert "the chain begins anew: its head was lost" in said.out


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("audit", "verify", "--head", "17"), "--head '17' is no head of a chain"),
        (("audit", "verify", "--file", "nowhere.gz"), "nowhere.gz cannot be read: No such file or directory"),
        (("export", "nowhere/x.gz"), "nowhere/x.gz cannot be written: No such file or directory"),
        (("export", "x.gz", "--since", "yesterday"), "--since 'yesterday' is no time"),
        (("export", "x.gz", "--until", "2026-13-01"), "--until '2026-13-01' is no time"),
    ],
)
async def test_what_cannot_be_done_is_one_line(flatctl: Flatctl, arguments: tuple[str, ...], what: str) -> None:
    said = await flatctl(*arguments)

    assert (said.code, said.err.count("\n")) == (1, 1), said
    assert said.err.startswith(f"flatctl: {what}")


async def test_operators_that_cannot_be_read_are_an_error_and_no_finding(flatctl: Flatctl, tmp_path: Path) -> None:
    flatctl.environ["OPERATORS_FILE"] = str(tmp_path / "nowhere.toml")

    said = await flatctl("audit", "verify")

    assert said.code == 1, said
    assert "no signature can be verified: OPERATORS_FILE=" in said.err


async def test_a_file_that_is_there_is_replaced_only_by_force(flatctl: Flatctl, tmp_path: Path) -> None:
    file = tmp_path / "kept.gz"
    file.write_text("precious", encoding="utf-8")
    refused = await flatctl("export", str(file))
    kept = file.read_text(encoding="utf-8")
    forced = await flatctl("export", str(file), "--force")

    assert (refused.code, kept, forced.code) == (1, "precious", 0), (refused, forced)
    assert [line["kind"] for line in lines_of(file)] == ["header", "trailer"]
    assert [path.name for path in tmp_path.iterdir()] == ["kept.gz"]


async def test_an_export_holds_a_period_of_every_stream_to_the_byte(
    flatctl: Flatctl, redis: Redis, namespace: str, tmp_path: Path
) -> None:
    keys, file = Keys(namespace), tmp_path / "period.gz"
    for at, word in ((999, "before"), (1_000, "first"), (1_999, "last"), (2_000, "after")):
        await raw(redis, "XADD", keys.stream("dead"), f"{T0_MS + at}-0", "word", word, b"\xff\0", b"\xfe")
        await raw(redis, "XADD", keys.stream("position.snapshot"), f"{T0_MS + at}-0", "word", word)
    period = ("--since", "2026-01-28T03:38:00Z", "--until", "2026-01-28T03:38:01")

    said = await flatctl("export", str(file), *period)

    assert said.code == 0, said
    header, *entries, trailer = lines_of(file)
    frame = header["frame"]
    assert isinstance(frame, dict)
    assert (frame["since_ms"], frame["until_ms"]) == (T0_MS + 1_000, T0_MS + 2_000)
    assert (frame["namespace"], frame["environment"], frame["account"]) == (namespace, "sim", "main")
    assert [(entry["stream"], entry["id"]) for entry in entries] == [
        (stream, f"{T0_MS + at}-0") for stream in ("position.snapshot", "dead") for at in (1_000, 1_999)
    ]
    assert entries[-1]["fields"] == [["word", "last"], [{"base64": "/wA="}, {"base64": "/g=="}]]
    assert (trailer["lines"], header["format"]) == (5, "flatguard.export.v1")
    assert f"sha256 of its lines {trailer['sha256']}" in said.out


async def test_a_head_that_was_noted_is_compared(flatctl: Flatctl, redis: Redis, namespace: str) -> None:
    await audit(redis, Keys(namespace), started(), verified(0))
    head = (await raw(redis, "GET", Keys(namespace).audit_head)).decode()
    right = await flatctl("audit", "verify", "--head", head)
    wrong = await flatctl("audit", "verify", "--head", HEAD, "--head", head)

    assert (right.code, wrong.code) == (0, 2), (right, wrong)
    assert f"is not the entry at which --head saw the chain: {HEAD}" in wrong.out
