"""A governor as a process, with every gate open; what others tell it, and what it shows."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from pathlib import Path

from contracts.flattening import Counts, FlattenCompleted, RunVerdict, Timings
from contracts.positions import PositionSnapshot
from contracts.vocabulary import Environment
from runtime.entries import publish
from support.operator import Operator
from support.processes import ServiceProcess

Running = Callable[..., AbstractAsyncContextManager[None]]
"""`async with governor(setting=…):` runs one in this process."""


def a_governor(redis_url: str, namespace: str, latch: Path, name: str = "governor-1", **env: str) -> ServiceProcess:
    """Not started yet. `env` overrides single variables."""
    open_gates = {
        "REDIS_URL": redis_url,
        "FLATTEN_NAMESPACE": namespace,
        "FLATTEN_ALLOCATION_PREFIX": f"{namespace}:target:",
        "CONSUMER_NAME": name,
        "ESS_LATCH": f"file:{latch}",
        "GOV_TESTNET_FORCE_FLATTEN": "true",
        "GOV_TESTNET_FORCE_FLATTEN_CONFIRM": "FLATTEN_NOW",
    }
    return ServiceProcess("governor.main", {**open_gates, **env})


def a_completed_run(finished_at_ms: int = 1_769_571_481_500) -> FlattenCompleted:
    return FlattenCompleted(
        request_id="req-1",
        arm_id="arm-1",
        account="main",
        environment=Environment.SIM,
        verdict=RunVerdict.FLAT_EXCEPT_DUST,
        counts=Counts(
            seen=674, zero=629, nonzero=45, dust=1, filtered=44, sent=44, ok=43, orders_sent=44, orders_ok=43, errors=1
        ),
        outcomes=(),
        residual=(),
        residual_notional_usd=Decimal("0.5"),
        rounds=1,
        timings=Timings(armed_at_ms=1, requested_at_ms=2, started_at_ms=3, finished_at_ms=finished_at_ms),
        software_version="0",
    )


async def complete(operator: Operator, run: FlattenCompleted | None = None) -> None:
    """The executor finishes."""
    key, event = operator.keys.of(FlattenCompleted), run or a_completed_run()
    await publish(operator.redis, key, event, source="/test/executor", subject="main", event_id="req-1", time_ms=1)


async def show(operator: Operator, snapshot: PositionSnapshot) -> None:
    """The oracle publishes."""
    key, event_id = operator.keys.of(PositionSnapshot), snapshot.snapshot_id
    await publish(operator.redis, key, snapshot, source="/test/oracle", subject="main", event_id=event_id, time_ms=1)


async def wait_metric(governor: ServiceProcess, line: str) -> str:
    """The metrics, once they hold the line: another process's state, there is nothing to wait on but asking."""
    text = ""
    try:
        async with asyncio.timeout(20):
            while line not in text.splitlines():
                text = await governor.metrics()
    except TimeoutError:
        raise AssertionError(f"no line {line!r} in:\n{text}") from None
    return text
