"""Whether open pages of the console delay an arm: the same arms with fifty of them and without, turn about."""

import asyncio
import random
import re
import time
from decimal import Decimal

from msgspec import Struct

from bench import meter
from bench.figures import Figure, at_least, at_most, percentile, ratios
from bench.report import Section
from bench.sizes import Sizes
from bench.stack import SYMBOLS, Clients, Server, clients, governor_env, service
from bench.watching import Arming, Following, NotMeasured
from contracts.arming import FlattenRequested
from contracts.positions import OpenPosition, PositionSnapshot
from contracts.vocabulary import Environment, PositionSide
from demo.targets import targets
from runtime.redis_client import raw
from runtime.streams import publish
from support.processes import ServiceProcess

PAGES = 50
_BETWEEN_ARMS_S = 0.02
"""About: arms must fall on every moment of a second, those at which the pages are served too."""
_P50_MS, _P99_MS = 3, 8
_SAID = re.compile(r"ticks_per_s=([0-9.]+) bytes_per_s=([0-9]+)")


class _Window(Struct, frozen=True):
    """One stretch of arms."""

    took_ms: tuple[float, ...]
    cpu_percent: float
    ticks_per_s: float = 0
    bytes_per_s: float = 0


async def measure(server: Server, sizes: Sizes) -> list[Section]:
    """Arms with and without pages, while an oracle reads 674 open positions every second."""
    async with clients(server, "bench:console") as ours:
        prefix = f"{ours.keys.namespace}:target:"
        positions = _positions()
        await _write_targets(ours, prefix, positions)
        env = governor_env(server) | {"FLATTEN_ALLOCATION_PREFIX": prefix}
        async with service("governor.main", server, ours.keys, **env) as governor:
            measuring = _Measuring(ours, governor, sizes.console_window_s)
            oracle = asyncio.create_task(_read_every_second(ours, positions))
            try:
                await measuring.begin()
                pairs = [(await measuring.alone(), await measuring.with_pages()) for _ in range(sizes.console_windows)]
            finally:
                oracle.cancel()
    return [
        Section(
            title=f"Console: {PAGES} open pages, {SYMBOLS} open positions read every second", figures=_figures(pairs)
        )
    ]


def _figures(pairs: list[tuple[_Window, _Window]]) -> tuple[Figure, ...]:
    alone = tuple(ms for window, _ in pairs for ms in window.took_ms)
    beside = tuple(ms for _, window in pairs for ms in window.took_ms)

    def compared(percent: float) -> tuple[float, ...]:
        return ratios(
            [percentile(window.took_ms, percent) for _, window in pairs],
            [percentile(window.took_ms, percent) for window, _ in pairs],
        )

    return (
        Figure(name="arm → request without a page, p50", unit="ms", samples=alone),
        Figure(
            name="the same with the pages, p50", unit="ms", samples=beside, goal=at_most(_P50_MS), ratios=compared(50)
        ),
        Figure(name="arm → request without a page, p99", unit="ms", samples=alone, percentile=99),
        Figure(
            name="the same with the pages, p99",
            unit="ms",
            samples=beside,
            percentile=99,
            goal=at_most(_P99_MS),
            ratios=compared(99),
        ),
        Figure(
            name="ticks of the slowest page",
            unit="1/s",
            samples=tuple(w.ticks_per_s for _, w in pairs),
            goal=at_least(0.9),
        ),
        Figure(name="sent to all pages", unit="MB/s", samples=tuple(w.bytes_per_s / 1e6 for _, w in pairs)),
        Figure(name="governor's CPU without a page", unit="%", samples=tuple(w.cpu_percent for w, _ in pairs)),
        Figure(name="the same with the pages", unit="%", samples=tuple(w.cpu_percent for _, w in pairs)),
    )


class _Measuring:
    """Windows of arms against one governor."""

    def __init__(self, ours: Clients, governor: ServiceProcess, window_s: float) -> None:
        self._ours = ours
        self._governor = governor
        self._window_s = window_s
        self._arming, self._requests = Arming(ours), Following(ours, FlattenRequested)
        self._chance = random.Random(6)  # noqa: S311 - the same pauses in every run

    async def begin(self) -> None:
        """What is only done once is done before."""
        await self._requests.begin()
        await self._arms(1)

    async def alone(self) -> _Window:
        """Nobody looks."""
        took_ms, cpu_percent = await self._arms(self._window_s)
        return _Window(took_ms, cpu_percent)

    async def with_pages(self) -> _Window:
        """Fifty pages do. Raises NotMeasured when they do not open or one is closed."""
        url = await self._governor.http_url()
        opened = ServiceProcess("bench.pages", {}, arguments=(url, str(PAGES), str(self._window_s)))
        async with opened as pages:
            await pages.wait_line("^open$")
            took_ms, cpu_percent = await self._arms(self._window_s)
            if await pages.wait() != 0:
                raise NotMeasured(f"the pages did not stay open: {pages.text}")
        said = _SAID.search(pages.text)
        if said is None:
            raise NotMeasured(f"the pages did not say what came: {pages.text}")
        return _Window(took_ms, cpu_percent, float(said.group(1)), float(said.group(2)))

    async def _arms(self, seconds: float) -> tuple[tuple[float, ...], float]:
        """Milliseconds from each arm's XADD having returned to its request's arrival, and the governor's CPU."""
        took = []
        cpu_s, began_s = meter.cpu_s(self._governor.pid), time.monotonic()
        while time.monotonic() - began_s < seconds:
            waiting = asyncio.create_task(self._requests.next())
            try:
                sent = await self._arming.arm()
                arrived_ns, _ = await waiting
            finally:
                waiting.cancel()
            took.append((arrived_ns - sent.after_ns) / 1e6)
            await raw(self._ours.redis, "DEL", self._ours.keys.active)
            await asyncio.sleep(self._chance.uniform(0, 2 * _BETWEEN_ARMS_S))  # a pace, not a wait for anything
        used_s = meter.cpu_s(self._governor.pid) - cpu_s
        return tuple(took), used_s / (time.monotonic() - began_s) * 100


def _positions() -> tuple[OpenPosition, ...]:
    return tuple(
        OpenPosition(
            symbol=f"BENCH{number}USDT",
            position_side=PositionSide.BOTH,
            quantity=Decimal(number + 1) / 10,
            entry_price=None,
            mark_price=Decimal("12.3456"),
        )
        for number in range(SYMBOLS)
    )


async def _write_targets(ours: Clients, prefix: str, positions: tuple[OpenPosition, ...]) -> None:
    held = [(position.symbol, position.quantity * (position.mark_price or Decimal(0))) for position in positions]
    for symbol, fields in targets(held, int(time.time())).items():
        await raw(ours.redis, "HSET", f"{prefix}{symbol}", *(text for pair in fields.items() for text in pair))


async def _read_every_second(ours: Clients, positions: tuple[OpenPosition, ...]) -> None:
    """As the oracle does; every price moves, so that every row is new to every page."""
    for sequence in range(1, 1_000_000):
        now_ms = time.time_ns() // 1_000_000
        moved = Decimal(sequence % 100) / 1_000
        snapshot = PositionSnapshot(
            snapshot_id=f"bench-{sequence}",
            venue="bench",
            environment=Environment.SIM,
            account="main",
            sequence=sequence,
            taken_at_ms=now_ms,
            read_ms=1,
            symbols_seen=len(positions),
            positions=tuple(
                OpenPosition(
                    symbol=position.symbol,
                    position_side=position.position_side,
                    quantity=position.quantity,
                    entry_price=None,
                    mark_price=(position.mark_price or Decimal(0)) + moved,
                )
                for position in positions
            ),
            marks={},
        )
        await publish(
            ours.redis,
            ours.keys.of(PositionSnapshot),
            snapshot,
            source="/flatguard/bench",
            subject="main",
            event_id=snapshot.snapshot_id,
            time_ms=now_ms,
            maxlen=100,
        )
        await asyncio.sleep(1)  # the oracle's pace
