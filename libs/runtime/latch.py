"""The ESS latch: the emergency stop. Set means that trading is stopped, and that a flatten may run.

It is a file (`file:/var/run/quantum/ESS_ON`) that is there or not, or a Redis key (`redis:quantum:ess:active`).
Whatever cannot be read counts as not set: nobody flattens on a guess.
"""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

READ_TIMEOUT_S = 2.0
DEFAULT_LATCH = "file:/var/run/quantum/ESS_ON"
_UNSET_WORDS = frozenset({b"", b"0", b"false", b"off", b"no"})


class LatchState(msgspec.Struct, frozen=True, kw_only=True):
    """What a look at the latch showed."""

    is_set: bool
    readable: bool
    detail: str
    """Where it is and what was seen, for people."""


class LatchRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is written into the latch when it is set: who, why, when."""

    operator: str
    reason: str
    set_at_ms: int


class Latch(Protocol):
    """The emergency stop, wherever it is kept."""

    @property
    def where(self) -> str:
        """The latch as it was configured."""
        ...

    async def read(self) -> LatchState:
        """Look. Never raises: what cannot be read is not set, and says why."""
        ...

    async def activate(self, record: LatchRecord) -> None:
        """Set it. Raises OSError or RedisError when that fails."""
        ...

    async def deactivate(self) -> bool:
        """Clear it; returns whether it was set. Raises OSError or RedisError when that fails."""
        ...


class FileLatch:
    """A file that exists while trading is stopped. Its content is for people."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def where(self) -> str:
        """The latch as it was configured."""
        return f"file:{self._path}"

    async def read(self) -> LatchState:
        """Look. A missing file is not set; what is no regular file, or does not answer in time, cannot be read."""
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                return await asyncio.to_thread(self._read)
        except TimeoutError:
            detail = f"{self.where} cannot be read: no answer in {READ_TIMEOUT_S:g} s"
            return LatchState(is_set=False, readable=False, detail=detail)

    def _read(self) -> LatchState:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            nor = "" if self._path.parent.is_dir() else ", nor is its directory"
            return LatchState(is_set=False, readable=True, detail=f"{self.where} is not there{nor}")
        except OSError as error:
            return LatchState(is_set=False, readable=False, detail=f"{self.where} cannot be read: {error.strerror}")
        if not os.path.isfile(self._path):  # noqa: PTH113 - follows the stat above; a directory or device is no latch
            return LatchState(is_set=False, readable=False, detail=f"{self.where} is not a file")
        return LatchState(is_set=True, readable=True, detail=f"{self.where} is there ({status.st_size} bytes)")

    async def activate(self, record: LatchRecord) -> None:
        """Write the file whole, then move it into place: readers never see half of it.

        Its directory is not made: a mistyped one would hold a latch that nobody reads. Raises FileNotFoundError then.
        """
        await asyncio.to_thread(self._write, msgspec.json.encode(record))

    def _write(self, content: bytes) -> None:
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=".ess-")
        with os.fdopen(handle, "wb") as file:
            file.write(content + b"\n")
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(self._path)

    async def deactivate(self) -> bool:
        """Remove the file."""
        try:
            await asyncio.to_thread(self._path.unlink)
        except FileNotFoundError:
            return False
        return True


class RedisLatch:
    """A Redis key that holds something while trading is stopped."""

    def __init__(self, redis: Redis, key: str) -> None:
        self._redis = redis
        self._key = key

    @property
    def where(self) -> str:
        """The latch as it was configured."""
        return f"redis:{self._key}"

    async def read(self) -> LatchState:
        """Look. A missing key, an empty one, `0`, `false`, `off` or `no` is not set."""
        try:
            value = await self._redis.get(self._key)
        except (RedisError, OSError) as error:
            return LatchState(
                is_set=False, readable=False, detail=f"{self.where} cannot be read: {type(error).__name__}"
            )
        if value is None or value.strip().lower() in _UNSET_WORDS:
            return LatchState(is_set=False, readable=True, detail=f"{self.where} is not set")
        return LatchState(is_set=True, readable=True, detail=f"{self.where} is set")

    async def activate(self, record: LatchRecord) -> None:
        """Set the key, without expiry."""
        await self._redis.set(self._key, msgspec.json.encode(record))

    async def deactivate(self) -> bool:
        """Delete the key."""
        return bool(await self._redis.delete(self._key))


def latch_problems(where: str) -> Iterator[str]:
    """What is wrong with `ESS_LATCH`, in one line, if anything is."""
    scheme, _, rest = where.partition(":")
    if not ((scheme == "file" and rest.startswith("/")) or (scheme == "redis" and rest)):
        yield f"ESS_LATCH={where!r} is neither file:/absolute/path nor redis:key"


def open_latch(where: str, redis: Redis) -> Latch:
    """The latch that `ESS_LATCH` names. Raises ValueError for anything but `file:/absolute/path` or `redis:key`."""
    for problem in latch_problems(where):
        raise ValueError(problem)
    scheme, _, rest = where.partition(":")
    return FileLatch(Path(rest)) if scheme == "file" else RedisLatch(redis, rest)
