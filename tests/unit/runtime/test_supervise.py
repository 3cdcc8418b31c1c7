"""Tasks that live and die together."""

import asyncio
import contextlib

import pytest

from runtime.app import supervise
from support.patience import HANG_S


async def test_all_run_until_all_have_returned() -> None:
    ended: list[str] = []

    async def task(name: str, turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        ended.append(name)

    await supervise(task("long", 9), task("short", 1), stop=asyncio.Event())

    assert ended == ["short", "long"]


async def test_the_first_to_crash_stops_the_others_and_comes_out_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.app.DRAIN_ON_CRASH_S", HANG_S)
    stop, drained = asyncio.Event(), asyncio.Event()

    async def crashes() -> None:
        raise ZeroDivisionError("a bug")

    async def drains() -> None:
        await stop.wait()
        await asyncio.sleep(0)
        drained.set()

    with pytest.raises(ZeroDivisionError, match="a bug"):
        await supervise(drains(), crashes(), stop=stop)

    assert drained.is_set()


async def test_what_does_not_drain_in_time_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.app.DRAIN_ON_CRASH_S", 0.01)
    cancelled = asyncio.Event()

    async def crashes() -> None:
        raise ZeroDivisionError("a bug")

    async def deaf() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with pytest.raises(ZeroDivisionError):
        await supervise(deaf(), crashes(), stop=asyncio.Event())

    assert cancelled.is_set()


async def test_cancelling_the_whole_cancels_every_task() -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def deaf() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    whole = asyncio.create_task(supervise(deaf(), stop=asyncio.Event()))
    await started.wait()
    whole.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await whole

    assert whole.cancelled()
    assert cancelled.is_set()
