"""What was measured, and what it comes to. Pure."""

import math
from collections.abc import Sequence
from enum import StrEnum
from statistics import median

from msgspec import Struct

P95_RUNS_MIN = 20
"""With fewer samples than this, the 95th percentile would only be another name for the maximum."""


class Bound(StrEnum):
    """Which side of the goal is the good one."""

    AT_MOST = "≤"
    AT_LEAST = "≥"


class Goal(Struct, frozen=True):
    """What the figure's value should be."""

    bound: Bound
    value: float

    def met_by(self, value: float) -> bool:
        """Whether a value is on the good side."""
        return value <= self.value if self.bound is Bound.AT_MOST else value >= self.value


class Figure(Struct, frozen=True, kw_only=True):
    """One row of the table."""

    name: str
    unit: str
    samples: tuple[float, ...]
    """One for each run, in the order of the runs."""
    percentile: float = 50
    """Which percentile the figure's value is; 50 is the median."""
    goal: Goal | None = None
    ratios: tuple[float, ...] = ()
    """To what was measured right beside it, one for each pair of neighbouring runs."""

    @property
    def value(self) -> float:
        """What the goal is held against."""
        return percentile(self.samples, self.percentile)

    @property
    def p95(self) -> float | None:
        """Nothing where there are too few samples for it."""
        return percentile(self.samples, 95) if len(self.samples) >= P95_RUNS_MIN else None

    @property
    def ratio(self) -> float | None:
        """Median of the ratios."""
        return median(self.ratios) if self.ratios else None

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; nothing where there is none."""
        return None if self.goal is None else self.goal.met_by(self.value)


def at_most(value: float) -> Goal:
    """A goal for what should be small."""
    return Goal(Bound.AT_MOST, value)


def at_least(value: float) -> Goal:
    """A goal for what should be large."""
    return Goal(Bound.AT_LEAST, value)


def percentile(samples: Sequence[float], percent: float) -> float:
    """The median for 50; else the smallest sample that at least so many percent do not exceed. Raises ValueError."""
    if not samples or any(not math.isfinite(sample) for sample in samples):
        raise ValueError(f"cannot take a percentile of {list(samples)}")
    if percent == 50:  # noqa: PLR2004 - the median has a name of its own, and a mean of the middle two
        return median(samples)
    rank = max(1, math.ceil(len(samples) * percent / 100))
    return sorted(samples)[rank - 1]


def ratios(samples: Sequence[float], beside: Sequence[float]) -> tuple[float, ...]:
    """Each sample over its neighbour of the same run; the longer one's rest has no neighbour."""
    return tuple(sample / other for sample, other in zip(samples, beside, strict=False))
