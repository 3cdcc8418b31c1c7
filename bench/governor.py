"""What a snapshot costs the governor, and how long it takes from an arm to its request."""

import asyncio
import re
import time
from decimal import Decimal

from msgspec.structs import replace

from bench import meter
from bench.figures import Figure, at_most
from bench.report import Section
from bench.sizes import Sizes
from bench.stack import Clients, Server, clients, governor_env, service
from bench.watching import Arming, Following, NotMeasured
from contracts.arming import FlattenRequested
from contracts.positions import AllocationStateChanged, OpenPosition, PositionSnapshot
from demo.targets import targets
from runtime.redis_client import raw
from runtime.streams import publish
from support.processes import ServiceProcess

_PACE_S = 0.01
"""Between snapshots: longer than a check takes, or the governor would pass snapshots over."""
_CPU_MS_PER_SNAPSHOT = 2
_P50_MS, _P99_MS = 3, 8
_CHECKED = re.compile(r"^gov_p29_checked_total\{.*\} ([0-9.e+]+)$", re.MULTILINE)


async def measure(server: Server, sizes: Sizes, snapshot: PositionSnapshot) -> list[Section]:
    """CPU for a snapshot with P2.9 on all its positions, and the times of arms."""
    async with clients(server, "bench:governor") as ours:
        prefix = f"{ours.keys.namespace}:target:"
        await _write_targets(ours, prefix, snapshot)
        env = governor_env(server) | {"FLATTEN_ALLOCATION_PREFIX": prefix}
        async with service("governor.main", server, ours.keys, **env) as governor:
            checking = _Checking(ours, governor, snapshot)
            await checking.begin()
            cpu = [await checking.window(sizes.governor_snapshots) for _ in range(sizes.governor_windows)]
            took = await _arms(ours, sizes.arms)
    name = f"CPU for one snapshot, P2.9 on {len(snapshot.positions)} positions"
    figures = (
        Figure(name=name, unit="ms", samples=tuple(cpu), goal=at_most(_CPU_MS_PER_SNAPSHOT)),
        Figure(name="arm → request, p50", unit="ms", samples=took, goal=at_most(_P50_MS)),
        Figure(name="arm → request, p99", unit="ms", samples=took, percentile=99, goal=at_most(_P99_MS)),
    )
    return [Section(title="Governor", figures=figures)]


class _Checking:
    """Windows of snapshots. The last of each changes one verdict, and its event says that the window is over."""

    def __init__(self, ours: Clients, governor: ServiceProcess, snapshot: PositionSnapshot) -> None:
        self._ours = ours
        self._governor = governor
        self._snapshot = snapshot
        self._changed = replace(snapshot, positions=_with_one_tripled(snapshot))
        self._published = 0
        self._idle_cpu_per_s = 0.0
        self._changes = Following(ours, AllocationStateChanged)

    async def begin(self) -> None:
        """The first check, which has everything to tell, and what the governor uses while it waits."""
        await self._changes.begin()
        await self._publish(self._snapshot)
        for _ in self._snapshot.positions:
            await self._changes.next()
        cpu_s, began_s = meter.cpu_s(self._governor.pid), time.monotonic()
        await asyncio.sleep(2)  # a stretch of idling is what is measured
        self._idle_cpu_per_s = (meter.cpu_s(self._governor.pid) - cpu_s) / (time.monotonic() - began_s)

    async def window(self, count: int) -> float:
        """CPU milliseconds for each snapshot, beyond idling."""
        checked = await self._checked()
        cpu_s, began_s = meter.cpu_s(self._governor.pid), time.monotonic()
        for _ in range(count - 1):
            await self._publish(self._snapshot)
            await asyncio.sleep(_PACE_S)  # the pace of the snapshots, not a wait for anything
        self._snapshot, self._changed = self._changed, self._snapshot
        await self._publish(self._snapshot)
        await self._changes.next()
        used_s = meter.cpu_s(self._governor.pid) - cpu_s - self._idle_cpu_per_s * (time.monotonic() - began_s)
        seen = (await self._checked() - checked) / len(self._snapshot.positions)
        if seen < count / 2:
            raise NotMeasured(f"the governor checked {seen:g} of {count} snapshots; it is too busy to be measured")
        return used_s / seen * 1e3

    async def _checked(self) -> float:
        """Positions checked so far."""
        return sum(map(float, _CHECKED.findall(await self._governor.metrics())))

    async def _publish(self, snapshot: PositionSnapshot) -> None:
        self._published += 1
        now_ms = time.time_ns() // 1_000_000
        fresh = replace(snapshot, snapshot_id=f"bench-{self._published}", taken_at_ms=now_ms)
        await publish(
            self._ours.redis,
            self._ours.keys.of(PositionSnapshot),
            fresh,
            source="/flatguard/bench",
            subject="main",
            event_id=fresh.snapshot_id,
            time_ms=now_ms,
        )


def _with_one_tripled(snapshot: PositionSnapshot) -> tuple[OpenPosition, ...]:
    """The first position's verdict becomes another one."""
    first, *rest = snapshot.positions
    return (replace(first, quantity=first.quantity * 3), *rest)


async def _write_targets(ours: Clients, prefix: str, snapshot: PositionSnapshot) -> None:
    holdings = [
        (position.symbol, abs(position.quantity) * (position.mark_price or Decimal(0)))
        for position in snapshot.positions
    ]
    for symbol, fields in targets(holdings, int(time.time())).items():
        await raw(ours.redis, "HSET", f"{prefix}{symbol}", *(text for pair in fields.items() for text in pair))


async def _arms(ours: Clients, count: int) -> tuple[float, ...]:
    """Milliseconds from the arm's XADD having returned to the request's arrival in a read that waited for it."""
    arming, requests = Arming(ours), Following(ours, FlattenRequested)
    await requests.begin()
    took = []
    for _ in range(count):
        waiting = asyncio.create_task(requests.next())
        try:
            sent = await arming.arm()
            arrived_ns, _ = await waiting
        finally:
            waiting.cancel()
        took.append((arrived_ns - sent.after_ns) / 1e6)
        await raw(ours.redis, "DEL", ours.keys.active)
    return tuple(took)
