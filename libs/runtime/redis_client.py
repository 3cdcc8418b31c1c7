"""Redis clients that never send a command twice by themselves.

redis-py's defaults retry: an XADD whose reply was lost becomes two entries, an XREADGROUP skips one. Here a lost reply
is an error, and only code that knows its command to be idempotent tries again. RESP2, so that replies have one shape.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import structlog
from redis.asyncio import Connection, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    ClusterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import (
    ConnectionError as RedisConnectionError,
)
from redis.exceptions import (
    TimeoutError as RedisTimeoutError,
)

from runtime.clock import Clock, SystemClock
from runtime.errors import StartupError
from runtime.redis_url import problem_with, problem_with_files
from runtime.secret import Secret, SecretUrl, mask_url_passwords

CONNECT_TIMEOUT_S = 2.0
SOCKET_TIMEOUT_S = 5.0
READER_MARGIN_S = 3.0
BLOCK_MS_MAX = 2_000
_TRANSIENT = (
    RedisConnectionError,
    RedisTimeoutError,
    ReadOnlyError,
    OutOfMemoryError,
    ClusterDownError,
    TryAgainError,
)
_TRANSIENT_CODES = ("MISCONF", "NOREPLICAS", "MASTERDOWN", "LOADING", "BUSY ", "UNKILLABLE")
_log = structlog.get_logger("runtime.redis")

Reply = Any
"""A reply has whatever shape its command gives: bytes, int, None, or lists of those."""


class _Client(Redis):
    """redis-py, mended in two places where it hides what happened."""

    async def execute_command(self, *args: Any, **options: Any) -> Reply:  # noqa: ANN401 - as in redis-py
        """One command.

        A cancellation always comes out: redis-py sends under `asyncio.wait_for`, which on Python 3.11 swallows a
        cancellation that arrives together with the end of the sending, and the task would go on for ever. A transport
        that uvloop closed under redis-py comes out as ConnectionError, not as RuntimeError.
        """
        task = asyncio.current_task()
        before = task.cancelling() if task else 0
        try:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]  # redis-py's
        except RuntimeError as error:
            if "closed" not in str(error):
                raise
            raise RedisConnectionError(f"connection closed: {error}") from error
        finally:
            if task and task.cancelling() > before:
                raise asyncio.CancelledError


class _Connection(Connection):
    """redis-py's, with the same bound on sending and a third less work for each command."""

    async def send_packed_command(
        self,
        command: bytes | str | Iterable[bytes],
        check_health: bool = True,  # noqa: FBT001, FBT002 - redis-py's
    ) -> None:
        """Send within `socket_timeout`, under `asyncio.timeout`: `wait_for` makes a task of it before Python 3.12."""
        bound_s, self.socket_timeout = self.socket_timeout, None
        try:
            async with asyncio.timeout(bound_s):
                await super().send_packed_command(command, check_health)
        except TimeoutError as error:
            raise RedisTimeoutError("Timeout writing to socket") from error
        finally:
            self.socket_timeout = bound_s


def open_redis(url: str | Secret, *, name: str) -> Redis:
    """A client for commands. Replies are bytes. Connects at the first command; raises StartupError for a bad URL."""
    return _open(url, name, SOCKET_TIMEOUT_S)


def open_reader(url: str | Secret, *, name: str, block_ms: int = BLOCK_MS_MAX) -> Redis:
    """A client for blocking reads alone: its socket timeout stands above the longest block."""
    if block_ms > BLOCK_MS_MAX:
        raise ValueError(f"a read may block {BLOCK_MS_MAX} ms, not {block_ms}")
    return _open(url, f"{name}-reader", block_ms / 1000 + READER_MARGIN_S)


async def raw(redis: Redis, name: str, *arguments: str | bytes | float) -> Reply:
    """One command and its RESP2 reply as it came: redis-py reshapes by the command's name as `str`, we send bytes."""
    return await redis.execute_command(name.encode(), *arguments)  # type: ignore[no-untyped-call]  # redis-py's


def is_transient(error: BaseException) -> bool:
    """Whether Redis is away or unable for now, so that trying again later makes sense."""
    if isinstance(error, _TRANSIENT):
        return True
    return isinstance(error, ResponseError) and str(error).startswith(_TRANSIENT_CODES)


async def wait_until_up(
    redis: Redis, *, stop: asyncio.Event, clock: Clock | None = None, cap_s: float = 5.0, name: str = "redis"
) -> bool:
    """Return True once Redis answers; says so once when it does not, and keeps trying. False when `stop` came first."""
    clock = clock or SystemClock()
    delay_s, told = 0.1, False
    while not stop.is_set():
        try:
            await raw(redis, "PING")
        except (RedisError, OSError) as error:
            if not is_transient(error):
                raise StartupError(f"{name}: {mask_url_passwords(str(error))}") from error
            if not told:
                _log.warning(f"{name} is not reachable, trying until it is: {error}")
                told = True
            await wait_for_stop(stop, delay_s, clock)
            delay_s = min(delay_s * 2, cap_s)
        else:
            if told:
                _log.info(f"{name} is reachable")
            return True
    return False


async def wait_for_stop(stop: asyncio.Event, seconds: float, clock: Clock) -> bool:
    """Sleep, but no longer than until `stop`; whether it is set."""
    stopping, sleeping = asyncio.create_task(stop.wait()), asyncio.create_task(_slept(clock, seconds))
    try:
        await asyncio.wait((stopping, sleeping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        sleeping.cancel()
        await asyncio.wait((stopping, sleeping))
    return stop.is_set()


async def _slept(clock: Clock, seconds: float) -> None:
    await clock.sleep(seconds)


def unix_ms(time: Sequence[bytes]) -> int:
    """Redis's answer to TIME, seconds and microseconds, as Unix milliseconds."""
    seconds, microseconds = time
    return int(seconds) * 1_000 + int(microseconds) // 1_000


def _open(url: str | Secret, name: str, socket_timeout_s: float) -> Redis:
    text = url.reveal() if isinstance(url, Secret) else url
    problem = problem_with(text) or problem_with_files(text)
    if problem:
        raise StartupError(f"REDIS_URL {problem}")
    try:
        return _Client.from_url(
            text,
            protocol=2,
            decode_responses=False,
            socket_timeout=socket_timeout_s,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
            client_name=name,
            connection_class=_Connection,  # rediss:// and unix:// bring their own
            driver_info=None,  # no CLIENT SETINFO: an ACL for Redis 7.0 cannot allow it
        )
    except ValueError as error:
        raise StartupError(f"REDIS_URL={SecretUrl(text)}: {error}") from error
