"""Readings side by side, and one reading for all who ask at the same time."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """Callers that come while a reading runs get that reading. One caller's cancellation does not cancel it."""

    def __init__(self, read: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._read = read
        self._running: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """The reading's result, or what it raised."""
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._read())
            self._running.add_done_callback(_mark_seen)
        return await asyncio.shield(self._running)

    async def aclose(self) -> None:
        """Stop a reading that still runs."""
        if self._running is not None and not self._running.done():
            self._running.cancel()
            await asyncio.wait([self._running])


async def together(*calls: Coroutine[Any, Any, T]) -> list[T]:
    """All results, in order, or the first error; then the other calls are cancelled, and over when this raises."""
    tasks = [asyncio.create_task(call) for call in calls]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _mark_seen(task: asyncio.Task[Any]) -> None:
    """Every waiter gets the error; when all of them went away first, it concerns nobody."""
    if not task.cancelled():
        task.exception()
