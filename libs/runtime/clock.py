"""Time, handed in: code that needs the time asks a `Clock`, so that a test can hold it still."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Wall time for what people and other programs read, monotonic time for durations, and sleep."""

    def now_ms(self) -> int:
        """Unix time in milliseconds."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that only ever grow; the zero point means nothing."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now_ms(self) -> int:
        """Unix time in milliseconds."""
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        """Seconds that only ever grow; the zero point means nothing."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        await asyncio.sleep(seconds)
