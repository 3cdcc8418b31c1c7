"""Waiting for something to happen in the simulator, without polling."""

import asyncio
from collections.abc import Callable


class Watch:
    """Wakes whoever waits whenever anything changed."""

    def __init__(self) -> None:
        self._happened = asyncio.Event()

    def changed(self) -> None:
        """Tell everyone who waits to look again."""
        happened, self._happened = self._happened, asyncio.Event()
        happened.set()

    async def until(self, holds: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until `holds()`; False when it still does not after `timeout_s` seconds."""
        try:
            async with asyncio.timeout(timeout_s):
                while not holds():
                    await self._happened.wait()
        except TimeoutError:
            return holds()
        return True
