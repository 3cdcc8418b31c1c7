"""A governor as a process, with every gate open; what others tell it, and what it shows."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from pathlib import Path

from contracts.flattening import Counts, FlattenCompleted, RunVerdict, Timings
from contracts.positions import PositionSnapshot
from contracts.vocabulary import Environment
from runtime.entries import publish
from support.operator import Operator
from support.patience import HANG_S
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


async def wait_metrics(governor: ServiceProcess, *wanted: str, without: Sequence[str] = ()) -> list[str]:
    """The metrics' lines, once they hold all that is wanted and none that is to be gone.

    They are another process's state, made of what it does and reads in turn: there is nothing to wait on but asking.
    """
    lines: list[str] = []
    try:
        async with asyncio.timeout(HANG_S):
            while not set(wanted) <= set(lines) or set(without) & set(lines):
                lines = (await governor.metrics()).splitlines()
                await asyncio.sleep(0.02)
    except TimeoutError:
        missing, left = set(wanted) - set(lines), set(without) & set(lines)
        raise AssertionError(f"missing: {missing}, not gone: {left}\n{chr(10).join(lines)}\n{governor.text}") from None
    return lines
