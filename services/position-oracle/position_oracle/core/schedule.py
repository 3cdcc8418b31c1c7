"""When to poll next. Pure: times are seconds of a monotonic clock."""

from msgspec import Struct


class Schedule(Struct, frozen=True, kw_only=True):
    """Polls on a fixed grid: a slow one delays the next, but they never pile up and the grid never drifts."""

    every_s: float
    due_s: float

    def after(self, now_s: float, wait_s: float = 0.0) -> "Schedule":
        """The next poll, at least `wait_s` from now; at once when its time has already passed."""
        return Schedule(every_s=self.every_s, due_s=max(self.due_s + self.every_s, now_s + wait_s))

    def pause_s(self, now_s: float) -> float:
        """How long until the poll is due."""
        return max(0.0, self.due_s - now_s)
