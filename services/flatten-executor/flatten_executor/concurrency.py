"""Several works side by side, none of which may stop another."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def all_of(*works: Awaitable[object]) -> None:
    """Everything to its end, then the first failure: one part's failure cancels no order of another."""
    for answer in await asyncio.gather(*works, return_exceptions=True):
        if isinstance(answer, BaseException):
            raise answer


async def within(seconds: float, work: Awaitable[T]) -> T | None:
    """What `work` gives; nothing when it takes longer, and then it is given up."""
    try:
        async with asyncio.timeout(max(0, seconds)):
            return await work
    except TimeoutError:
        return None
