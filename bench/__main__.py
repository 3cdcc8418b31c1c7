"""`python -m bench`: measure, print the table, keep it. `--quick`: few small runs, to see that it all works."""

import argparse
import asyncio
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from redis.exceptions import RedisError

from bench import console, consuming, flattening, governor, oracle
from bench.machine import Others, this_machine
from bench.report import Report, Section, as_markdown, write
from bench.sizes import FULL, QUICK, Sizes
from bench.stack import redis_server
from bench.watching import NotMeasured
from runtime import logs
from runtime.errors import StartupError
from support.redis_local import NoRedisError, server_version
from support.sim import SimulatorError

RESULTS = Path(__file__).parent / "results"
_EXPECTED = (NotMeasured, NoRedisError, SimulatorError, StartupError, RedisError, OSError, AssertionError)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 when every figure was measured, whether it meets its goal or not."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few small runs; the result is printed, not kept")
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep the result there instead of bench/results")
    options = parser.parse_args(arguments)
    logs.setup_logs("bench", "WARNING", "text")
    try:
        report = asyncio.run(_measured(QUICK if options.quick else FULL))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return _failed("interrupted; everything that was started has ended")
    except _EXPECTED as error:
        return _failed(f"{type(error).__name__}: {error}".splitlines()[0])
    print(as_markdown(report))
    directory = options.out or (None if options.quick else RESULTS)
    for path in write(report, directory) if directory else ():
        print(f"written: {path.name}")
    return 0


def _failed(why: str) -> int:
    sys.stderr.write(f"bench: {why}\n")
    return 1


async def _measured(sizes: Sizes) -> Report:
    task = asyncio.current_task()
    assert task is not None
    # Ctrl-C cancels by itself; so must SIGTERM, or the processes would stay.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    others = Others()
    with tempfile.TemporaryDirectory(prefix="flatguard-bench-") as directory, redis_server(Path(directory)) as server:
        _progress("flatten: Flatguard and the other ways, turn about")
        sections: list[Section] = await flattening.measure(server, sizes)
        _progress("oracle")
        of_oracle, snapshot = await oracle.measure(server, sizes)
        _progress("governor")
        of_governor = await governor.measure(server, sizes, snapshot)
        _progress("console")
        of_console = await console.measure(server, sizes)
        _progress("consumer loop")
        of_consumer = await consuming.measure(server, sizes)
        redis_version = server_version(server.url)
    machine = this_machine(redis_version, others.percent())
    return Report(machine=machine, sections=(*sections, *of_oracle, *of_governor, *of_console, *of_consumer))


def _progress(what: str) -> None:
    sys.stderr.write(f"bench: {what}\n")


if __name__ == "__main__":
    raise SystemExit(main())
