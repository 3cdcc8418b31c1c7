"""Which stack is proved: the one that was named, a demo whose commands are on PATH, or the one of Compose."""

import shlex
import shutil
from collections.abc import Mapping

from msgspec import Struct

from proof.operating import CannotProve, Command

_COMPOSE = ("docker", "compose")
_HOW = (
    "no stack was found that runs. Start one (make run, then PATH=… as it says; or make up), or name its commands: "
    "make proof FLATCTL='…' RESTART='…'"
)


class Stack(Struct, frozen=True):
    """How to operate it."""

    flatctl: tuple[str, ...]
    restart: tuple[str, ...]


async def find_stack(flatctl: str | None, restart: str | None, environ: Mapping[str, str]) -> Stack:
    """What was named goes before what is found. Raises CannotProve with what to do."""
    if flatctl or restart:
        if not (flatctl and restart):
            raise CannotProve("name both: the stack's flatctl, and the command that restarts its governor")
        return Stack(tuple(shlex.split(flatctl)), tuple(shlex.split(restart)))
    path = environ.get("PATH")
    ours, again = shutil.which("flatctl", path=path), shutil.which("demo-restart", path=path)
    if ours and again:
        return Stack((ours,), (again, "governor"))
    if shutil.which("docker", path=path):
        said = await Command(_COMPOSE).run("ps", "--quiet", "--status", "running", "governor")
        if said.code == 0 and said.out.strip():
            return Stack((*_COMPOSE, "run", "--rm", "-T", "flatctl"), (*_COMPOSE, "restart", "governor"))
    raise CannotProve(_HOW)
