"""What a reading of 674 symbols costs the oracle."""

from decimal import Decimal

from msgspec import Struct

from bench import meter
from bench.figures import Figure, at_most
from bench.memory import GOAL_WITH_CCXT_MB, memory_figure
from bench.positions import some_positions
from bench.report import Section
from bench.sizes import Sizes
from bench.stack import Server, clients, reading_env, service, simulator, start_over
from bench.watching import Following
from contracts import codec
from contracts.positions import PositionSnapshot

POSITIONS = 44
_POLL_S = Decimal("0.05")
_IDLE_POLL_S = Decimal(3_600)
_CPU_MS_PER_POLL = 8


class _Window(Struct, frozen=True):
    polls: int
    seconds: float
    cpu_s: float
    idle_cpu_s: float
    """What an oracle that only waits used in the same time."""

    @property
    def cpu_ms_per_poll(self) -> float:
        return (self.cpu_s - self.idle_cpu_s) / self.polls * 1e3


async def measure(server: Server, sizes: Sizes) -> tuple[list[Section], PositionSnapshot]:
    """CPU, bytes and memory; and one of the snapshots, for whoever needs a real one."""
    env = {"ORACLE_POLL_SECONDS": str(_POLL_S)}
    async with (
        simulator() as sim,
        clients(server, "bench:oracle") as busy,
        clients(server, "bench:idle-oracle") as idle,
    ):
        await start_over(sim, 0, positions=some_positions(POSITIONS))
        waiting = reading_env(sim) | {"ORACLE_POLL_SECONDS": str(_IDLE_POLL_S)}
        async with (
            service("position_oracle.main", server, idle.keys, **waiting) as resting,
            service("position_oracle.main", server, busy.keys, **reading_env(sim) | env) as oracle,
        ):
            snapshots = Following(busy, PositionSnapshot)
            await snapshots.begin()
            _, snapshot = await snapshots.next()
            windows = [
                await _window(snapshots, oracle.pid, resting.pid, sizes.oracle_polls)
                for _ in range(sizes.oracle_windows)
            ]
            memory = memory_figure("position-oracle, resident memory", oracle, GOAL_WITH_CCXT_MB)
    figures = (
        Figure(
            name="CPU for one poll",
            unit="ms",
            samples=tuple(window.cpu_ms_per_poll for window in windows),
            goal=at_most(_CPU_MS_PER_POLL),
        ),
        Figure(name="bytes of one snapshot's data", unit="B", samples=(len(codec.to_json(snapshot)),)),
        memory,
    )
    return [Section(title="Oracle, 674 symbols", figures=figures)], snapshot


async def _window(snapshots: Following[PositionSnapshot], pid: int, idle_pid: int, polls: int) -> _Window:
    began_ns, _ = await snapshots.next()
    cpu_s, idle_cpu_s = meter.cpu_s(pid), meter.cpu_s(idle_pid)
    ended_ns = began_ns
    for _ in range(polls):
        ended_ns, _ = await snapshots.next()
    return _Window(
        polls=polls,
        seconds=(ended_ns - began_ns) / 1e9,
        cpu_s=meter.cpu_s(pid) - cpu_s,
        idle_cpu_s=meter.cpu_s(idle_pid) - idle_cpu_s,
    )
