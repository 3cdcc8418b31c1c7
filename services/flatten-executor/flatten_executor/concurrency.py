"""Several works side by side, none of which may stop another."""

import asyncio
from collections.abc import Awaitable


async def all_of(*works: Awaitable[object]) -> None:
    """Everything to its end, then the first failure: one part's failure cancels no order of another."""
    for answer in await asyncio.gather(*works, return_exceptions=True):
        if isinstance(answer, BaseException):
            raise answer
