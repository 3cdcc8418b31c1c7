"""A service's scripts, tried on scratch keys at its start: a missing permission shows now, not when they are needed."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import structlog
from msgspec import Struct
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from contracts.streams import Keys
from runtime.clock import Clock
from runtime.errors import RetryableError, StartupError
from runtime.health import OK, Check
from runtime.redis_client import is_transient, raw, wait_for_stop, wait_until_up

EVERY_S = 1.0

_log = structlog.get_logger("runtime.rehearsal")


class Piece(Struct, frozen=True, kw_only=True):
    """What a service rehearses."""

    play: Callable[[Redis, Keys], Awaitable[str]]
    """Uses every script once; returns what did not do what it should, empty when all did."""

    touched: Callable[[Keys], Sequence[str]]
    """The keys that it writes."""


class Rehearsal:
    """Plays a piece until it has gone well once, and answers /readyz.

    The scratch keys must be this start's own: two processes that start together must not find each other's. They are
    deleted again; only a process that is killed in the few milliseconds of a play leaves them, some hundred bytes.
    """

    def __init__(self, *, redis: Redis, scratch: Keys, piece: Piece, clock: Clock) -> None:
        self._redis = redis
        self._scratch = scratch
        self._piece = piece
        self._clock = clock
        self._check = Check(ok=False, why="not tried yet")

    def check(self) -> Check:
        """Whether the scripts were tried on this Redis, and did what they should."""
        return self._check

    async def run(self, stop: asyncio.Event) -> None:
        """Play until it went well, or until `stop`. Raises StartupError when a script does not work on this Redis."""
        while await wait_until_up(self._redis, stop=stop, clock=self._clock):
            try:
                await self.once()
            except (RetryableError, RedisError, OSError) as error:
                self._check = Check(ok=False, why=str(error))
                _log.warning(f"the scripts could not be tried yet: {error}")
                await wait_for_stop(stop, EVERY_S, self._clock)
            else:
                self._check = OK
                return

    async def once(self) -> None:
        """Play once, and delete what was written, also when it went wrong.

        Raises StartupError when a script does not work on this Redis, RetryableError or RedisError when Redis is away.
        """
        try:
            await self._clear()  # what an earlier try of this start left when Redis went away
            failed = await self._play()
        except (RetryableError, ResponseError) as error:
            cause = error if isinstance(error, ResponseError) else error.__cause__
            if isinstance(cause, ResponseError) and not is_transient(cause):
                raise StartupError(f"the scripts do not work on this Redis: {cause}") from error
            raise
        if failed:
            raise StartupError(f"the scripts do not work on this Redis: {failed}")

    async def _play(self) -> str:
        try:
            failed = await self._piece.play(self._redis, self._scratch)
        except BaseException:
            with suppress(RedisError, OSError):  # what went wrong in the play is what is told
                await self._clear()
            raise
        await self._clear()
        return failed

    async def _clear(self) -> None:
        await raw(self._redis, "DEL", *self._piece.touched(self._scratch))
