"""The emergency stop on a real file system and a real Redis: whatever cannot be read counts as not set."""

import os
import threading
from pathlib import Path

import pytest
from redis.asyncio import Redis

from runtime import latch as latch_module
from runtime.latch import FileLatch, LatchRecord, RedisLatch, open_latch
from runtime.redis_client import open_redis, raw
from support.patience import HANG_S

RECORD = LatchRecord(operator="alice", reason="drill", set_at_ms=1)


@pytest.fixture(autouse=True)
def no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that can be read is read in time, however busy the machine is."""
    monkeypatch.setattr(latch_module, "READ_TIMEOUT_S", HANG_S)


async def test_a_file_latch_is_set_by_being_there_and_says_who_set_it(tmp_path: Path) -> None:
    (tmp_path / "quantum").mkdir()
    latch = FileLatch(tmp_path / "quantum" / "ESS_ON")
    before = await latch.read()

    await latch.activate(RECORD)

    after = await latch.read()
    assert (before.is_set, before.readable) == (False, True)
    assert (after.is_set, after.readable) == (True, True)
    assert b"alice" in (tmp_path / "quantum" / "ESS_ON").read_bytes()
    assert await latch.deactivate()
    assert not await latch.deactivate()
    assert not (await latch.read()).is_set
    assert os.listdir(tmp_path / "quantum") == [], "no half-written file is left"  # noqa: PTH208 - names are wanted


async def test_a_directory_that_is_not_there_is_not_made_and_is_said(tmp_path: Path) -> None:
    latch = FileLatch(tmp_path / "qauntum" / "ESS_ON")

    with pytest.raises(FileNotFoundError):
        await latch.activate(RECORD)

    state = await latch.read()
    assert (state.is_set, state.readable) == (False, True)
    assert state.detail.endswith("ESS_ON is not there, nor is its directory")
    assert not (tmp_path / "qauntum").exists()


@pytest.mark.parametrize("kind", ["directory", "fifo", "below a file"])
async def test_what_is_no_regular_file_cannot_be_read_and_is_not_set(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "ESS_ON"
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.touch()
        path = path / "ESS_ON"

    state = await FileLatch(path).read()

    assert (state.is_set, state.readable) == (False, False)


async def test_a_latch_that_does_not_answer_cannot_be_read_and_is_not_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latch_module, "READ_TIMEOUT_S", 0.05)
    answer = threading.Event()

    class Hanging(FileLatch):
        def _read(self) -> latch_module.LatchState:
            answer.wait()
            return super()._read()

    (tmp_path / "ESS_ON").touch()
    try:
        state = await Hanging(tmp_path / "ESS_ON").read()
    finally:
        answer.set()

    assert (state.is_set, state.readable) == (False, False)
    assert "no answer" in state.detail


@pytest.mark.parametrize(
    ("value", "is_set"), [("1", True), ("ON", True), ("0", False), ("false", False), ("Off", False), ("", False)]
)
async def test_a_redis_latch_is_set_by_a_value_that_means_yes(
    redis: Redis, namespace: str, value: str, *, is_set: bool
) -> None:
    await raw(redis, "SET", f"{namespace}:ess", value)

    state = await RedisLatch(redis, f"{namespace}:ess").read()

    assert (state.is_set, state.readable) == (is_set, True)


async def test_a_redis_latch_is_set_and_cleared(redis: Redis, namespace: str) -> None:
    latch = RedisLatch(redis, f"{namespace}:ess")

    await latch.activate(RECORD)

    assert (await latch.read()).is_set
    assert await latch.deactivate()
    assert not (await latch.read()).is_set


async def test_a_redis_latch_of_the_wrong_type_or_without_a_server_is_not_set(redis: Redis, namespace: str) -> None:
    await raw(redis, "HSET", f"{namespace}:ess", "a", "1")
    nowhere = open_redis("redis://127.0.0.1:1/0", name="test")

    wrong, away = await RedisLatch(redis, f"{namespace}:ess").read(), await RedisLatch(nowhere, "ess").read()

    await nowhere.aclose()
    assert (wrong.is_set, wrong.readable) == (away.is_set, away.readable) == (False, False)


@pytest.mark.parametrize("where", ["", "ESS_ON", "file:relative", "redis:", "ftp://latch"])
async def test_a_latch_that_is_neither_is_one_clear_error(redis: Redis, where: str) -> None:
    with pytest.raises(ValueError, match="neither file:/absolute/path nor redis:key"):
        open_latch(where, redis)
