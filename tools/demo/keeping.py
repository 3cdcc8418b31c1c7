"""What a demo leaves running: commands to look at it, and how to stop it later.

The commands are small scripts in the demo's own directory, each with the settings that it needs, so that nothing of
the demo stays behind in anybody's shell.
"""

import http.client
import json
import os
import shlex
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from demo.signals import heard
from demo.stack import Stack
from demo.telling import Teller
from runtime.processes import Processes, Recipe, Record, replaced_mark, stop_recorded
from runtime.programs import clean_environment, http_request

KEPT = "kept.json"
STOPPING = "stopping"
"""Who stops what runs in a directory says so there first: then its ending is no failure, and removing it is theirs."""
COMMANDS = "bin"
RESTARTABLE = ("governor", "flatten-executor", "position-oracle")
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


class Kept(Struct, frozen=True, kw_only=True):
    """What runs, for those who come later."""

    exchange_url: str
    processes: tuple[Record, ...]
    recipes: dict[str, Recipe]
    """Of the programs that can be started again, by name; of the environment only what the demo set."""


def write_down(stack: Stack, processes: Processes) -> None:
    """Leave the operator's commands and the list of processes in the demo's directory."""
    recipes = {child.name: _own(child.recipe) for child in processes.children if child.name in RESTARTABLE}
    _write(stack.directory, Kept(exchange_url=stack.exchange_url, processes=processes.records(), recipes=recipes))
    folder = stack.directory / COMMANDS
    folder.mkdir()
    python = shlex.join((sys.executable, "-P", "-m"))
    directory = shlex.quote(str(stack.directory))
    settings = "".join(f"export {name}={shlex.quote(stack.environ[name])}\n" for name in TOOL_VARIABLES)
    scripts = {
        "flatctl": f'{settings}exec {python} flatctl.main "$@"',
        "demo-reset": f"exec {python} demo --reset {directory}",
        "demo-restart": f'exec {python} demo --restart {directory} "${{1:-governor}}"',
        "demo-stop": f"exec {python} demo --stop {directory}",
    }
    if stack.redis_cli is not None:
        scripts["redis-cli"] = f'exec {shlex.quote(str(stack.redis_cli))} -u {shlex.quote(stack.redis_url)} "$@"'
    for name, script in scripts.items():
        command = folder / name
        command.write_text(f"#!/bin/sh\n{script}\n")
        command.chmod(0o700)


def explain(stack: Stack, teller: Teller, *, flattened: bool) -> None:
    """How to look at what runs; every command is whole, on a line of its own.

    `flattened`: the story was told and this program ends; else it waits, and its reader tells the story.
    """
    directory = shlex.quote(str(stack.directory))
    audit = f"redis-cli XRANGE {stack.keys.stream('flatten.audit')} - +"
    flatten = ["flatctl ess activate", "flatctl arm --wait"]
    again = (
        ("flatten once more, yourself (a minute after the last time):", ["demo-reset", *flatten])
        if flattened
        else ("flatten (demo-reset opens the positions again; a minute between two):", [*flatten, "demo-reset"])
    )
    services = [service for service in stack.services if service.name not in ("redis", "exchange-sim")]
    parts: tuple[tuple[str, list[str]], ...] = (
        (
            f"In {'this terminal or another' if flattened else 'another terminal'}:",
            [f"PATH={directory}/{COMMANDS}:$PATH"],
        ),
        ("look:", ["flatctl status", "flatctl positions"]),
        again,
        ("the run again, and the record of every arm, order and verdict:", ["flatctl watch"]),
        ("", [audit] if stack.redis_cli else []),
        ("watch it in a browser:", [f"{service.url}/" for service in services if service.name == "governor"]),
        ("metrics (and /readyz):", [f"{service.url}/metrics  {service.name}" for service in services]),
        ("logs:", [f"{directory}/*.log"]),
        ("stop everything:", ["demo-stop" if flattened or signal.SIGINT not in heard() else "Ctrl-C here"]),
    )
    for title, commands in parts:
        if title:
            teller.line(title, "bold")
        for command in commands:
            teller.command(f"   {command}")


def reset_left_running(directory: Path) -> str:
    """Open the incident's positions again; how many, in a line. Raises ValueError."""
    url = _kept(directory, "--reset").exchange_url
    _ask(url, "POST", "/sim/reset")
    state = json.loads(_ask(url, "GET", "/sim/state"))
    return f"{len(state['positions'])} positions are open again"


def restart_left_running(directory: Path, name: str) -> str:
    """End one of the services and start it again; the new process in a line. Raises ValueError.

    Returns once it has started, not once it is ready: /readyz and `flatctl status` tell that.
    """
    kept = _kept(directory, "--restart")
    if name not in kept.recipes:
        raise ValueError(f"--restart {name}: only these can be restarted: {', '.join(kept.recipes)}")
    replaced_mark(directory, name).touch()
    stop_recorded([record for record in kept.processes if record.name == name])
    again = Processes(directory)
    recipe = kept.recipes[name]
    child = again.start(name, recipe.arguments, clean_environment(os.environ) | recipe.environ)
    others = [record for record in kept.processes if record.name != name]
    _write(directory, msgspec.structs.replace(kept, processes=(*others, *again.records())))
    return f"{name} was restarted: pid {child.pid}"


def stop_replaced(directory: Path) -> None:
    """End those that were restarted: they are nobody's children any more."""
    if (directory / KEPT).exists():
        kept = _kept(directory, "--stop")
        stop_recorded([record for record in kept.processes if replaced_mark(directory, record.name).exists()])


def stop_left_running(directory: Path) -> str:
    """End what a demo left running in `directory` and remove it; what was done, in a line. Raises ValueError."""
    kept = _kept(directory, "--stop")
    with suppress(FileNotFoundError):  # another was quicker
        (directory / STOPPING).touch()
    stopped = stop_recorded(tuple(reversed(kept.processes)))
    remove(directory)
    return f"stopped: {', '.join(stopped) or 'nothing was running any more'}; removed {directory}"


def is_stopped_from_outside(directory: Path) -> bool:
    """Whether somebody else ends what runs there, or has ended it."""
    return not directory.exists() or (directory / STOPPING).exists()


def remove(directory: Path) -> None:
    """As `shutil.rmtree`; that another was quicker is no error."""
    with suppress(FileNotFoundError):
        shutil.rmtree(directory)


def _own(recipe: Recipe) -> Recipe:
    """Without what came from the user's own environment: that is not to stand in a file."""
    theirs = clean_environment(os.environ).items()
    return msgspec.structs.replace(recipe, environ=dict(recipe.environ.items() - theirs))


def _write(directory: Path, kept: Kept) -> None:
    """Whole or not at all: others may read it meanwhile. It holds the simulator's keys and no others."""
    new = directory / f"{KEPT}.new"
    new.write_bytes(msgspec.json.encode(kept))
    new.replace(directory / KEPT)


def _ask(url: str, method: str, path: str) -> bytes:
    status, body = http_request(url, method, path)
    if status != http.client.OK:
        raise ValueError(f"the simulator at {url} does not do {method} {path}: status {status}")
    return body


def _kept(directory: Path, option: str) -> Kept:
    try:
        return msgspec.json.decode((directory / KEPT).read_bytes(), type=Kept)
    except (OSError, msgspec.DecodeError) as error:
        raise ValueError(f"{option} {directory}: no demo was left running there ({type(error).__name__})") from error
