"""The P2.9 check as it runs: targets in Redis, events on change, and what goes into a request."""

from collections.abc import Sequence

import structlog

from contracts.arming import ArmAccepted
from contracts.positions import AllocationStateChanged, AllocationVerdict, UnreadablePosition
from runtime.redis_client import raw
from support.governing import Running, show
from support.operator import Operator
from support.snapshots import a_snapshot, leg


async def target(operator: Operator, symbol: str, usd: str, mode: str = "enforce", age_s: int = 0) -> None:
    now_s = await operator.now_ms() // 1000
    key = f"{operator.keys.namespace}:target:{symbol}"
    fields = ("target_usd", usd, "mode", mode, "confidence", "0.9", "timestamp", str(now_s - age_s))
    await raw(operator.redis, "HSET", key, *fields)


def told(changes: Sequence[AllocationStateChanged]) -> list[tuple[str, AllocationVerdict | None, AllocationVerdict]]:
    return [(change.check.symbol, change.previous, change.check.verdict) for change in changes]


async def test_a_change_of_a_verdict_is_told_once_with_event_and_line(operator: Operator, governor: Running) -> None:
    await target(operator, "ETHUSDT", "1820")
    with structlog.testing.capture_logs() as logs:
        async with governor():
            await show(operator, a_snapshot(leg()))
            await operator.wait_for(AllocationStateChanged, 1)
            await show(operator, a_snapshot(leg(), snapshot_id="snap-2"))
            await show(operator, a_snapshot(snapshot_id="snap-3"))
            changes = await operator.wait_for(AllocationStateChanged, 2)

    assert told(changes) == [
        ("ETHUSDT", None, AllocationVerdict.BREACH),
        ("ETHUSDT", AllocationVerdict.BREACH, AllocationVerdict.FLAT),
    ]
    assert [line["event"] for line in logs if line["event"].startswith("P2.9")] == [
        "P2.9 ETHUSDT position=$31361.00 target=$1820.00 burst_cap=$3640.00 verdict=breach ratio=17.23",
        "P2.9 ETHUSDT position=$0.00 target=$1820.00 burst_cap=$3640.00 verdict=flat ratio=0.00",
    ]


async def test_every_kind_of_trouble_gets_its_own_verdict(operator: Operator, governor: Running) -> None:
    await target(operator, "SHADOWUSDT", "1", mode="shadow")
    await target(operator, "STALEUSDT", "1", age_s=301)
    await target(operator, "UNPRICEDUSDT", "1")
    await raw(operator.redis, "SET", f"{operator.keys.namespace}:target:WRONGUSDT", "12")
    row = UnreadablePosition(symbol="NANUSDT", field="positionAmt", problem="'NaN' is not a number")
    symbols = ("SHADOWUSDT", "STALEUSDT", "MISSINGUSDT", "WRONGUSDT")
    async with governor():
        await show(
            operator,
            a_snapshot(*(leg(symbol) for symbol in symbols), leg("UNPRICEDUSDT", mark=None), unreadable=(row,)),
        )
        changes = await operator.wait_for(AllocationStateChanged, 6)

    assert {symbol: verdict for symbol, _, verdict in told(changes)} == {
        "SHADOWUSDT": AllocationVerdict.BREACH,
        "STALEUSDT": AllocationVerdict.STALE,
        "MISSINGUSDT": AllocationVerdict.MISSING,
        "WRONGUSDT": AllocationVerdict.MISSING,
        "UNPRICEDUSDT": AllocationVerdict.UNPRICED,
        "NANUSDT": AllocationVerdict.UNREADABLE,
    }


async def test_a_stale_snapshot_is_reported_with_its_breaches_and_stops_nothing(
    operator: Operator, governor: Running
) -> None:
    await target(operator, "ETHUSDT", "1820")
    async with governor():
        taken_at_ms = await operator.now_ms() - 3_600_000
        await show(operator, a_snapshot(leg(), taken_at_ms=taken_at_ms))
        await operator.wait_for(AllocationStateChanged)
        await operator.arm("arm-1")
        await operator.wait_for(ArmAccepted)

    (request,) = await operator.requests()
    assert request.snapshot_id == "snap-1"
    assert request.snapshot_age_ms is not None
    assert 3_600_000 <= request.snapshot_age_ms < 3_700_000
    assert [breach.symbol for breach in request.breaches] == ["ETHUSDT"]


async def test_switched_off_it_says_nothing_and_the_snapshot_is_still_named(
    operator: Operator, governor: Running
) -> None:
    await show(operator, a_snapshot(leg()))
    with structlog.testing.capture_logs() as logs:
        async with governor(gov_testnet_enable_p29=False):
            await operator.arm("arm-1")
            await operator.wait_for(ArmAccepted)

    assert await operator.events(AllocationStateChanged) == []
    assert not [line for line in logs if line["event"].startswith("P2.9")]


async def test_i17_all_positions_of_a_snapshot_are_checked(operator: Operator, governor: Running) -> None:
    async with governor():
        await show(operator, a_snapshot(*(leg(f"S{number}USDT") for number in range(44))))
        changes = await operator.wait_for(AllocationStateChanged, 44)

    assert len({change.check.symbol for change in changes}) == 44
