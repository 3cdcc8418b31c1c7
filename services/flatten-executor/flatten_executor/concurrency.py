"""Several works side by side, none of which may stop another."""

import asyncio
from collections.abc import Coroutine


async def all_of(*works: Coroutine[None, None, None]) -> None:
    """Everything to its end, then the first failure: one part's failure cancels no order of another."""
    for answer in await asyncio.gather(*works, return_exceptions=True):
        if isinstance(answer, BaseException):
            raise answer
