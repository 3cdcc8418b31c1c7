"""Who may import whom: the contracts in pyproject.toml, kept."""

import ast
import subprocess
import tomllib
from typing import Any

import pytest

from support.tree import ROOT, SOURCES, program, text_of, tracked


def configuration() -> dict[str, Any]:
    tool: dict[str, Any] = tomllib.loads(text_of("pyproject.toml"))["tool"]
    return tool


def test_the_import_contracts_are_kept() -> None:
    outcome = subprocess.run(
        [program("lint-imports"), "--no-cache"], cwd=ROOT, check=False, capture_output=True, text=True
    )

    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_the_contracts_cover_every_package_that_is_shipped() -> None:
    tool = configuration()

    shipped = {path.rpartition("/")[2] for path in tool["hatch"]["build"]["targets"]["wheel"]["packages"]}

    assert set(tool["importlinter"]["root_packages"]) == shipped == top_level_packages()


def test_every_service_has_a_pure_core() -> None:
    pure = next(c for c in configuration()["importlinter"]["contracts"] if c["name"] == "Cores are pure")

    assert set(pure["source_modules"]) == {"governor.core", "flatten_executor.core", "position_oracle.core"}
    assert {"asyncio", "time", "random", "logging", "os", "redis", "aiohttp", "ccxt"} <= set(pure["forbidden_modules"])


def test_what_would_be_closed_is_decided_without_io() -> None:
    pure = next(c for c in configuration()["importlinter"]["contracts"] if c.get("source_modules") == ["closing"])

    assert {"asyncio", "time", "random", "logging", "os", "redis", "aiohttp", "ccxt"} <= set(pure["forbidden_modules"])
    assert not pure.get("allow_indirect_imports")


PURE = [
    name for name in tracked(".py") if name.startswith("libs/closing/") or ("services/" in name and "/core/" in name)
]


@pytest.mark.parametrize("name", PURE)
def test_a_core_never_awaits_nor_asks_for_the_time(name: str) -> None:
    tree = ast.parse(text_of(name))

    waiting = [node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncWith)]
    clocks = [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in {"now", "utcnow", "today"}
    ]

    assert not waiting
    assert not clocks


def test_only_one_file_of_libraries_and_services_reads_the_environment() -> None:
    readers = {
        name
        for name in tracked(".py")
        if name.startswith(("libs/", "services/"))
        and any(
            isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"} and ast.unparse(node.value) == "os"
            for node in ast.walk(ast.parse(text_of(name)))
        )
    }

    assert readers == {"libs/runtime/app.py"}


def top_level_packages() -> set[str]:
    """Directories with an `__init__.py` right below a source root."""
    found = set()
    for name in tracked("/__init__.py"):
        for source in SOURCES:
            inside = name.removeprefix(f"{source}/")
            if inside != name and inside.count("/") == 1:
                found.add(inside.partition("/")[0])
    return found
