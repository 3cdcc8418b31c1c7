"""`python -m demo`: start, tell, clean up. Exit code 0 only when all three ways of the proof agree."""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from contracts.codec import UndecodableEntry
from demo import keeping
from demo.signals import SIGNALLED, STDERR, heard
from demo.stack import Stack, start_stack
from demo.story import introduce, tell
from demo.telling import CannotTell, Teller
from exchange.errors import ExchangeError
from runtime.processes import ChildDied, Processes
from runtime.programs import CannotStart

FAILED = 1
WATCH_S = 0.05


def main() -> None:
    """Run the demo; ends with its exit code."""
    options = _options()
    _keep_standard_descriptors()
    if options.stop is not None:
        sys.exit(_later(lambda: keeping.stop_left_running(options.stop)))
    if options.reset is not None:
        sys.exit(_later(lambda: keeping.reset_left_running(options.reset)))
    if options.restart is not None:
        directory, name = options.restart
        sys.exit(_later(lambda: keeping.restart_left_running(Path(directory), name)))
    sys.exit(asyncio.run(_run(keep=options.keep, only_run=options.only_run)))


def _later(action: Callable[[], str]) -> int:
    """Do something with what an earlier demo left running. A signal ends it, as it does any program."""
    for number in heard():
        signal.signal(number, signal.SIG_DFL)
    try:
        Teller().command(action())
    except (ValueError, CannotTell) as error:
        _say(str(error))
        return FAILED
    return 0


class _Ended(Exception):
    """A signal asked to end."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number.name)
        self.signal = number


async def _run(*, keep: bool, only_run: bool) -> int:
    """The exit code. Every process is ended, whatever happens, unless it ends well and is to be kept."""
    signalled = _listen_for_signals()
    teller = Teller()
    directory = Path(tempfile.mkdtemp(prefix="flatguard-demo-"))
    processes = Processes(directory)
    kept = False
    try:
        play = _only_run(processes, directory, teller) if only_run else _demo(processes, directory, teller, keep=keep)
        code = await _watched(processes, play, signalled)
        kept = keep and not only_run
    except _Ended as ended:
        _say(f"{ended.signal.name}: stopping everything")
        code = 0 if only_run else SIGNALLED + ended.signal
    except ChildDied as error:
        outside = keeping.is_stopped_from_outside(directory)
        _say("stopped from outside" if outside else str(error))
        code = 0 if outside and only_run else FAILED
    except (CannotStart, CannotTell, ExchangeError, RedisError, UndecodableEntry) as error:
        _say(str(error))
        code = FAILED
    finally:
        if not kept:
            keeping.stop_replaced(directory)
            processes.stop_all()
            if not keeping.is_stopped_from_outside(directory):
                keeping.remove(directory)
    return code


async def _demo(processes: Processes, directory: Path, teller: Teller, *, keep: bool) -> int:
    stack = await _start(processes, directory, teller, lasting=keep)
    agreed = await tell(stack, processes, teller)
    if keep:
        keeping.write_down(stack, processes)
        teller.line()
        teller.line(f"Everything is left running in {directory}", "bold cyan")
        keeping.explain(stack, teller, flattened=True)
    return 0 if agreed else FAILED


async def _only_run(processes: Processes, directory: Path, teller: Teller) -> int:
    stack = await _start(processes, directory, teller, lasting=True)
    keeping.write_down(stack, processes)
    teller.line()
    keeping.explain(stack, teller, flattened=False)
    await asyncio.Event().wait()
    return 0


async def _start(processes: Processes, directory: Path, teller: Teller, *, lasting: bool) -> Stack:
    began_s = time.monotonic()
    teller.line("Flatguard demo: Redis, a simulated exchange and the trio, all on this machine")
    stack = await start_stack(processes, directory, lasting=lasting)
    introduce(stack, teller, time.monotonic() - began_s)
    return stack


async def _watched(processes: Processes, play: Coroutine[Any, Any, int], signalled: "asyncio.Future[int]") -> int:
    """Run `play`, unless a process dies (ChildDied) or somebody ends the demo (_Ended) before."""

    async def alive() -> int:
        while True:
            processes.check()
            await asyncio.sleep(WATCH_S)

    async def ended() -> int:
        raise _Ended(signal.Signals(await signalled))

    tasks = [asyncio.create_task(work) for work in (play, alive(), ended())]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    # A dead process explains what the story could only see the consequence of: it is told first.
    processes.check()
    return next(task for task in tasks if task in done).result()


def _listen_for_signals() -> "asyncio.Future[int]":
    """The first signal that asks to end. Later ones change nothing: cleaning up is under way."""
    loop = asyncio.get_running_loop()
    first: asyncio.Future[int] = loop.create_future()

    def on_signal(number: int) -> None:
        if not first.done():
            first.set_result(number)

    for number in heard():
        loop.add_signal_handler(number, on_signal, number)
    return first


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--keep", action="store_true", help="leave everything running, and say how to look at it")
    choice.add_argument("--only-run", action="store_true", help="start everything and wait for Ctrl-C or --stop")
    choice.add_argument("--stop", metavar="DIR", type=Path, help="stop what --keep has left running")
    again = "end one service of a demo that runs, and start it again"
    choice.add_argument("--restart", metavar=("DIR", "NAME"), nargs=2, help=again)
    choice.add_argument("--reset", metavar="DIR", type=Path, help="open the positions of a demo that runs again")
    return parser.parse_args()


def _keep_standard_descriptors() -> None:
    """Started with stdout closed, a log file would become descriptor 1, and every print would go there."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= STDERR:
        os.set_inheritable(descriptor, True)  # noqa: FBT003 - positional only
    os.close(descriptor)


def _say(text: str) -> None:
    try:
        sys.stderr.write(f"demo: {text}\n")
        sys.stderr.flush()
    except OSError:
        return  # nobody reads it: the exit code says it as well


if __name__ == "__main__":
    main()
