"""Reading the operators' file, anew each time: who is revoked in it is revoked for the next arm."""

import asyncio
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress

from authority.files import read_small, why
from authority.operators import OperatorsMistake, OperatorsSeen, parse
from contracts.vocabulary import Environment

VARIABLE = "OPERATORS_FILE"
BYTES_MAX = 256 * 1024
LOOK_TIMEOUT_S = 2.0
EVERY_S = 2.0


def read(path: str) -> OperatorsSeen:
    """Look. Never raises: what cannot be read or is not clear is a problem. An empty path: none is configured."""
    if not path:
        return OperatorsSeen()
    try:
        state, content = read_small(path, BYTES_MAX)
        if state.st_mode & stat.S_IWOTH:
            mode = stat.S_IMODE(state.st_mode)
            return OperatorsSeen(
                problem=f"{VARIABLE}={path!r} may be written by anybody (mode {mode:04o}): chmod o-w it"
            )
        return OperatorsSeen(operators=parse(content.decode()))
    except OperatorsMistake as mistake:
        return OperatorsSeen(problem=f"{VARIABLE}={path!r}: {mistake}")
    except UnicodeDecodeError:
        return OperatorsSeen(problem=f"{VARIABLE}={path!r} cannot be read: it is not UTF-8 text")
    except (OSError, ValueError) as error:
        return OperatorsSeen(problem=f"{VARIABLE}={path!r} cannot be read: {why(error)}")


def problems(path: str, environment: Environment) -> Iterator[str]:
    """Why a service must not start with it: one line, or none."""
    seen = read(path)
    if seen.problem:
        yield seen.problem
    elif not seen.configured and environment is not Environment.SIM:
        yield f"{VARIABLE} is not set: unsigned arms are for sim alone, and EXCHANGE_ENV is {environment}"


class OperatorsFile:
    """The file of one service, looked at for each arm, and now and then to tell beforehand that no arm could pass."""

    def __init__(self, path: str, environment: Environment) -> None:
        self._path = path
        self._environment = environment
        self._last = OperatorsSeen(problem=f"{VARIABLE} was not looked at yet")

    @property
    def last(self) -> OperatorsSeen:
        """What the last look showed."""
        return self._last

    async def look(self) -> OperatorsSeen:
        """What it says now. Never raises, and waits no longer than `LOOK_TIMEOUT_S`."""
        try:
            async with asyncio.timeout(LOOK_TIMEOUT_S):
                self._last = await asyncio.to_thread(read, self._path)
        except TimeoutError:
            problem = f"{VARIABLE}={self._path!r} cannot be read: no answer in {LOOK_TIMEOUT_S:g} s"
            self._last = OperatorsSeen(problem=problem)
        return self._last

    def problem(self, now_ms: int) -> str:
        """Why no arm can be authentic, whatever it carries, by the last look; empty when one can."""
        return standing_problem(self._last, self._environment, now_ms)

    async def keep_looking(self, stop: asyncio.Event, tell: Callable[[OperatorsSeen], None]) -> None:
        """Look every `EVERY_S` until `stop`; `tell` hears of the first look and of each that shows something else."""
        told: OperatorsSeen | None = None
        while not stop.is_set():
            seen = await self.look()
            if seen != told:
                tell(seen)
                told = seen
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), EVERY_S)


def standing_problem(seen: OperatorsSeen, environment: Environment, now_ms: int) -> str:
    """Why no arm can be authentic now, whatever it carries; empty when one can."""
    if seen.operators is not None:
        shortage = seen.operators.shortage(environment, now_ms)
        return f"{VARIABLE}: {shortage}" if shortage else ""
    if not seen.problem and environment is not Environment.SIM:
        return f"{VARIABLE} is not set, and the environment is {environment}"
    return seen.problem
