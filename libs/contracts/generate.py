"""`python -m contracts.generate`: the JSON Schemas and the AsyncAPI document, written from the code.

With `--check` nothing is written; a document that is not what the code says is one line on stderr and exit code 1.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from contracts.asyncapi import SCHEMAS, document
from contracts.json_schema import schema_of
from contracts.streams import EVENTS

ASYNCAPI = "asyncapi.json"


def documents() -> dict[str, str]:
    """Every generated file: its path below the documentation's directory, and its text. Same code, same text."""
    schemas = {f"{SCHEMAS}/{name}.json": _text(schema_of(event)) for name, event in sorted(EVENTS.items())}
    return {ASYNCAPI: _text(document()), **schemas}


def stale(docs: Path) -> list[str]:
    """The files that are not what the code says: changed, missing, or of an event that is no more."""
    wanted = documents()
    changed = [name for name, text in wanted.items() if not _holds(docs / name, text)]
    return sorted(changed + [name for name in _schemas_in(docs) if name not in wanted])


def write(docs: Path) -> list[str]:
    """Bring every file up to date; returns those that were not."""
    wanted, outdated = documents(), stale(docs)
    (docs / SCHEMAS).mkdir(parents=True, exist_ok=True)
    for name in outdated:
        if name in wanted:
            (docs / name).write_text(wanted[name], encoding="utf-8")
        else:
            (docs / name).unlink()
    return outdated


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m contracts.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is stale")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="where they stand (%(default)s)")
    options = parser.parse_args(arguments)
    docs: Path = options.docs
    if not docs.is_dir():
        sys.stderr.write(f"contracts.generate: no directory {docs}: run from the project's root, or name it: --docs\n")
        return 2
    if not options.check:
        for name in write(docs):
            sys.stdout.write(f"updated {docs / name}\n")
        return 0
    outdated = stale(docs)
    if outdated:
        names = ", ".join(str(docs / name) for name in outdated)
        sys.stderr.write(f"contracts.generate: not what the code says: {names}; run `make docs` and commit\n")
    return 1 if outdated else 0


def _text(content: dict[str, object]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def _schemas_in(docs: Path) -> list[str]:
    return [f"{SCHEMAS}/{path.name}" for path in (docs / SCHEMAS).glob("*.json")]


if __name__ == "__main__":
    sys.exit(main())
