"""What a command works with, and the frame around it: settings, connections, traces, signals, errors as one line."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version

from msgspec import Struct
from redis.asyncio import Redis
from redis.exceptions import RedisError

from flatctl.exits import ERROR, INTERRUPTED, CommandFailed
from flatctl.screen import Screen
from flatctl.settings import FlatctlSettings
from runtime import logs, tracing
from runtime.clock import SystemClock
from runtime.errors import SettingsError, StartupError
from runtime.latch import Latch, open_latch
from runtime.redaction import Redactor
from runtime.redis_client import is_transient, open_reader, open_redis
from runtime.secret import SecretUrl
from runtime.settings import load, secrets_of
from runtime.telemetry import telemetry_problems

TELEMETRY_S = 1.0


class Session(Struct, frozen=True, kw_only=True):
    """Settings, screen and connections of one command. Nothing connects before it is used."""

    settings: FlatctlSettings
    screen: Screen
    redis: Redis
    reader: Redis
    """For blocking reads alone."""
    latch: Latch
    clock: SystemClock


Command = Callable[[Session], Awaitable[int]]


def load_settings() -> FlatctlSettings:
    """The settings, for what a person is asked before the event loop begins. Raises SettingsError."""
    return load(FlatctlSettings, os.environ)


def run(command: Command, *, as_json: bool = False) -> int:
    """Run one command; returns the exit code. Whatever goes wrong is one line on stderr."""
    redactor = Redactor()
    screen = Screen(redactor, as_json=as_json)
    try:
        settings = load_settings()
    except SettingsError as error:
        for line in error.lines:
            screen.error(line)
        return ERROR
    for secret in secrets_of(settings):
        redactor.add(secret)
        logs.redact(secret)
    logs.setup_logs("flatctl", "error", "text")
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # telemetry that is down is no news on a bad night
    if not telemetry_problems(os.environ):  # they are told by now; an emergency does not wait for them
        tracing.setup_tracing("flatctl", version("flatguard"), os.environ)
    try:
        return asyncio.run(_framed(command, settings, screen))
    except CommandFailed as error:
        screen.error(str(error))
        return error.code
    except (StartupError, ValueError) as error:
        screen.error(str(error))
        return ERROR
    except RedisError as error:
        screen.error(_redis_trouble(error, settings.redis_url))
        return ERROR
    except asyncio.CancelledError:
        screen.error("stopped; what is armed stays armed, and a run goes on (flatctl status, flatctl watch)")
        return INTERRUPTED


@asynccontextmanager
async def _open(settings: FlatctlSettings, screen: Screen) -> AsyncIterator[Session]:
    redis = open_redis(settings.redis_url, name="flatctl")
    reader = open_reader(settings.redis_url, name="flatctl")
    try:
        yield Session(
            settings=settings,
            screen=screen,
            redis=redis,
            reader=reader,
            latch=open_latch(settings.ess_latch, redis),
            clock=SystemClock(),
        )
    finally:
        await redis.aclose()
        await reader.aclose()


async def _framed(command: Command, settings: FlatctlSettings, screen: Screen) -> int:
    """Ctrl-C and SIGTERM cancel the command, from the event loop: a changing picture gives the terminal back.

    The interpreter's own Ctrl-C would cancel in the middle of a step, where redis-py can lose it.
    """
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("a command runs in a task")
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        async with _open(settings, screen) as session:
            return await command(session)
    finally:
        await tracing.shutdown(TELEMETRY_S)


def _redis_trouble(error: RedisError, url: SecretUrl) -> str:
    if is_transient(error):
        return (
            f"Redis at {url} cannot be reached ({error}); start it, or set REDIS_URL. "
            "A latch in a file works without it: flatctl ess"
        )
    return f"Redis at {url} refuses: {error}; check the user and password in REDIS_URL and that user's permissions"
