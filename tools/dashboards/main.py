"""`python -m dashboards`: deploy/grafana/dashboards/*.json, which Grafana is provisioned with.

With `--check` nothing is written; a dashboard that is not what the code says is one line on stderr and exit code 1.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from dashboards import allocation, flatten, ready
from dashboards.grid import Json

FOLDER = Path("deploy/grafana/dashboards")


def dashboards() -> Mapping[str, Json]:
    """Every dashboard by its file's name."""
    return {
        "ready.json": ready.dashboard(),
        "flatten.json": flatten.dashboard(),
        "allocation.json": allocation.dashboard(),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m dashboards", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is stale")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where they stand (%(default)s)")
    options = parser.parse_args(arguments)
    folder: Path = options.folder
    if not folder.is_dir():
        sys.stderr.write(f"dashboards: no directory {folder}: run from the project's root, or name it: --folder\n")
        return 2
    wanted = {name: _text(content) for name, content in dashboards().items()}
    stale = [name for name, text in wanted.items() if not _holds(folder / name, text)]
    extra = sorted(path.name for path in folder.glob("*.json") if path.name not in wanted)
    if options.check:
        if stale or extra:
            names = ", ".join(str(folder / name) for name in (*stale, *extra))
            sys.stderr.write(f"dashboards: not what the code says: {names}; run `make docs` and commit\n")
        return 1 if stale or extra else 0
    for name in stale:
        (folder / name).write_text(wanted[name], encoding="utf-8")
    for name in extra:
        (folder / name).unlink()
    sys.stdout.writelines(f"updated {folder / name}\n" for name in (*stale, *extra))
    return 0


def _text(content: Json) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text
