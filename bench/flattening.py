"""From the arm to the last close: Flatguard, and beside it, turn about, the other ways."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from msgspec import Struct

from bench.figures import Figure, Goal, at_most, ratios
from bench.memory import GOAL_MB, GOAL_WITH_CCXT_MB, memory_figure
from bench.other_ways import OTHER_WAYS, Way
from bench.positions import some_positions
from bench.report import Section
from bench.sizes import Sizes
from bench.stack import Server, clients, governor_env, service, simulator, start_over, trading_env
from bench.watching import Arming, Following, NotMeasured
from contracts.flattening import FlattenCompleted, RunVerdict
from support.processes import ServiceProcess
from support.sim import Simulator

_LAST_CLOSE_MS = {(44, 0): 40, (44, 50): 125, (200, 50): 160}
"""Goals by positions and round trip: one reading and one wave of orders are two round trips."""
_FIRST = (44, 50)
"""The cell in which the first flatten of fresh processes is measured too."""


class Cell(Struct, frozen=True):
    """So many positions, so far away."""

    positions: int
    round_trip_ms: int

    @property
    def goal(self) -> Goal | None:
        """For the last close."""
        limit = _LAST_CLOSE_MS.get((self.positions, self.round_trip_ms))
        return None if limit is None else at_most(limit)

    def __str__(self) -> str:
        """As the table says it."""
        return f"{self.positions} positions, {self.round_trip_ms} ms"


class Flatguard(Struct, frozen=True):
    """The governor and the executor, and the operator before them."""

    sim: Simulator
    arming: Arming
    completed: Following[FlattenCompleted]
    governor: ServiceProcess
    executor: ServiceProcess

    async def flatten(self, positions: int) -> tuple[float, float]:
        """Milliseconds from the arm to the last close, and to FlattenCompleted."""
        sent = await self.arming.arm()
        arrived_ns, completed = await self.completed.next()
        if completed.verdict is not RunVerdict.FLAT or completed.counts.ok != positions:
            raise NotMeasured(f"a flatten of {positions} positions ended {completed.verdict}: {completed.counts}")
        return await _last_close_ms(self.sim, positions, sent.before_ns), (arrived_ns - sent.before_ns) / 1e6


@asynccontextmanager
async def flatguard(server: Server, namespace: str = "bench:flattening") -> AsyncIterator[Flatguard]:
    """Both services, ready, on a simulator. Without the oracle: a flatten does not need it."""
    async with (
        clients(server, namespace) as ours,
        simulator() as sim,
        service("governor.main", server, ours.keys, **governor_env(server)) as governor,
        service("flatten_executor.main", server, ours.keys, **trading_env(server, sim)) as executor,
    ):
        completed = Following(ours, FlattenCompleted)
        await completed.begin()
        yield Flatguard(sim, Arming(ours), completed, governor, executor)


class Taken(Struct, frozen=True):
    """What one cell's runs took, in milliseconds."""

    cell: Cell
    closed: list[float]
    told: list[float]
    others: dict[str, list[float]]

    def section(self) -> Section:
        """As the table shows it."""
        figures = [
            Figure(name="Flatguard, last close", unit="ms", samples=tuple(self.closed), goal=self.cell.goal),
            Figure(name="Flatguard, FlattenCompleted", unit="ms", samples=tuple(self.told)),
        ]
        figures += [
            Figure(name=f"{name}, last close", unit="ms", samples=tuple(took), ratios=ratios(took, self.closed))
            for name, took in self.others.items()
        ]
        return Section(title=f"Arm → …, {self.cell}", figures=tuple(figures))


async def measure(server: Server, sizes: Sizes) -> list[Section]:
    """One section for each cell, and the services' memory afterwards."""
    taken = []
    async with flatguard(server) as ours:
        await _warm_up(ours, max(sizes.positions))
        for cell in itertools.starmap(Cell, itertools.product(sizes.positions, sizes.round_trips_ms)):
            taken.append(await _turn_about(ours, cell, sizes))  # noqa: PERF401 - an await in every line of it
        memory = (
            memory_figure("governor", ours.governor, GOAL_MB),
            memory_figure("flatten-executor", ours.executor, GOAL_WITH_CCXT_MB),
        )
    first = await _first(server, sizes)
    await _side_by_side(taken, sizes)
    sections = [of_cell.section() for of_cell in taken]
    return [*sections, first, Section(title="Resident memory, after the runs", figures=memory)]


async def _turn_about(ours: Flatguard, cell: Cell, sizes: Sizes) -> Taken:
    taken = Taken(cell, [], [], {name: [] for name in OTHER_WAYS})
    for _ in range(sizes.flattens):
        await start_over(ours.sim, cell.round_trip_ms, positions=some_positions(cell.positions))
        last_close_ms, completed_ms = await ours.flatten(cell.positions)
        taken.closed.append(last_close_ms)
        taken.told.append(completed_ms)
        for name, way in OTHER_WAYS.items():
            took = taken.others[name]
            if not took or sum(took) < sizes.other_way_s * 1_000:
                took.append(await _other(ours.sim, way, cell))
    return taken


async def _side_by_side(taken: list[Taken], sizes: Sizes) -> None:
    """The runs that are left of the other ways, the longest first: they take seconds, and wait nearly all the time."""
    left = [
        (took[0], of_cell.cell, OTHER_WAYS[name], took)
        for of_cell in taken
        for name, took in of_cell.others.items()
        for _ in range(sizes.other_runs - len(took))
    ]
    left.sort(key=lambda run: run[0])

    async def lane() -> None:
        async with simulator() as sim:
            while left:
                _, cell, way, took = left.pop()
                took.append(await _other(sim, way, cell))

    await asyncio.gather(*(lane() for _ in range(sizes.lanes)))


async def _first(server: Server, sizes: Sizes) -> Section:
    """The flatten that counts is usually the first of a process's life."""
    cell = Cell(*_FIRST)
    closed: list[float] = []
    told: list[float] = []
    for number in range(sizes.starts):
        async with flatguard(server, f"bench:first:{number}") as ours:
            await start_over(ours.sim, cell.round_trip_ms, positions=some_positions(cell.positions))
            last_close_ms, completed_ms = await ours.flatten(cell.positions)
            closed.append(last_close_ms)
            told.append(completed_ms)
    figures = (
        Figure(name="Flatguard, last close", unit="ms", samples=tuple(closed)),
        Figure(name="Flatguard, FlattenCompleted", unit="ms", samples=tuple(told)),
    )
    return Section(title=f"Arm → …, {cell}, the first flatten after a start", figures=figures)


async def _other(sim: Simulator, way: Way, cell: Cell) -> float:
    await start_over(sim, cell.round_trip_ms, positions=some_positions(cell.positions))
    return await _last_close_ms(sim, cell.positions, await way(sim))


async def _last_close_ms(sim: Simulator, positions: int, began_ns: int) -> float:
    """From then to when the simulator's matching engine took the last order, by its own log: the same clock."""
    orders = await sim.orders()
    filled: list[int] = [order["executed_us"] for order in orders if order["status"] == "FILLED"]
    if len(filled) != positions or len(orders) != positions:
        raise NotMeasured(f"{len(filled)} of {len(orders)} orders filled for {positions} positions")
    return max(filled) / 1e3 - began_ns / 1e6


async def _warm_up(ours: Flatguard, positions: int) -> None:
    """One run that is not counted: scripts are loaded and code is touched, as in a service that has been up a while."""
    await start_over(ours.sim, 0, positions=some_positions(positions))
    await ours.flatten(positions)
