"""The oracle as a process, between the simulator and a real Redis."""

import itertools
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from contracts.positions import PositionSnapshot
from contracts.streams import Keys
from runtime.redis_client import open_reader, open_redis, raw
from support.operator import Operator
from support.processes import ServiceProcess
from support.redis_server import RedisServer
from support.sim import Simulator

ROWS = "/fapi/v2/positionRisk"


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator() as simulator:
        yield simulator


@pytest.fixture
def eyes(redis: Redis, reader: Redis, namespace: str) -> Operator:
    """Reads what the oracle publishes."""
    return Operator(redis, reader, namespace)


def an_oracle(sim_url: str, redis_url: str, namespace: str, **env: str) -> ServiceProcess:
    settings = {
        "REDIS_URL": redis_url,
        "FLATTEN_NAMESPACE": namespace,
        "EXCHANGE_BASE_URL": sim_url,
        "EXCHANGE_API_KEY": Simulator.read_key,
        "EXCHANGE_API_SECRET": Simulator.read_secret,
        "ORACLE_POLL_SECONDS": "0.2",
    }
    return ServiceProcess("position_oracle.main", {**settings, **env})


async def next_snapshots(eyes: Operator, count: int = 1) -> list[PositionSnapshot]:
    """Snapshots that are published from now on."""
    already = await raw(eyes.redis, "XLEN", eyes.keys.of(PositionSnapshot))
    return (await eyes.wait_for(PositionSnapshot, already + count))[already:]


async def test_a_snapshot_shows_every_row_and_every_mark(
    sim: Simulator, eyes: Operator, redis_url: str, namespace: str
) -> None:
    await sim.position("ETHUSDT", "9.1")
    await sim.position("BTCUSDT", "-0.002")
    async with an_oracle(sim.base_url, redis_url, namespace) as oracle:
        first, second, *_ = await eyes.wait_for(PositionSnapshot, 2)
        await oracle.wait_ready()
        assert (await oracle.wait_line("snapshots are published")).endswith("seen=674 open=2 unreadable=0")

    assert first.symbols_seen == 674
    assert {row.symbol: row.quantity for row in first.positions} == {
        "ETHUSDT": Decimal("9.1"),
        "BTCUSDT": Decimal("-0.002"),
    }
    assert len(first.marks) == 674
    assert all(row.mark_price for row in first.positions)
    assert (first.sequence, second.sequence) == (1, 2)
    assert second.taken_at_ms > first.taken_at_ms


async def test_i14_a_quantity_that_is_no_number_is_named_and_the_rest_is_published(
    sim: Simulator, eyes: Operator, redis_url: str, namespace: str
) -> None:
    await sim.position("ETHUSDT", "9.1")
    await sim.faults({"action": "nan_quantity", "match": {"path": ROWS, "symbol": "BTCUSDT"}, "times": 0})
    async with an_oracle(sim.base_url, redis_url, namespace) as oracle:
        (snapshot, *_) = await eyes.wait_for(PositionSnapshot)
        await oracle.wait_line("1 rows cannot be read, positions may hide there: BTCUSDT")
        assert "oracle_unreadable_rows 1.0" in (await oracle.metrics()).splitlines()

    assert [row.symbol for row in snapshot.unreadable] == ["BTCUSDT"]
    assert snapshot.symbols_seen == 674
    assert [row.symbol for row in snapshot.positions] == ["ETHUSDT"]


async def test_i14_a_held_symbol_whose_row_is_gone_stays_under_suspicion_until_it_is_back(
    sim: Simulator, eyes: Operator, redis_url: str, namespace: str
) -> None:
    await sim.position("ETHUSDT", "9.1")
    await sim.faults({"action": "drop_row", "match": {"path": ROWS, "symbol": "ETHUSDT", "nth": 2}, "times": 0})
    async with an_oracle(sim.base_url, redis_url, namespace) as oracle:
        await oracle.wait_line("ETHUSDT row: missing: it was open at the reading before")
        await sim.clear_faults()
        await oracle.wait_line("every row can be read again")
        snapshots = await eyes.events(PositionSnapshot)

    gone = next(snapshot for snapshot in snapshots if snapshot.unreadable)
    assert (gone.positions, [row.symbol for row in gone.unreadable]) == ((), ["ETHUSDT"])
    assert [row.symbol for row in snapshots[-1].positions] == ["ETHUSDT"]


@pytest.mark.parametrize("action", ["truncate_body", "truncated_json", "empty_200"])
@pytest.mark.parametrize("path", [ROWS, "/fapi/v1/premiumIndex"])
async def test_i14_an_answer_that_is_cut_off_never_becomes_a_snapshot(
    sim: Simulator, eyes: Operator, redis_url: str, namespace: str, action: str, path: str
) -> None:
    await sim.faults({"action": action, "match": {"path": path}, "times": 0})
    async with an_oracle(sim.base_url, redis_url, namespace) as oracle:
        await oracle.wait_line("nothing is published")
        await oracle.wait_unready()
        await sim.wait(requests=3, path=path)
        assert await eyes.events(PositionSnapshot) == []

        await sim.clear_faults()
        await eyes.wait_for(PositionSnapshot)
        await oracle.wait_ready()


async def test_a_missing_mark_leaves_the_position_without_a_price(
    sim: Simulator, eyes: Operator, redis_url: str, namespace: str
) -> None:
    await sim.position("ETHUSDT", "9.1")
    await sim.faults(
        {"action": "missing_mark", "match": {"path": ROWS, "symbol": "ETHUSDT"}, "times": 0},
        {"action": "missing_mark", "match": {"path": "/fapi/v1/premiumIndex", "symbol": "ETHUSDT"}, "times": 0},
    )
    async with an_oracle(sim.base_url, redis_url, namespace):
        (snapshot, *_) = await eyes.wait_for(PositionSnapshot)

    assert [(row.symbol, row.mark_price) for row in snapshot.positions] == [("ETHUSDT", None)]


async def test_a_rejected_key_is_one_clear_line_and_is_tried_again_slowly(
    sim: Simulator, redis_url: str, namespace: str
) -> None:
    async with an_oracle(sim.base_url, redis_url, namespace, EXCHANGE_API_KEY="a-key-nobody-knows") as oracle:
        await oracle.wait_line("the exchange rejects the key: check EXCHANGE_API_KEY and EXCHANGE_API_SECRET")
        await oracle.wait_unready()
        assert "a-key-nobody-knows" not in oracle.text
        assert Simulator.read_secret not in oracle.text
        asked_us = [each["received_us"] for each in await sim.requests() if each["path"] == ROWS]

    assert asked_us
    assert all(later - earlier >= 14_000_000 for earlier, later in itertools.pairwise(asked_us))


async def test_the_exchange_away_makes_the_age_grow_and_recovers(
    eyes: Operator, redis_url: str, namespace: str
) -> None:
    async with Simulator() as sim, an_oracle(sim.base_url, redis_url, namespace) as oracle:
        await oracle.wait_ready()
        await sim.faults({"action": "drop_before", "match": {"path": ROWS}, "times": 0})
        await oracle.wait_line("the exchange could not be read, nothing is published")
        await oracle.wait_unready()
        assert 'oracle_polls_total{result="read_failed"} 0.0' not in await oracle.metrics()

        await sim.clear_faults()
        await next_snapshots(eyes)
        await oracle.wait_ready()
        assert len([line for line in oracle.lines if "could not be read" in line]) == 1


async def test_a_slow_exchange_is_never_asked_twice_at_once(
    sim: Simulator, eyes: Operator, redis_url: str, namespace: str
) -> None:
    await sim.latency(300)
    async with an_oracle(sim.base_url, redis_url, namespace, ORACLE_POLL_SECONDS="0.05") as oracle:
        snapshots = await eyes.wait_for(PositionSnapshot, 4)
        oracle.sigterm()
        assert await oracle.wait() == 0

    gaps_ms = [later.taken_at_ms - earlier.taken_at_ms for earlier, later in itertools.pairwise(snapshots)]
    assert min(gaps_ms) >= 300


async def test_redis_down_at_the_start_and_going_away_is_told_and_survived(
    sim: Simulator, own_redis: RedisServer, namespace: str
) -> None:
    own_redis.stop()
    async with an_oracle(sim.base_url, own_redis.url, namespace) as oracle:
        await oracle.wait_line("Redis did not take the snapshot")
        await oracle.wait_unready()

        own_redis.start()
        await oracle.wait_ready()
        own_redis.kill()
        await oracle.wait_unready()

        own_redis.start()
        await oracle.wait_ready()
        redis, reader = open_redis(own_redis.url, name="test"), open_reader(own_redis.url, name="test")
        assert await Operator(redis, reader, namespace).wait_for(PositionSnapshot, 2)
        await reader.aclose()
        await redis.aclose()


async def test_the_stream_is_trimmed_and_the_newest_stays(
    sim: Simulator, eyes: Operator, redis: Redis, redis_url: str, namespace: str
) -> None:
    key = Keys(namespace).of(PositionSnapshot)
    async with redis.pipeline() as pipeline:
        for _ in range(3_000):
            pipeline.execute_command("XADD", key, "*", "old", "1")
        await pipeline.execute()
    async with an_oracle(sim.base_url, redis_url, namespace) as oracle:
        await oracle.wait_line("snapshots are published")

    assert await raw(redis, "XLEN", key) < 1_300
    assert b"position.snapshot.v1" in (await raw(redis, "XREVRANGE", key, "+", "-", "COUNT", 1))[0][1]


async def test_a_wrong_setting_is_one_clear_line(redis_url: str, namespace: str) -> None:
    async with an_oracle("http://127.0.0.1:1", redis_url, namespace, ORACLE_POLL_SECONDS="0") as oracle:
        assert await oracle.wait() == 2

    assert oracle.text == "position-oracle: ORACLE_POLL_SECONDS='0' must be more than 0"


async def test_a_missing_key_refuses_to_start(redis_url: str, namespace: str) -> None:
    async with an_oracle("http://127.0.0.1:1", redis_url, namespace, EXCHANGE_API_SECRET="") as oracle:
        assert await oracle.wait() == 2

    (line,) = oracle.lines
    assert line.startswith("position-oracle: EXCHANGE_API_SECRET: empty")
