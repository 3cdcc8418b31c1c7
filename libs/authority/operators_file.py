"""Reading the operators' file, anew each time: who is revoked in it is revoked for the next arm."""

from collections.abc import Iterator

from msgspec import Struct

from authority.files import read_small, why
from authority.operators import Operators, OperatorsMistake, parse
from contracts.vocabulary import Environment

VARIABLE = "OPERATORS_FILE"
BYTES_MAX = 256 * 1024


class Reading(Struct, frozen=True, kw_only=True):
    """What a look at the file showed. Neither operators nor a problem: none is configured."""

    operators: Operators | None = None
    problem: str = ""
    """Why nobody can say who may sign."""

    @property
    def configured(self) -> bool:
        """Whether there is a file to look at."""
        return self.operators is not None or bool(self.problem)


def read(path: str) -> Reading:
    """Look. Never raises: what cannot be read or is not clear is a problem. An empty path: none is configured."""
    if not path:
        return Reading()
    try:
        _, content = read_small(path, BYTES_MAX)
        return Reading(operators=parse(content.decode()))
    except OperatorsMistake as mistake:
        return Reading(problem=f"{VARIABLE}={path!r}: {mistake}")
    except UnicodeDecodeError:
        return Reading(problem=f"{VARIABLE}={path!r} cannot be read: it is not UTF-8 text")
    except (OSError, ValueError) as error:
        return Reading(problem=f"{VARIABLE}={path!r} cannot be read: {why(error)}")


def problems(path: str, environment: Environment) -> Iterator[str]:
    """Why a service must not start with it: one line, or none."""
    reading = read(path)
    if reading.problem:
        yield reading.problem
    elif not reading.configured and environment is not Environment.SIM:
        yield f"{VARIABLE} is not set: unsigned arms are for sim alone, and EXCHANGE_ENV is {environment}"


def standing_problem(reading: Reading, environment: Environment, now_ms: int) -> str:
    """Why no arm can be authentic now, whatever it carries; empty when one can."""
    if reading.operators is not None:
        shortage = reading.operators.shortage(environment, now_ms)
        return f"{VARIABLE}: {shortage}" if shortage else ""
    if not reading.problem and environment is not Environment.SIM:
        return f"{VARIABLE} is not set, and the environment is {environment}"
    return reading.problem
