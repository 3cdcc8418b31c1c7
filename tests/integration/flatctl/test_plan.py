"""A dry run on the exchange: what would be done is told, and nothing is."""

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio

from flatctl.plan_file import load_plan
from support.flatctl_process import Flatctl
from support.sim import Simulator
from support.venue_samples import position_row

ETH = {"symbol": "ETHUSDT", "qty": "9.1", "entry_price": "3000", "mark": "3400"}
TAKE_PROFIT = {"symbol": "ETHUSDT", "side": "SELL", "qty": "2", "price": "9000", "reduce_only": True}
ENTRY = {"symbol": "ADAUSDT", "side": "BUY", "qty": "100", "price": "0.01"}


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[Simulator]:
    """Whatever a test does with it, nothing was ever sent."""
    async with Simulator("--scenario", "incident") as simulator:
        yield simulator
        requests = await simulator.requests()
        assert requests
        assert {request["method"] for request in requests} == {"GET"}
        assert await simulator.orders() == []


@pytest.fixture
def flatctl(sim: Simulator, tmp_path: Path) -> Flatctl:
    """Without any Redis: the exchange is asked directly, with a key that may only read."""
    return Flatctl.on(
        "redis://127.0.0.1:1/0",
        "test:plan",
        tmp_path,
        EXCHANGE_BASE_URL=sim.base_url,
        EXCHANGE_API_KEY=sim.read_key,
        EXCHANGE_API_SECRET=sim.read_secret,
    )


async def test_the_incident_would_be_closed_whole_and_nothing_is_sent(flatctl: Flatctl, sim: Simulator) -> None:
    before = await sim.positions()
    said = await flatctl("plan")

    assert said.code == 0, said
    assert said.out.startswith("environment SIM (not real money)   account main   namespace test:plan\n")
    assert "a plan: nothing was sent, and nothing is armed" in said.out
    assert "seen=674 nonzero=44 filtered=44\n" in said.out
    assert "would close 44 positions, $" in said.out
    assert "44 orders go in 9 requests and 1 rounds" in said.out
    assert "nothing of what is known would stay open" in said.out
    lines = {line.split()[0]: line.split() for line in said.out.splitlines() if line}
    assert lines["ETHUSDT"][:5] == ["ETHUSDT", "long", "sell", "9.100", "1"]
    assert await sim.positions() == before


async def test_a_key_that_may_trade_sends_nothing_either(flatctl: Flatctl, sim: Simulator) -> None:
    flatctl.environ |= {"EXCHANGE_API_KEY": sim.api_key, "EXCHANGE_API_SECRET": sim.api_secret}
    await sim.scenario(positions=[ETH], resting_orders=[TAKE_PROFIT, ENTRY])

    assert (await flatctl("plan")).code == 0


async def test_profit_is_the_exchanges_own_word(flatctl: Flatctl, sim: Simulator) -> None:
    await sim.scenario(positions=[ETH])
    said = await flatctl("plan", "--json")

    (close,) = json.loads(said.out)["to_close"]
    assert Decimal(close["unrealised_pnl"]) == Decimal(3640)
    assert close["order_side"] == "sell"


async def test_what_orders_leave_of_a_position_is_shown_and_is_dust(flatctl: Flatctl, sim: Simulator) -> None:
    await sim.scenario(positions=[{"symbol": "ETHUSDT", "qty": "2.0004", "mark": "1000"}])
    said = await flatctl("plan")

    assert said.code == 0, said
    rows = [line.split()[1:5] for line in said.out.splitlines() if line.startswith("ETHUSDT")]
    assert rows == [["long", "sell", "2.0004", "2.000"], ["long", "0.0004", "$0.40", "dust"]]


async def test_waiting_orders_of_both_kinds_would_be_cancelled(flatctl: Flatctl, sim: Simulator) -> None:
    stop = {"symbol": "ETHUSDT", "side": "SELL", "type": "STOP_MARKET", "trigger_price": "1000", "close_position": True}
    await sim.scenario(positions=[ETH], resting_orders=[TAKE_PROFIT, stop, ENTRY])
    said = await flatctl("plan")

    assert said.code == 0, said
    assert "would cancel 3 waiting orders" in said.out
    assert [line.split()[0] for line in said.out.splitlines() if "MAY OPEN a position" in line] == ["ADAUSDT"]
    assert len((await sim.state())["open_orders"]) == 2


async def test_a_symbol_that_takes_no_orders_stays_open_and_dust_does_not_count(
    flatctl: Flatctl, sim: Simulator
) -> None:
    dust = {"symbol": "ADAUSDT", "qty": "1", "mark": "0.5"}
    await sim.scenario(positions=[ETH, dust])
    only_dust = await flatctl("plan")
    await sim.change(statuses={"ETHUSDT": "SETTLING"})
    settling = await flatctl("plan")

    assert only_dust.code == 0, only_dust
    assert "WOULD STAY OPEN: 1 positions, dust" in only_dust.out
    assert settling.code == 2, settling
    assert "WOULD STAY OPEN: 2 positions\n" in settling.out
    assert "status SETTLING" in settling.out
    assert "seen=674 nonzero=2 filtered=0; not to be closed: dust=1 untradable=1" in settling.out


async def test_the_limits_are_those_of_the_environment_and_told(flatctl: Flatctl) -> None:
    flatctl.environ |= {"MAX_FLATTEN_SYMBOLS": "43", "MIN_FLATTEN_NOTIONAL_USD": "2.5", "FLATTEN_QTY_EPSILON": "1e-9"}
    said = await flatctl("plan")

    assert said.code == 2
    assert (
        "limits: MAX_FLATTEN_SYMBOLS=43 MIN_FLATTEN_NOTIONAL_USD=2.5 FLATTEN_QTY_EPSILON=0.000000001 "
        "FLATTEN_MAX_ROUNDS=3 FLATTEN_RUN_MAX_SECONDS=120" in said.out
    )
    assert (
        "THE RUN WOULD ABORT before any order: 44 positions to close are more than MAX_FLATTEN_SYMBOLS=43" in said.out
    )


async def test_the_estimate_takes_the_limits_that_the_exchange_states(flatctl: Flatctl, sim: Simulator) -> None:
    await sim.limits(orders_10s=20)
    said = await flatctl("plan", "--json")

    estimate = json.loads(said.out)["estimate"]
    assert estimate["pace"]["limits"]["orders_per_10s"] == 20
    assert estimate["pace"]["held_back_ms"] == 2 * 10_500
    assert estimate["total_ms"] == estimate["answers"] * estimate["answer_ms"] + 21_000


async def test_a_scope_plans_only_its_symbols_and_names_the_others(flatctl: Flatctl) -> None:
    said = await flatctl("plan", "--symbols", "ethusdt,BTCUSDT")

    assert said.code == 0, said
    assert "scope: only ETHUSDT, BTCUSDT" in said.out
    assert "would close 2 positions" in said.out
    assert "would not be touched, outside the scope: " in said.out


async def test_a_symbol_that_is_not_listed_is_one_line(flatctl: Flatctl) -> None:
    said = await flatctl("plan", "--symbols", "ETHUSD")

    assert (said.code, said.err) == (1, "flatctl: no plan: ETHUSD is not listed; did you mean ETHUSDT?\n")


async def test_hedge_mode_plans_each_leg(flatctl: Flatctl, sim: Simulator) -> None:
    await sim.scenario(
        hedge_mode=True, positions=[{"symbol": "ETHUSDT", "qty": "2"}, {"symbol": "ETHUSDT", "qty": "-1"}]
    )
    said = await flatctl("plan")

    assert said.code == 0, said
    rows = sorted(line.split()[:4] for line in said.out.splitlines() if line.startswith("ETHUSDT"))
    assert rows == [["ETHUSDT", "long", "sell", "2.000"], ["ETHUSDT", "short", "buy", "-1.000"]]


async def test_a_saved_plan_is_the_one_that_was_told_and_the_same_account_gives_the_same_hash(
    flatctl: Flatctl, sim: Simulator, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    told = await flatctl("plan", "--json", "--save", str(first))
    await sim.price("ETHUSDT", "3500")
    again = await flatctl("plan", "--save", str(second))

    plan = load_plan(first)
    assert json.loads(told.out) == json.loads(first.read_text())
    assert load_plan(second).plan_hash == plan.plan_hash
    assert f"plan hash {plan.plan_hash}" in again.out
    assert f"saved: {second}" in again.out
    await sim.position("ETHUSDT", "9")
    await flatctl("plan", "--save", str(second))
    assert load_plan(second).plan_hash != plan.plan_hash


async def test_a_place_where_nothing_can_be_saved_is_one_line(flatctl: Flatctl, tmp_path: Path) -> None:
    said = await flatctl("plan", "--save", str(tmp_path / "no" / "plan.json"))

    assert said.code == 1
    assert said.err.count("\n") == 1
    assert "cannot be written" in said.err


@pytest.mark.parametrize(
    "path", ["/fapi/v1/openOrders", "/fapi/v1/openAlgoOrders", "/fapi/v1/positionSide/dual"], ids=str
)
async def test_what_cannot_be_read_is_a_doubt_and_exit_4(flatctl: Flatctl, sim: Simulator, path: str) -> None:
    await sim.faults({"action": "truncated_json", "match": {"path": path}, "times": 0})
    said = await flatctl("plan")

    assert said.code == 4, said
    assert "NOT READ IN FULL: " in said.out
    assert "would close 44 positions" in said.out
    assert said.err.count("\n") == 1


async def test_without_the_exchanges_rules_there_is_no_plan(flatctl: Flatctl, sim: Simulator) -> None:
    await sim.faults({"action": "truncated_json", "match": {"path": "/fapi/v1/exchangeInfo"}, "times": 0})
    said = await flatctl("plan")

    assert said.code == 4
    assert "no plan without the exchange's rules" in said.err
    assert "would close" not in said.out


async def test_a_cut_off_answer_is_no_plan_i14(flatctl: Flatctl, sim: Simulator) -> None:
    await sim.faults({"action": "truncated_json", "match": {"path": "/fapi/v2/positionRisk"}, "times": 0})
    said = await flatctl("plan")

    assert said.code == 4
    assert "nothing is known about what is open" in said.err


async def test_missing_rows_are_named_and_exit_4_i14(flatctl: Flatctl, sim: Simulator) -> None:
    one = {"action": "status", "status": 200, "body": [position_row("XRPUSDT", "0")]}
    await sim.faults({**one, "match": {"path": "/fapi/v2/positionRisk"}, "times": 0})
    said = await flatctl("plan")

    assert said.code == 4
    assert "rows could not be read or are missing, each may hide an open position" in said.err
    assert "the answer has no row of it" in said.out


async def test_a_wrong_key_is_one_line_and_never_printed(flatctl: Flatctl) -> None:
    flatctl.environ["EXCHANGE_API_SECRET"] = "planted-credential-4711"
    said = await flatctl("plan")

    assert said.code == 1
    assert "rejects the key" in said.err
    assert "planted-credential-4711" not in said.out + said.err
