"""What a demo leaves running: how to look at it, and how to stop it later."""

import shlex
import shutil
import sys
from pathlib import Path

import msgspec

from demo.processes import Processes, Record, stop_recorded
from demo.stack import Stack
from demo.telling import Teller

RECORDS = "processes.json"
ENVIRONMENT = "environment.sh"
TOOL_VARIABLES = (
    "REDIS_URL",
    "FLATTEN_NAMESPACE",
    "ACCOUNT",
    "EXCHANGE_ENV",
    "EXCHANGE_BASE_URL",
    "EXCHANGE_API_KEY",
    "EXCHANGE_API_SECRET",
    "ESS_LATCH",
)


def write_down(stack: Stack, processes: Processes) -> None:
    """Leave the operator's environment and the list of processes in the demo's directory."""
    lines = [f"export {name}={shlex.quote(stack.environ[name])}" for name in TOOL_VARIABLES]
    environment = stack.directory / ENVIRONMENT
    environment.write_text("\n".join((*lines, "")))
    environment.chmod(0o600)
    (stack.directory / RECORDS).write_bytes(msgspec.json.encode(processes.records()))


def explain(stack: Stack, teller: Teller, *, stop: str) -> None:
    """How to look at what runs."""
    port = stack.redis_url.rpartition(":")[2].partition("/")[0]
    program = Path(sys.executable).with_name("flatctl")
    flatctl = shlex.quote(str(program)) if program.exists() else shlex.join((sys.executable, "-m", "flatctl.main"))
    directory = shlex.quote(str(stack.directory))
    teller.line("operator's environment, then look:", "bold")
    teller.line(f"   . {directory}/{ENVIRONMENT}")
    for command in ("status", "positions", "watch"):
        teller.line(f"   {flatctl} {command}")
    teller.line("arm it (the latch first):", "bold")
    teller.line(f"   {flatctl} ess activate && {flatctl} arm --wait")
    teller.line("positions again after a flatten (the cooldown is a minute):", "bold")
    teller.line(f"   curl -X POST {stack.exchange_url}/sim/reset")
    teller.line("ready, metrics, record:", "bold")
    for service in stack.services:
        if service.name not in ("redis", "exchange-sim"):
            teller.line(f"   {service.name:<17} {service.url}/readyz  {service.url}/metrics")
    teller.line(f"   redis-cli -p {port} XRANGE {stack.keys.stream('flatten.audit')} - +")
    teller.line(f"   logs: {directory}/*.log")
    teller.line("stop:", "bold")
    teller.line(f"   {stop}")


def stop_command(stack: Stack) -> str:
    """What stops a demo that was left running."""
    return shlex.join((sys.executable, "-m", "demo", "--stop", str(stack.directory)))


def stop_left_running(directory: Path) -> str:
    """End what a demo left running in `directory` and remove it; what was done, in a line. Raises ValueError."""
    try:
        records = msgspec.json.decode((directory / RECORDS).read_bytes(), type=tuple[Record, ...])
    except (OSError, msgspec.DecodeError) as error:
        raise ValueError(f"--stop {directory}: no demo was left running there ({type(error).__name__})") from error
    stopped = stop_recorded(tuple(reversed(records)))
    shutil.rmtree(directory)
    return f"stopped: {', '.join(stopped) or 'nothing was running any more'}; removed {directory}"
