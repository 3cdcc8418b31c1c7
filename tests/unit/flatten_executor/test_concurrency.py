"""Work that hangs is given up in time."""

import asyncio

from flatten_executor.concurrency import within


async def test_work_that_hangs_ends_with_its_time() -> None:
    given_up = asyncio.Event()

    async def hangs() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()
        return "never"

    assert await within(0.01, hangs()) is None
    assert given_up.is_set()
    assert await within(60, asyncio.sleep(0, "done")) == "done"
