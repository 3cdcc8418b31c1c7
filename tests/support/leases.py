"""A clock that moves only when told to, and a journal that says whether a lease's fence still holds."""

from collections.abc import Mapping, Sequence

from contracts.base import Event
from flatten_executor.lease import LeaseTimes, RunLease

FRESH_S = 2.0


class SteppedClock:
    def __init__(self, now_s: float = 1_000.0) -> None:
        self.now_s = now_s

    def now_ms(self) -> int:
        return int(self.now_s * 1000)

    def monotonic_s(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds


class SaidJournal:
    """Answers after `takes_s`: that the fence holds, or that another has passed it."""

    def __init__(self, clock: SteppedClock, *, takes_s: float = 0.0, holds: bool = True) -> None:
        self._clock, self._takes_s, self._holds = clock, takes_s, holds

    async def write(self, lease: RunLease, fields: Mapping[str, str], events: Sequence[Event]) -> bool:  # noqa: ARG002 - it takes everything
        await self._clock.sleep(self._takes_s)
        return self._holds


def a_lease(clock: SteppedClock, *, takes_s: float = 0.0, holds: bool = True) -> RunLease:
    journal = SaidJournal(clock, takes_s=takes_s, holds=holds)
    return RunLease(journal, "req-1", 1, times=LeaseTimes(fresh_ms=int(FRESH_S * 1000)), clock=clock)
