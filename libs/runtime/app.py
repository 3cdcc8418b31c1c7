"""A service's frame: settings, logs, tracing, signals, exit codes. `main.py` calls `run_service` and nothing else."""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from types import FrameType
from typing import Any, TypeVar

import structlog

from runtime import command_line, log_export, logs, tracing
from runtime.command_line import EXIT_CRASHED, EXIT_FORCED, EXIT_OK, EXIT_WRONG_INPUT
from runtime.errors import SettingsError, StartupError
from runtime.settings import CommonSettings, describe, load_service, secrets_of
from runtime.telemetry import telemetry_secrets

C = TypeVar("C", bound=CommonSettings)
DRAIN_ON_CRASH_S = 2.0
DRAIN_S = 4.0
"""How long a signal lets what is in hand come to its end. With what follows, less than the 10 s that Docker waits."""
LET_GO_S = 1.0
"""How long what did not is given to let go of its connections."""
_log = structlog.get_logger("runtime.app")


def software_version() -> str:
    """The distribution's version."""
    try:
        return version("flatguard")
    except PackageNotFoundError:
        return "0+unknown"


def run_service(
    main: Callable[[C, asyncio.Event], Awaitable[None]],
    settings_cls: type[C],
    service_name: str,
    environ: Mapping[str, str] | None = None,
    arguments: Sequence[str] | None = None,
) -> None:
    """Run `main(settings, stop)` until it returns; `stop` is set by SIGTERM or SIGINT, a second one ends at once.

    Returns when all went well; otherwise raises SystemExit: 2 for bad settings (one line each on stderr), 1 for a
    start that failed (one line) or a crash (one line and the traceback), 130 for a second signal. An argument, of the
    process unless they are given, starts nothing: it is answered (0), or refused with one line on stderr (2).
    """
    environ = os.environ if environ is None else environ
    try:
        command_line.read(
            sys.argv[1:] if arguments is None else arguments, settings_cls, service_name, software_version()
        )
    except command_line.Answer as answer:
        (sys.stderr if answer.code else sys.stdout).write(answer.text)
        raise SystemExit(answer.code) from None
    try:
        settings = load_service(settings_cls, environ)
    except SettingsError as error:
        for line in error.lines:
            sys.stderr.write(f"{service_name}: {line}\n")
        raise SystemExit(EXIT_WRONG_INPUT) from None
    for secret in secrets_of(settings):
        logs.redact(secret)
    for text in telemetry_secrets(environ):
        logs.redact(text)
    logs.setup_logs(service_name, settings.log_level, settings.log_format)
    tracing.setup_tracing(service_name, software_version(), environ)
    exported = log_export.start_log_export(service_name, software_version(), environ)
    threading.excepthook = _thread_crashed
    described = describe(settings)
    config_hash = described.pop("config_hash")
    _log.info(f"{service_name} {software_version()} starting", config_hash=config_hash, settings=described)
    code = _run(main, settings, service_name)
    if exported is not None and not exported.shutdown():
        _log.warning("log lines could not be sent in time; the last ones are here alone")
    if code:
        raise SystemExit(code)


async def supervise(*coroutines: Coroutine[Any, Any, None], stop: asyncio.Event) -> None:
    """Run them together until all have returned.

    The first to crash sets `stop`; the others get a moment to drain and are then cancelled; its exception comes out.
    """
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        if any(_failure(task) for task in tasks if task.done()):
            stop.set()
            await asyncio.wait(tasks, timeout=DRAIN_ON_CRASH_S)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    failures = [failure for task in tasks if (failure := _failure(task)) is not None]
    for failure in failures[1:]:
        _log.error(f"also failed: {type(failure).__name__}: {failure}", exc_info=failure)
    if failures:
        raise failures[0]


def _run(main: Callable[[C, asyncio.Event], Awaitable[None]], settings: C, service_name: str) -> int:
    """The exit code."""
    try:
        with asyncio.Runner() as runner:
            runner.run(_with_signals(main, settings))
    except StartupError as error:
        _log.critical(f"{service_name} cannot start: {error}")
        return EXIT_CRASHED
    except Exception as error:  # noqa: BLE001 - the outermost frame: it tells and ends the process
        _log.critical(f"{service_name} crashed: {type(error).__name__}: {error}", exc_info=error)
        return EXIT_CRASHED
    _log.info(f"{service_name} stopped")
    return EXIT_OK


async def _with_signals(main: Callable[[C, asyncio.Event], Awaitable[None]], settings: C) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal(number: int, _frame: FrameType | None = None) -> None:
        name = signal.Signals(number).name
        if stop.is_set():
            _log.critical(f"{name} again: ending at once, what is in hand stays pending")
            logging.shutdown()
            os._exit(EXIT_FORCED)
        _log.info(f"{name}: draining")
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    try:
        await _until_drained(main(settings, stop), stop)
    finally:
        if not await tracing.shutdown():
            _log.warning("telemetry could not be sent in time; some spans are lost")


async def _until_drained(work: Awaitable[None], stop: asyncio.Event) -> None:
    """Until it returns, or until `DRAIN_S` after `stop`: an exchange or a Redis that hangs holds no process up.

    What is cut off stays pending, as it does in a crash, and whoever starts next goes on with it.
    """
    task, stopping = asyncio.ensure_future(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((task, stopping), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            await asyncio.wait((task,), timeout=DRAIN_S)
        if not task.done():
            _log.warning(f"not at an end {DRAIN_S:g} s after the signal: ending; what is in hand stays pending")
            task.cancel()
            await asyncio.wait((task,), timeout=LET_GO_S)
    finally:
        stopping.cancel()
        task.cancel()
    if task.done() and not task.cancelled():
        task.result()


def _failure(task: asyncio.Task[None]) -> BaseException | None:
    return task.exception() if task.done() and not task.cancelled() else None


def _thread_crashed(args: threading.ExceptHookArgs) -> None:
    name = args.thread.name if args.thread else "?"
    _log.error(f"thread {name} crashed: {args.exc_type.__name__}: {args.exc_value}", exc_info=args.exc_value)
