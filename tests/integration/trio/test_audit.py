"""The record that real processes leave is whole and shows what it must; what is done to it is found and named."""

import gzip
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from contracts.arming import ArmRefused
from contracts.chain import read_head
from contracts.flattening import FlattenCompleted
from evidence.history import AUDIT
from flatctl.exits import ERROR, FOUND, OK, UNKNOWN
from runtime.redis_client import raw
from support.auditing import Tape
from support.flatctl_process import Flatctl, Said
from support.trio import ARM, SET_LATCH, Trio

NAMES = ["chain", "entries", "I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11"]


@pytest.fixture
def everything() -> tuple[str, ...]:
    return ("governor", "executor")


@pytest_asyncio.fixture
async def recorded(running: Trio) -> AsyncIterator[Trio]:
    """One arm was refused, one flattened the account, and nobody writes any more."""
    async with running.flatctl(*ARM) as refused:
        assert await refused.wait() == 3, refused.text
    await running.told(*SET_LATCH)
    await running.told(*ARM)
    for service in running.services.values():
        service.sigterm()
        await service.wait()
    yield running


async def verified(trio: Trio, *options: str) -> tuple[Said, dict[str, Any]]:
    said = await Flatctl(**trio.env)("audit", "verify", "--json", *options)
    return said, json.loads(said.out)


def broken(report: dict[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """Stream and entry of each finding, by check."""
    found = {
        check["name"]: [(finding["stream"], finding["entry_id"]) for finding in check["findings"]]
        for check in report["checks"]
    }
    return {name: findings for name, findings in found.items() if findings}


async def test_the_record_of_real_runs_holds_from_redis_and_from_an_export(recorded: Trio, tmp_path: Path) -> None:
    """I1 to I11, as far as the streams show them."""
    file = tmp_path / "all.jsonl.gz"
    said, from_redis = await verified(recorded)
    exported = await Flatctl(**recorded.env)("export", str(file), "--json")
    offline = Flatctl(**{**recorded.env, "REDIS_URL": "redis://127.0.0.1:1/0"})
    from_file = await offline("audit", "verify", "--json", "--file", str(file))

    assert (said.code, exported.code, from_file.code) == (OK, OK, OK), (said, exported, from_file)
    assert [check["name"] for check in from_redis["checks"]] == NAMES
    assert {check["standing"] for check in from_redis["checks"]} == {"holds"}
    assert all(check["looked_at"] for check in from_redis["checks"])
    assert json.loads(from_file.out) == {**from_redis, "source": str(file)}

    (completed,) = await recorded.events.events(FlattenCompleted)
    (refused,) = await recorded.events.events(ArmRefused)
    head = (await raw(recorded.events.redis, "GET", recorded.events.keys.audit_head)).decode()
    assert completed.audit_head == from_redis["chain_head"] == json.loads(exported.out)["head"] == head
    assert (refused.arm_id, from_redis["chain_first"]) != ("", 0)
    journal = await raw(recorded.events.redis, "HGET", recorded.events.keys.run(completed.request_id), "outcome")
    assert json.loads(journal)["audit_head"] == head


async def test_whatever_is_done_to_the_record_in_redis_is_found_and_the_entry_named(recorded: Trio) -> None:
    redis, keys = recorded.events.redis, recorded.events.keys
    audit, requests = Tape(redis, keys), Tape(redis, keys, "flatten.requested")
    completed, saved = Tape(redis, keys, "flatten.completed"), await audit.saved()
    ids = await audit.ids()

    await raw(redis, "XDEL", audit.key, ids[5])
    said, report = await verified(recorded)
    assert (said.code, broken(report)["chain"]) == (FOUND, [(AUDIT, ids[6])]), "one is gone"
    assert "SOMETHING IS WRONG with the record: chain" in said.err
    await audit.restore(saved)

    await raw(redis, "XDEL", audit.key, ids[-1])
    said, report = await verified(recorded)
    assert (said.code, {entry for _, entry in broken(report)["chain"]}) == (
        FOUND,
        {ids[-2], (await completed.ids())[0]},
    ), "the last one is gone"
    await audit.restore(saved)

    changed = await audit.rewrite(7, b'"order_side":"', b'"order_side":"not ')
    said, report = await verified(recorded)
    assert (said.code, broken(report)["chain"]) == (FOUND, [(AUDIT, changed)]), "one is another"
    await audit.restore(saved)

    await raw(redis, "XADD", audit.key, "*", "type", "arm.accepted.v1")
    said, report = await verified(recorded)
    forged = (await audit.ids())[-1]
    assert (said.code, broken(report)["chain"]) == (FOUND, [(AUDIT, forged)]), "one too many"
    await audit.restore(saved)

    head = await raw(redis, "GETDEL", keys.audit_head)
    said, report = await verified(recorded)
    assert (said.code, broken(report)["chain"]) == (FOUND, [(AUDIT, ids[-1])]), "no head"
    await raw(redis, "SET", keys.audit_head, head)

    saved_verdict = await completed.saved()
    changed = await completed.rewrite(0, b'"orders_ok":44,"errors":0', b'"orders_ok":43,"errors":1')
    said, report = await verified(recorded)
    assert (said.code, broken(report)) == (FOUND, {"I8": [("flatten.completed", changed)] * 2}), "another verdict"
    await completed.restore(saved_verdict)

    await raw(redis, "DEL", requests.key)
    said, report = await verified(recorded)
    assert said.code == FOUND, said
    assert set(broken(report)) == {"I3"}, "the request is gone"


async def test_a_trimmed_record_holds_for_who_has_the_head_of_what_was_trimmed(recorded: Trio, tmp_path: Path) -> None:
    redis, audit = recorded.events.redis, Tape(recorded.events.redis, recorded.events.keys)
    ids, file = await audit.ids(), tmp_path / "first.gz"
    exported = await Flatctl(**recorded.env)("export", str(file), "--until", when(ids[1]), "--json")
    head = json.loads(exported.out)["head"]
    gone = read_head(head)
    assert gone is not None
    await raw(redis, "XTRIM", audit.key, "MINID", ids[gone.number])

    alone, report = await verified(recorded)
    known, with_it = await verified(recorded, "--head", head)
    other, _ = await verified(recorded, "--head", f"{gone.number}:{'ab' * 20}")

    assert (exported.code, alone.code, other.code) == (OK, UNKNOWN, FOUND), (exported, alone, other)
    assert broken(report)["chain"] == [(AUDIT, ids[gone.number])]
    assert "trimmed, or lost" in alone.out
    assert (known.code, list(broken(with_it))) == (UNKNOWN, ["I11"]), "the decision on the refused arm was trimmed"
    part, of_part = await verified(recorded, "--file", str(file))
    assert (part.code, list(broken(of_part))) == (UNKNOWN, ["I11"]), "what was decided later is not in the first part"


async def test_an_export_that_was_changed_or_cut_off_is_found(recorded: Trio, tmp_path: Path) -> None:
    whole, other = tmp_path / "whole.gz", tmp_path / "other.gz"
    await Flatctl(**recorded.env)("export", str(whole))
    packed, text = whole.read_bytes(), gzip.decompress(whole.read_bytes())
    lines = text.splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if b"order.intended.v1" in line)
    entry_id, other_line = json.loads(lines[at])["id"], lines[at].replace(b'"quantity\\":\\"', b'"quantity\\":\\"1')
    assert other_line != lines[at]

    other.write_bytes(packed[: len(packed) // 2])
    said, report = await verified(recorded, "--file", str(other))
    assert said.code == FOUND
    assert any("the file is cut off after line" in finding["what"] for finding in report["file"])

    other.write_bytes(gzip.compress(b"".join([*lines[:at], *lines[at + 1 :]])))
    said, report = await verified(recorded, "--file", str(other))
    next_id = json.loads(lines[at + 1])["id"]
    assert (said.code, broken(report)["chain"]) == (FOUND, [(AUDIT, next_id)])
    assert [finding["stream"] for finding in report["file"]] == ["", "", AUDIT]

    other.write_bytes(gzip.compress(b"".join([*lines[:at], other_line, *lines[at + 1 :]])))
    said, report = await verified(recorded, "--file", str(other))
    assert (said.code, broken(report)["chain"]) == (FOUND, [(AUDIT, entry_id)])
    assert "changed after it was written" in report["file"][0]["what"]

    other.write_text("hello\n", encoding="utf-8")
    nothing = await Flatctl(**recorded.env)("audit", "verify", "--file", str(other))
    assert (nothing.code, "is not an export of flatctl" in nothing.err) == (ERROR, True)


def when(entry_id: str) -> str:
    return datetime.fromtimestamp(int(entry_id.partition("-")[0]) / 1000, UTC).isoformat(timespec="milliseconds")
