"""A page of documentation that is written from the code: the command line of whoever writes one."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def keep(program: str, about: str | None, page: Path, text: str, arguments: Sequence[str] | None) -> int:
    """Write the page unless it is `text`; with `--check` only say so. Returns the exit code of `program`."""
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=about)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the page is stale")
    parser.add_argument("--page", type=Path, default=page, help="where it stands (%(default)s)")
    options = parser.parse_args(arguments)
    path: Path = options.page
    if not path.parent.is_dir():
        sys.stderr.write(f"{program}: no directory {path.parent}: run from the project's root, or name --page\n")
        return 2
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return 0
    if options.check:
        sys.stderr.write(f"{program}: not what the code says: {path}; run `make docs` and commit\n")
        return 1
    path.write_text(text, encoding="utf-8")
    sys.stdout.write(f"updated {path}\n")
    return 0


def cell(text: str) -> str:
    """The text as one cell of a table."""
    return text.replace("|", "\\|").replace("<", "&lt;")
