"""The exchange, and the key that flatctl was given: does it work, and could it do harm?"""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from support.flatctl_process import Flatctl, Said
from support.sim import Simulator

RESTRICTIONS = "/sapi/v1/account/apiRestrictions"


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator("--scenario", "incident", "--can-withdraw") as simulator:
        yield simulator


@pytest.fixture
def reading(sim: Simulator, tmp_path: Path) -> Flatctl:
    """With the key that can only read, and without any Redis."""
    return Flatctl.on(
        "redis://127.0.0.1:1/0",
        "test:exchange",
        tmp_path,
        EXCHANGE_BASE_URL=sim.base_url,
        EXCHANGE_API_KEY=sim.read_key,
        EXCHANGE_API_SECRET=sim.read_secret,
    )


def checks(said: Said) -> dict[str, dict[str, Any]]:
    return {found["check"]: found for found in json.loads(said.out)["findings"]}


async def test_a_key_that_can_only_read_is_fit(reading: Flatctl, sim: Simulator) -> None:
    said = await reading("doctor", "exchange", "--json")

    assert said.code == 0, said
    assert {found["grade"] for found in checks(said).values()} == {"ok"}
    assert checks(said)["key withdrawal"]["observed"] == "it cannot trade, and cannot withdraw"
    assert not [path for path in {row["path"] for row in await sim.requests()} if "rder" in path]


async def test_a_trading_key_that_can_withdraw_is_refused(reading: Flatctl, sim: Simulator) -> None:
    reading.environ |= {"EXCHANGE_API_KEY": sim.api_key, "EXCHANGE_API_SECRET": sim.api_secret}
    said = await reading("doctor", "exchange")

    assert said.code == 3
    assert "FAILED  key withdrawal" in said.out
    assert "it can trade futures, and CAN WITHDRAW" in said.out
    assert "make another key without withdrawal, and revoke this one" in said.out
    assert said.err == "flatctl: NOT FIT: key withdrawal failed\n"


async def test_a_trading_key_that_cannot_withdraw_is_fit(reading: Flatctl) -> None:
    async with Simulator() as harmless:
        reading.environ |= {
            "EXCHANGE_BASE_URL": harmless.base_url,
            "EXCHANGE_API_KEY": harmless.api_key,
            "EXCHANGE_API_SECRET": harmless.api_secret,
        }
        said = await reading("doctor", "exchange", "--json")

    assert said.code == 0, said
    assert checks(said)["key withdrawal"]["observed"] == "it can trade futures, and cannot withdraw"


async def test_a_key_that_can_move_funds_or_works_from_everywhere_is_warned_about(
    reading: Flatctl, sim: Simulator
) -> None:
    said_by_the_venue = {"enableFutures": True, "enableWithdrawals": False, "ipRestrict": False}
    fault = {"action": "status", "status": 200, "body": said_by_the_venue, "match": {"path": RESTRICTIONS}}
    await sim.faults(fault)
    said = await reading("doctor", "exchange", "--json")

    assert said.code == 0
    assert checks(said)["key transfer"]["grade"] == "warning"  # not told: it cannot be ruled out
    assert checks(said)["key addresses"]["observed"] == "it works from everywhere"


@pytest.mark.parametrize(
    "spoiled",
    [
        {"action": "truncated_json"},
        {"action": "empty_200"},
        {"action": "status", "status": 200, "body": {"enableFutures": True}},
        {"action": "status", "status": 404, "body": "no such path"},
    ],
)
async def test_a_permission_that_cannot_be_read_is_unknown_and_never_none(
    reading: Flatctl, sim: Simulator, spoiled: dict[str, Any]
) -> None:
    await sim.faults({**spoiled, "match": {"path": RESTRICTIONS}, "times": 0})
    said = await reading("doctor", "exchange", "--json")

    assert said.code == 4
    assert checks(said)["key withdrawal"]["grade"] == "unknown"
    assert "on the exchange's own screen" in checks(said)["key withdrawal"]["do"]


@pytest.mark.parametrize("environment", ["demo", "testnet"])
async def test_where_nobody_can_be_asked_what_a_key_may_do_that_is_told(reading: Flatctl, environment: str) -> None:
    reading.environ["EXCHANGE_ENV"] = environment
    said = await reading("doctor", "exchange", "--json")

    assert said.code == 0, said
    assert checks(said)["key withdrawal"]["grade"] == "unknown"
    assert f"the {environment} environment has nobody to ask" in checks(said)["key withdrawal"]["observed"]
    assert checks(said)["exchange key"]["grade"] == "ok"


async def test_without_a_key_the_clock_is_still_compared_and_the_key_is_unknown(reading: Flatctl) -> None:
    del reading.environ["EXCHANGE_API_SECRET"]
    said = await reading("doctor", "exchange", "--json")

    assert said.code == 4
    assert {check: found["grade"] for check, found in checks(said).items()} == {
        "exchange clock": "ok",
        "exchange key": "unknown",
    }
    assert "EXCHANGE_API_SECRET not set" in checks(said)["exchange key"]["observed"]


@pytest.mark.parametrize("name", ["EXCHANGE_API_KEY", "EXCHANGE_API_SECRET"])
async def test_a_rejected_key_is_not_fit_and_never_printed(reading: Flatctl, name: str) -> None:
    reading.environ[name] = "planted-credential-4711"
    said = await reading("doctor", "exchange")

    assert said.code == 3
    assert "REJECTED" in said.out
    assert "planted-credential-4711" not in said.out + said.err


async def test_an_exchange_that_does_not_answer_is_not_fit(reading: Flatctl) -> None:
    reading.environ["EXCHANGE_BASE_URL"] = "http://127.0.0.1:1"
    said = await reading("doctor", "exchange", "--json")

    assert said.code == 3
    assert checks(said)["exchange clock"]["grade"] == "failed"
    assert checks(said)["exchange key"]["grade"] == "unknown"


@pytest.mark.parametrize(
    ("offset_ms", "grade", "code", "words"),
    [
        (0, "ok", 0, "this machine's"),
        (2_500, "warning", 0, "ahead of this machine's"),
        (-2_500, "warning", 0, "behind this machine's"),
        (60_000, "failed", 3, "ahead of this machine's"),
    ],
)
async def test_the_exchanges_clock_is_compared_with_ours(
    reading: Flatctl, sim: Simulator, offset_ms: int, grade: str, code: int, words: str
) -> None:
    await sim.clock(offset_ms)
    said = await reading("doctor", "exchange", "--json")

    assert said.code == code, said
    assert checks(said)["exchange clock"]["grade"] == grade
    assert words in checks(said)["exchange clock"]["observed"]
    assert checks(said)["exchange key"]["grade"] == "ok"


async def test_an_address_that_is_none_is_told(reading: Flatctl) -> None:
    reading.environ["EXCHANGE_BASE_URL"] = "ftp://127.0.0.1"
    said = await reading("doctor", "exchange", "--json")

    assert said.code == 3
    assert checks(said)["exchange"]["observed"].startswith("EXCHANGE_BASE_URL: not an http")
