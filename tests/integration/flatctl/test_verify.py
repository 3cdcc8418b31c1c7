"""Is the account flat? The exchange says so, whatever a run, the oracle or a cache said."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from msgspec.structs import replace

from contracts.flattening import RunVerdict
from runtime.redis_client import raw
from support.flatctl_process import Flatctl
from support.run_events import completed
from support.scribe import Scribe
from support.sim import Simulator
from support.snapshots import a_snapshot, leg
from support.venue_samples import position_row

ETH = {"symbol": "ETHUSDT", "qty": "9.1", "mark": "3400"}
TAKE_PROFIT = {"symbol": "ETHUSDT", "side": "SELL", "qty": "2", "price": "9000", "reduce_only": True}
IN_ORDER = ("v1/exchangeInfo", "v1/openAlgoOrders", "v1/openOrders", "v2/positionRisk")
ENTRY = {"symbol": "ADAUSDT", "side": "BUY", "qty": "100", "price": "0.01"}


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator() as simulator:
        yield simulator
        assert {request["method"] for request in await simulator.requests()} <= {"GET"}


@pytest.fixture
def flatctl(sim: Simulator, redis_url: str, namespace: str, tmp_path: Path) -> Flatctl:
    return Flatctl.on(
        redis_url,
        namespace,
        tmp_path,
        EXCHANGE_BASE_URL=sim.base_url,
        EXCHANGE_API_KEY=sim.read_key,
        EXCHANGE_API_SECRET=sim.read_secret,
        FLATTEN_POSITIONS_PREFIX=f"{namespace}:positions:",
    )


async def test_an_account_without_positions_is_flat(flatctl: Flatctl) -> None:
    said = await flatctl("verify")

    assert said.code == 0, said
    assert "FLAT: nothing is open, and no waiting order can open anything" in said.out.splitlines()[-1]
    assert "last run: nothing was ever flattened: no difference" in said.out
    assert "oracle's snapshot: the oracle has published nothing: no difference" in said.out
    assert "positions:<symbol> for any of 674 symbols: no difference" in said.out


async def test_the_exchanges_limits_are_read_first_then_waiting_orders_then_positions(
    flatctl: Flatctl, sim: Simulator
) -> None:
    # Whatever does not wait for this answer comes before the next in the row.
    await sim.faults({"action": "delay", "hold_ms": 1_000, "match": {"path": "/fapi/v1/openAlgoOrders"}})
    await flatctl("verify")

    paths = [request["path"] for request in await sim.requests()]
    order = [paths.index(f"/fapi/{path}") for path in IN_ORDER]
    assert order == sorted(order)


async def test_dust_is_named_and_flat(flatctl: Flatctl, sim: Simulator) -> None:
    await sim.scenario(positions=[{"symbol": "ADAUSDT", "qty": "1", "mark": "0.5"}])
    said = await flatctl("verify")

    assert said.code == 0, said
    assert "FLAT EXCEPT FOR DUST: 1 positions, $0.50: ADAUSDT" in said.out


async def test_what_is_open_is_shown_and_exit_2(flatctl: Flatctl, sim: Simulator) -> None:
    await sim.scenario(positions=[ETH])
    said = await flatctl("verify")

    assert said.code == 2, said
    assert "OPEN: 1 positions, $30,940.00; 0 waiting orders may open one" in said.out
    assert next(line for line in said.out.splitlines() if line.startswith("ETHUSDT")).split()[1:3] == ["long", "9.100"]


@pytest.mark.parametrize(("order", "code"), [(TAKE_PROFIT, 0), (ENTRY, 2)], ids=["reduce-only", "may open"])
async def test_a_waiting_order_that_may_open_a_position_is_exit_2(
    flatctl: Flatctl, sim: Simulator, order: dict[str, object], code: int
) -> None:
    await sim.scenario(resting_orders=[order])
    said = await flatctl("verify")

    assert said.code == code, said
    assert f"STILL WAITING at the exchange: 1 orders, {code // 2} may open a position" in said.out


@pytest.mark.parametrize("as_json", [False, True])
async def test_an_answer_of_one_row_never_looks_flat_i14(flatctl: Flatctl, sim: Simulator, *, as_json: bool) -> None:
    one = {"action": "status", "status": 200, "body": [position_row("XRPUSDT", "0")]}
    await sim.faults({**one, "match": {"path": "/fapi/v2/positionRisk"}, "times": 0})
    said = await flatctl("verify", *(["--json"] if as_json else []))

    assert said.code == 4
    assert said.err.count("\n") == 1
    assert "each may hide an open position" in said.err
    if as_json:
        assert json.loads(said.out)["verdict"] == "unknown"
    else:
        assert "UNKNOWN: nothing was seen open, and nobody can say that nothing is" in said.out


@pytest.mark.parametrize(
    "path", ["openOrders", "openAlgoOrders", "positionSide/dual", "exchangeInfo"], ids=lambda path: path.split("/")[0]
)
async def test_whatever_cannot_be_read_makes_it_unknown_i14(flatctl: Flatctl, sim: Simulator, path: str) -> None:
    await sim.faults({"action": "truncated_json", "match": {"path": f"/fapi/v1/{path}"}, "times": 0})

    assert (await flatctl("verify")).code == 4


async def test_a_scope_decides_alone_and_what_is_outside_is_named(flatctl: Flatctl, sim: Simulator) -> None:
    await sim.scenario(positions=[ETH], resting_orders=[ENTRY])
    said = await flatctl("verify", "--symbols", "btcusdt")

    assert said.code == 0, said
    assert "open outside the scope: ETHUSDT" in said.out


async def test_the_exchange_is_right_and_each_difference_is_explained(
    flatctl: Flatctl, sim: Simulator, scribe: Scribe, namespace: str
) -> None:
    await sim.scenario(positions=[ETH])
    now_ms = await scribe.now_ms()
    snapshot = a_snapshot(leg(symbol="BTCUSDT", quantity="1"))
    await scribe.tell(completed(RunVerdict.FLAT), replace(snapshot, taken_at_ms=now_ms - 5_000))
    prefix = f"{namespace}:positions:"
    await raw(scribe.redis, "HSET", f"{prefix}ETHUSDT", "positionAmt", "2", "timestamp", str(now_ms // 1000 - 60))
    await raw(scribe.redis, "SET", f"{prefix}BTCUSDT", '{"qty": "0.5"}')
    await raw(scribe.redis, "SET", f"{prefix}ADAUSDT", "0")
    await raw(scribe.redis, "SADD", f"{prefix}XRPUSDT", "long")
    await raw(scribe.redis, "SET", f"{prefix}NOSUCH", "7")
    said = await flatctl("verify")

    assert said.code == 2, said
    lines = said.out.splitlines()
    assert sum("DIFFERENCES, the exchange is right" in line for line in lines) == 3
    assert f"cache: 4 of 674 symbols have a key {prefix}<symbol>" in said.out
    for words in (
        "the run saw nothing here: it was opened since",
        "between the two readings",
        "the exchange shows another quantity; the cached value is 1 min",
        "the exchange shows none: it was closed, and the cache was not told; how old the cached value is",
        "the cached value is not understood: its type is set",
    ):
        assert words in said.out, said.out
    assert "ADAUSDT" not in said.out
    assert "NOSUCH" not in said.out


async def test_a_cache_that_says_flat_makes_nothing_flat_and_one_that_says_open_nothing_open(
    flatctl: Flatctl, sim: Simulator, scribe: Scribe, namespace: str
) -> None:
    await raw(scribe.redis, "SET", f"{namespace}:positions:ETHUSDT", "9.1")
    flat = await flatctl("verify", "--json")
    await raw(scribe.redis, "SET", f"{namespace}:positions:ETHUSDT", "0")
    await sim.scenario(positions=[ETH])
    held = await flatctl("verify", "--json")

    assert (flat.code, held.code) == (0, 2)
    assert [len(json.loads(said.out)["compared"][2]["differences"]) for said in (flat, held)] == [1, 1]


async def test_another_accounts_record_is_not_compared(flatctl: Flatctl, scribe: Scribe) -> None:
    await scribe.tell(completed(RunVerdict.FLAT), a_snapshot())
    flatctl.environ["ACCOUNT"] = "other"
    said = await flatctl("verify")

    assert said.code == 0
    assert "last run: not compared: it was of account main in sim" in said.out
    assert "oracle's snapshot: not compared: it is of account main in sim" in said.out


async def test_without_redis_the_exchange_still_answers(flatctl: Flatctl, sim: Simulator) -> None:
    flatctl.environ["REDIS_URL"] = "redis://127.0.0.1:1/0"
    await sim.scenario(positions=[ETH])
    said = await flatctl("verify")

    assert said.code == 2, said
    assert said.out.count(": not compared: ") == 3
    assert "OPEN: 1 positions" in said.out


async def test_a_symbol_that_is_not_listed_is_one_line(flatctl: Flatctl) -> None:
    said = await flatctl("verify", "--symbols", "ETHUSD")

    assert (said.code, said.err) == (1, "flatctl: not verified: ETHUSD is not listed; did you mean ETHUSDT?\n")


@pytest.mark.parametrize("address", ["http://127.0.0.1:1"])
async def test_an_exchange_that_is_down_is_one_line(flatctl: Flatctl, address: str) -> None:
    flatctl.environ["EXCHANGE_BASE_URL"] = address
    said = await flatctl("verify")

    assert said.code == 4
    assert "nothing is known about what is open" in said.err
    assert said.err.count("\n") == 1
