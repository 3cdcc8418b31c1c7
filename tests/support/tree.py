"""The project as it is checked in."""

import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
CODE = ("libs/", "services/", "tools/")
SOURCES = (
    "libs", "services/position-oracle", "services/governor", "services/flatten-executor", "services/notifier", "tools",
)  # fmt: skip
"""Where packages stand."""


def tracked(*endings: str) -> list[str]:
    """Checked-in files, by their path from the root; with endings, only those."""
    # Whoever owns the clone: only the list of names is read.
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    names = [name for name in listing.split("\0") if name and (ROOT / name).is_file()]
    return [name for name in names if not endings or name.endswith(endings)]


def text_of(name: str) -> str:
    """A checked-in file's text."""
    return (ROOT / name).read_text(encoding="utf-8")


def modules() -> Iterator[ModuleType]:
    """Every module of every package, imported."""
    for name in tracked(".py"):
        source = next((source for source in SOURCES if name.startswith(f"{source}/")), None)
        if source is not None and not name.endswith("__main__.py"):
            dotted = name.removeprefix(f"{source}/").removesuffix(".py").replace("/", ".")
            yield import_module(dotted.removesuffix(".__init__"))


def program(name: str) -> str:
    """The path of a program installed beside this Python."""
    return str(Path(sys.executable).with_name(name))
