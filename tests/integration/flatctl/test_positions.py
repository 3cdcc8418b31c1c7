"""The direct reading of the exchange, against the simulator as a process."""

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from support.flatctl_process import Flatctl
from support.sim import Simulator
from support.venue_samples import position_row

READING = (("plan",), ("plan", "--json"), ("verify",), ("verify", "--json"))


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator("--scenario", "incident") as simulator:
        yield simulator


@pytest.fixture
def flatctl(sim: Simulator, tmp_path: Path) -> Flatctl:
    """Without any Redis: the exchange is asked directly."""
    return Flatctl.on(
        "redis://127.0.0.1:1/0",
        "test:positions",
        tmp_path,
        EXCHANGE_BASE_URL=sim.base_url,
        EXCHANGE_API_KEY=sim.read_key,
        EXCHANGE_API_SECRET=sim.read_secret,
    )


async def listing(sim: Simulator) -> list[dict[str, str]]:
    """What the simulator lists, in its order."""
    async with aiohttp.ClientSession(sim.base_url) as client, client.get("/fapi/v1/exchangeInfo") as response:
        symbols: list[dict[str, str]] = (await response.json())["symbols"]
        return symbols


async def test_every_open_position_and_the_total(flatctl: Flatctl, sim: Simulator) -> None:
    state = await sim.state()
    said = await flatctl("positions")

    assert said.code == 0, said
    assert f"{state['symbols']} symbols, {len(state['positions'])} open, total exposure $" in said.out
    total = sum((Decimal(row["notional"]) for row in state["positions"]), Decimal(0))
    shown = Decimal(said.out.rpartition("$")[2].replace(",", ""))
    assert abs(shown - total) < Decimal("0.02")  # the venue's own notionals are rounded
    lines = {line.split()[0]: line.split() for line in said.out.splitlines() if line}
    assert lines["ETHUSDT"][:3] == ["ETHUSDT", "long", "9.100"]
    for row in state["positions"]:
        assert lines[row["symbol"]][1] == ("long" if Decimal(row["qty"]) > 0 else "short")


async def test_json_has_exact_numbers(flatctl: Flatctl, sim: Simulator) -> None:
    said = await flatctl("positions", "--json")

    exposure = json.loads(said.out)
    assert {row["symbol"]: Decimal(row["quantity"]) for row in exposure["positions"]} == {
        symbol: quantity for (symbol, _), quantity in (await sim.positions()).items()
    }


async def test_an_account_without_positions_is_said_to_be_so(flatctl: Flatctl, sim: Simulator) -> None:
    await sim.scenario()
    said = await flatctl("positions")

    assert said.code == 0
    assert "674 symbols, 0 open, total exposure $0.00" in said.out


async def test_hedge_mode_shows_both_legs(flatctl: Flatctl, sim: Simulator) -> None:
    await sim.scenario(
        hedge_mode=True, positions=[{"symbol": "ETHUSDT", "qty": "2"}, {"symbol": "ETHUSDT", "qty": "-1"}]
    )
    said = await flatctl("positions")

    assert said.code == 0, said
    assert "674 symbols, 2 open" in said.out
    rows = [line.split()[:3] for line in said.out.splitlines() if line.startswith("ETHUSDT")]
    assert sorted(rows) == [["ETHUSDT", "long", "2.000"], ["ETHUSDT", "short", "-1.000"]]


async def test_rows_that_cannot_be_read_are_loud_and_exit_with_4(flatctl: Flatctl, sim: Simulator) -> None:
    await sim.faults({"action": "nan_quantity", "match": {"symbol": "XRPUSDT"}, "times": 0})
    said = await flatctl("positions")

    assert said.code == 4
    assert "UNREADABLE" in said.out
    assert "1 rows could not be read, each may hide an open position: XRPUSDT" in said.err


async def test_a_cut_off_answer_is_never_shown_as_positions(flatctl: Flatctl, sim: Simulator) -> None:
    await sim.faults({"action": "truncated_json", "match": {"path": "/fapi/v2/positionRisk"}, "times": 0})
    said = await flatctl("positions")

    assert said.code == 4
    assert "open, total" not in said.out
    assert "nothing is known about what is open" in said.err


@pytest.mark.parametrize("as_json", [False, True])
async def test_an_answer_of_one_row_never_looks_flat_i14(flatctl: Flatctl, sim: Simulator, *, as_json: bool) -> None:
    one = {"action": "status", "status": 200, "body": [position_row("XRPUSDT", "0")]}
    await sim.faults({**one, "match": {"path": "/fapi/v2/positionRisk"}, "times": 0})
    said = await flatctl("positions", *(["--json"] if as_json else []))

    assert said.code == 4
    assert "0 open, total exposure $0.00" not in said.out
    wanted = sum(row["status"] in ("TRADING", "PRE_SETTLE") for row in await listing(sim)) - 1
    assert f"{wanted} rows are missing from the answer, each may hide an open position: " in said.err
    assert f" and {wanted - 5} more\n" in said.err
    assert said.err.count("\n") == 1
    if as_json:
        missing = json.loads(said.out)["missing"]
        assert len(missing) == wanted
        assert {"symbol": "ETHUSDT", "position_side": "both"} in missing


async def test_one_missing_row_is_named_and_what_is_open_is_shown_i14(flatctl: Flatctl, sim: Simulator) -> None:
    await sim.faults({"action": "drop_row", "match": {"path": "/fapi/v2/positionRisk", "symbol": "ETHUSDT"}})
    said = await flatctl("positions")

    assert said.code == 4
    assert "NOT THE WHOLE ACCOUNT: 673 symbols, at least 43 open, at least total exposure $" in said.out
    assert "1 rows are missing from the answer, each may hide an open position: ETHUSDT\n" in said.err


async def test_in_hedge_mode_both_legs_must_be_there_i14(flatctl: Flatctl, sim: Simulator) -> None:
    legs = [position_row(row["symbol"], "0", positionSide="LONG") for row in await listing(sim)]
    legs += [position_row(row["symbol"], "0", positionSide="SHORT") for row in await listing(sim)][:-1]
    whole = {"action": "status", "status": 200, "body": legs, "match": {"path": "/fapi/v2/positionRisk"}}
    await sim.faults({**whole, "times": 0})
    said = await flatctl("positions")

    assert said.code == 4
    last = (await listing(sim))[-1]["symbol"]
    assert f"1 rows are missing from the answer, each may hide an open position: {last} short\n" in said.err


async def test_a_symbol_that_takes_no_orders_needs_no_row(flatctl: Flatctl, sim: Simulator) -> None:
    settling = next(row["symbol"] for row in await listing(sim) if row["status"] == "SETTLING")
    await sim.faults({"action": "drop_row", "match": {"path": "/fapi/v2/positionRisk", "symbol": settling}})
    said = await flatctl("positions")

    assert said.code == 0, said
    assert "673 symbols, 44 open, total exposure $" in said.out


async def test_without_the_list_of_symbols_positions_are_shown_and_nothing_is_proved_i14(
    flatctl: Flatctl, sim: Simulator
) -> None:
    await sim.faults({"action": "truncated_json", "match": {"path": "/fapi/v1/exchangeInfo"}, "times": 0})
    said = await flatctl("positions")

    assert said.code == 4
    assert "NOT THE WHOLE ACCOUNT: 674 symbols, at least 44 open" in said.out
    assert "nobody knows whether rows are missing" in said.err


@pytest.mark.parametrize("name", ["EXCHANGE_API_KEY", "EXCHANGE_API_SECRET"])
async def test_a_wrong_key_is_one_line_and_never_printed(flatctl: Flatctl, name: str) -> None:
    flatctl.environ[name] = "planted-credential-4711"
    said = await flatctl("positions")

    assert said.code == 1
    assert "rejects the key" in said.err
    assert said.err.count("\n") == 1
    assert "planted-credential-4711" not in said.out + said.err


async def test_no_command_ever_prints_a_credential(flatctl: Flatctl, sim: Simulator) -> None:
    for command in (("positions",), ("positions", "--json"), ("ess", "status"), ("status",), *READING):
        said = await flatctl(*command)
        assert sim.read_key not in said.out + said.err
        assert sim.read_secret not in said.out + said.err


@pytest.mark.parametrize("name", ["EXCHANGE_API_KEY", "EXCHANGE_API_SECRET"])
async def test_a_missing_setting_is_named(flatctl: Flatctl, name: str) -> None:
    del flatctl.environ[name]
    said = await flatctl("positions")

    assert said.code == 1
    assert said.err.startswith(f"flatctl: {name}")
    assert said.err.count("\n") == 1


async def test_an_exchange_that_is_down_is_one_line(flatctl: Flatctl) -> None:
    flatctl.environ["EXCHANGE_BASE_URL"] = "http://127.0.0.1:1"
    said = await flatctl("positions")

    assert said.code == 4
    assert "http://127.0.0.1:1 could not be read" in said.err
    assert said.err.count("\n") == 1
