"""What a service occupies."""

from bench import meter
from bench.figures import Figure, at_most
from support.processes import ServiceProcess

GOAL_MB, GOAL_WITH_CCXT_MB = 80, 140
_MB = 1e6


def memory_figure(name: str, process: ServiceProcess, goal_mb: int) -> Figure:
    """Its resident memory now."""
    return Figure(name=name, unit="MB", samples=(meter.resident_bytes(process.pid) / _MB,), goal=at_most(goal_mb))
