"""How much is measured: enough for medians, or just enough to see that everything still works."""

from msgspec import Struct


class Sizes(Struct, frozen=True, kw_only=True):
    """Numbers of runs, and what a run is."""

    positions: tuple[int, ...]
    round_trips_ms: tuple[int, ...]
    flattens: int
    """Runs of Flatguard for each number of positions and round trip."""
    starts: int
    """Starts of both services, for the first flatten of a process's life."""
    other_way_s: float
    """About so long for each of the other ways in each cell, turn about with ours; at least once."""
    other_runs: int
    """Runs of each of the other ways in each cell: those that are left are made afterwards, side by side."""
    lanes: int
    """Simulators for what is made side by side."""
    oracle_windows: int
    oracle_polls: int
    """Polls in one window. All windows together stay inside one minute's request weight: 160 polls."""
    governor_windows: int
    governor_snapshots: int
    """Snapshots in one window."""
    arms: int
    console_windows: int
    console_window_s: float
    consumer_runs: int
    consumer_events: int


FULL = Sizes(
    positions=(44, 200),
    round_trips_ms=(0, 50, 200),
    flattens=25,
    starts=20,
    other_way_s=12,
    other_runs=20,
    lanes=16,
    oracle_windows=30,
    oracle_polls=5,
    governor_windows=30,
    governor_snapshots=20,
    arms=500,
    console_windows=6,
    console_window_s=15,
    consumer_runs=60,
    consumer_events=300,
)
QUICK = Sizes(
    positions=(3, 6),
    round_trips_ms=(5,),
    flattens=2,
    starts=1,
    other_way_s=0,
    other_runs=2,
    lanes=2,
    oracle_windows=2,
    oracle_polls=2,
    governor_windows=2,
    governor_snapshots=2,  # the last is always checked, so that no machine is too busy for this
    arms=5,
    console_windows=1,
    console_window_s=2,
    consumer_runs=2,
    consumer_events=50,
)
