"""A report of runs through real processes: it says what the record says, and what is done to it is found and named."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from contracts.arming import ArmAwaitingApproval
from contracts.flattening import FlattenCompleted
from contracts.positions import AllocationStateChanged, AllocationVerdict
from evidence.history import AUDIT
from flatctl.exits import ERROR, FOUND, OK, RESIDUAL, UNKNOWN
from runtime.redis_client import raw
from support.auditing import Tape
from support.flatctl_process import Flatctl, finish
from support.keyring import Keyring
from support.people import ALICE, BOB, an_entry, keep
from support.reporting import NOBODY, looked_at, others_have_looked, written
from support.scenes import ETH, SINGLE
from support.trio import ARM, SET_LATCH, Trio

ALL_PASS = dict.fromkeys(
    ("flags", "ESS", "arm key", "flatten log", "cooldown", "positions flat", "reduce-only"), "PASS"
)


@pytest_asyncio.fixture
async def flat(running: Trio) -> AsyncIterator[Trio]:
    """The incident: ETHUSDT is in breach, everything is flattened, and P2.9 is calm afterwards."""
    target = f"{running.env['FLATTEN_ALLOCATION_PREFIX']}ETHUSDT"
    now_s = str(await running.events.now_ms() // 1000)
    fields = ("target_usd", "1820", "mode", "enforce", "confidence", "0.9", "timestamp", now_s)
    await raw(running.events.redis, "HSET", target, *fields)
    while not any(
        each.check.verdict is AllocationVerdict.BREACH for each in await running.events.events(AllocationStateChanged)
    ):
        await running.events.wait_grown(
            AllocationStateChanged, len(await running.events.events(AllocationStateChanged)) + 1
        )
    await running.told(*SET_LATCH)
    await running.told(*ARM)
    await others_have_looked(running.events)
    yield running


async def test_a_flat_run_is_told_with_each_line_of_the_checklist(flat: Trio, tmp_path: Path) -> None:
    page = tmp_path / "flat.html"

    told = await written(flat, page)

    (completed,) = await flat.events.events(FlattenCompleted)
    assert told["headline"].startswith("FLAT: nothing is open; the exchange was read at ")
    assert told["checklist"] == {**ALL_PASS, "trading normal": "PASS"}
    assert (told["record"], told["request_id"]) == ("holds", completed.request_id)
    html = page.read_text(encoding="utf-8")
    for fact in ("alice", "drill", ">44</text>", completed.outcomes[0].client_order_ids[0]):
        assert fact in html, fact
    assert f"<title>{told['headline']}" in html
    for file in (page, page.with_suffix(".json")):
        said, found = await looked_at(flat, file, "--head", completed.audit_head)
        assert (said.code, found) == (OK, {}), said
    document = json.loads(page.with_suffix(".json").read_bytes())
    position = document["report"]["positions"][0]
    outcome = next(each for each in completed.outcomes if each.symbol == position["symbol"])
    assert [order["client_order_id"] for order in position["orders"]] == list(outcome.client_order_ids)
    assert [order["exchange_order_id"] for order in position["orders"]] == list(outcome.exchange_order_ids)
    assert len(document["report"]["decision"]["config_hash"]) == 64
    assert len(document["report"]["attempts"][0]["config_hash"]) == 64
    assert document["report"]["snapshot"]["positions"] == 44
    assert document["report"]["afterwards"]["positions"] == 0


async def test_what_is_done_to_a_report_is_found_and_named(flat: Trio, tmp_path: Path) -> None:
    page, other = tmp_path / "flat.html", tmp_path / "other.html"
    await written(flat, page)
    html, document = page.read_bytes(), page.with_suffix(".json").read_bytes()

    other.write_bytes(html.replace(b">44</text>", b">45</text>", 1))
    said, found = await looked_at(flat, other)
    assert said.code == FOUND
    assert list(found) == ["page"], "a number that is seen"
    assert "45</text>" in found["page"][0]
    assert "THE REPORT IS NOT AS IT WAS WRITTEN" in said.err

    forged = json.loads(document)
    forged["report"]["positions"][3]["filled_quantity"] = "7"
    other.write_text(json.dumps(forged, separators=(",", ":"), ensure_ascii=False) + "\n", encoding="utf-8")
    symbol = forged["report"]["positions"][3]["symbol"]
    said, found = await looked_at(flat, other)
    assert (said.code, sorted(found)) == (FOUND, ["figures", "file"])
    assert found["figures"][0].startswith(f"positions {symbol}.filled_quantity is '7' in the report, and the entries")

    missing = json.loads(document)
    at = next(number for number, line in enumerate(missing["entries"]) if "order.intended.v1" in str(line["fields"]))
    gone = missing["entries"].pop(at)
    other.write_text(json.dumps(missing, separators=(",", ":"), ensure_ascii=False) + "\n", encoding="utf-8")
    said, found = await looked_at(flat, other)
    assert said.code == FOUND
    assert found["listing"] == [f"{AUDIT} {gone['id']} missing: it is listed, and not there"]
    assert "1 entry is missing before it" in found["chain"][0]

    other.write_text("hello", encoding="utf-8")
    said, _ = await looked_at(flat, other)
    assert (said.code, "is not a report of flatctl" in said.err) == (ERROR, True)


async def test_a_report_from_an_export_is_the_same_and_a_tampered_export_makes_none(flat: Trio, tmp_path: Path) -> None:
    page, again, export = tmp_path / "flat.html", tmp_path / "again.html", tmp_path / "all.jsonl.gz"
    await written(flat, page)
    exported = await Flatctl(**flat.env)("export", str(export))
    offline = Flatctl(**{**flat.env, "REDIS_URL": NOBODY})

    said = await offline("report", "--last", "--file", str(export), "--out", str(again))

    assert (exported.code, said.code) == (OK, OK), said
    one, two = (json.loads(each.with_suffix(".json").read_bytes()) for each in (page, again))
    assert one["report"] == two["report"]
    assert one["entries"] == two["entries"]

    text = gzip.decompress(export.read_bytes())
    export.write_bytes(gzip.compress(text.replace(b'\\"order_side\\":\\"sell\\"', b'\\"order_side\\":\\"buy\\"', 1)))
    said = await offline("report", "--last", "--file", str(export), "--out", str(again), "--force")
    assert (said.code, "changed after it was written" in said.err) == (FOUND, True), said


async def test_a_record_that_was_changed_in_redis_says_so_in_the_first_line(flat: Trio, tmp_path: Path) -> None:
    audit, page = Tape(flat.events.redis, flat.events.keys), tmp_path / "forged.html"
    for service in flat.services.values():
        service.sigterm()
        await service.wait()
    changed = await audit.rewrite(7, b'"order_side":"', b'"order_side":"not ')

    said = await Flatctl(**flat.env)("report", "--last", "--out", str(page))
    looked, found = await looked_at(flat, page)

    assert (said.code, looked.code) == (FOUND, FOUND)
    assert said.out.startswith("THE RECORD IS NOT AS IT MUST BE (chain")
    assert "<title>THE RECORD IS NOT AS IT MUST BE (chain" in page.read_text(encoding="utf-8")
    assert [each.split(" ")[1] for each in found["chain"]] == [changed]


async def test_what_is_there_is_not_replaced_and_nothing_half_is_left(flat: Trio, tmp_path: Path) -> None:
    page = tmp_path / "flat.html"
    page.write_text("mine", encoding="utf-8")

    said = await Flatctl(**flat.env)("report", "--last", "--out", str(page))

    assert (said.code, "is there already" in said.err) == (ERROR, True), said
    assert (page.read_text(encoding="utf-8"), sorted(tmp_path.glob("*flat*"))) == ("mine", [page])
    await written(flat, page, "--force")


@pytest.mark.parametrize("everything", [("governor", "executor")])
async def test_a_run_that_left_something_open_says_so_in_its_first_line(running: Trio, tmp_path: Path) -> None:
    """Three rounds of a book that gives one contract each time: retries, partial fills, and something left."""
    page, sim = tmp_path / "open.html", running.sim
    await sim.scenario(positions=[{"symbol": "ETHUSDT", "qty": "10"}, {"symbol": "BTCUSDT", "qty": "-0.5"}])
    await sim.book("ETHUSDT", qty="1", replenish=True)
    await running.told(*SET_LATCH)
    async with running.flatctl(*ARM) as arming:
        assert await arming.wait() == RESIDUAL, arming.text

    told = await written(running, page)

    assert told["headline"].startswith("STILL OPEN: 1 positions, $")
    assert f"<title>{told['headline']}" in page.read_text(encoding="utf-8")
    assert told["checklist"]["positions flat"] == "FAIL"
    document = json.loads(page.with_suffix(".json").read_bytes())
    ethereum = next(each for each in document["report"]["positions"] if each["symbol"] == "ETHUSDT")
    assert [order["state"] for order in ethereum["orders"]] == ["partial"] * 3
    assert [order["round_number"] for order in ethereum["orders"]] == [1, 2, 3]
    for file in (page, page.with_suffix(".json")):
        said, found = await looked_at(running, file)
        assert (said.code, found) == (OK, {}), said


@pytest.mark.parametrize("everything", [("governor", "executor")])
async def test_an_aborted_run_says_who_stopped_it(running: Trio, tmp_path: Path) -> None:
    """Its only order is held back until the abort is there."""
    page, sim = tmp_path / "aborted.html", running.sim
    await sim.scenario(positions=[ETH], book=[{"symbol": "ETHUSDT", "qty": "0.5"}])
    await sim.faults({"action": "delay", "hold_ms": 600_000, "match": SINGLE})
    await running.told(*SET_LATCH)
    async with running.flatctl(*ARM) as arming:
        await sim.wait(requests=1, method="POST", path=SINGLE["path"])
        stop = ("abort", "--yes", "--no-wait", "--operator", "bob", "--reason", "<b>halted</b>")
        await running.told(*stop)
        await running.services["executor"].wait_line("FLATTEN stops sending")
        await sim.proceed()
        assert await arming.wait() == UNKNOWN, arming.text

    told = await written(running, page)

    html = page.read_text(encoding="utf-8")
    assert told["headline"].startswith("STILL OPEN: 1 positions, $")
    assert "aborted: bob asked to abort: <b>halted</b>" in told["headline"]
    assert "bob asked to abort: &lt;b&gt;halted&lt;/b&gt;" in html
    assert "<b>" not in html
    assert "abort asked for" in html
    said, found = await looked_at(running, page)
    assert (said.code, found) == (OK, {}), said


@pytest.mark.parametrize("everything", [()])
async def test_two_signatures_are_verified_again_and_a_forged_one_is_named(running: Trio, tmp_path: Path) -> None:
    page, keyring = tmp_path / "signed.html", Keyring(tmp_path, policy="signatures = 2")
    unsigned = dict(running.env)
    running.env["OPERATORS_FILE"] = keyring.operators
    (tmp_path / "ESS_ON").touch()
    async with running.service("governor") as governor, running.service("executor") as executor:
        await governor.wait_ready()
        await executor.wait_ready()
        alice, bob = (Flatctl(**{**running.env, **keyring.of(name)}) for name in ("alice", "bob"))
        arming = asyncio.create_task(finish(await alice.start("arm", "--yes", "--reason", "drill", "--wait")))
        await running.events.wait_for(ArmAwaitingApproval)
        assert (await bob("approve", "--yes")).code == OK
        assert (await arming).code == OK

    await written(running, page)

    html = page.read_text(encoding="utf-8")
    assert html.count("verified: it is of this arm, and the key was valid at the decision") >= 2
    assert "signed by alice, bob (2 of 2)" in html
    said, found = await looked_at(running, page)
    assert (said.code, found) == (OK, {}), said

    running.env = unsigned
    said, found = await looked_at(running, page)
    assert (said.code, list(found)) == (UNKNOWN, ["keys"]), said

    others = keep(tmp_path / "others.toml", an_entry(ALICE, "alice"), an_entry(BOB, "mallory"))
    running.env = {**unsigned, "OPERATORS_FILE": others}
    said, found = await looked_at(running, page)
    assert (said.code, "belongs to 'mallory', and the report says to 'bob'" in found["keys"][0]) == (FOUND, True)
