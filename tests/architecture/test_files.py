"""What every checked-in file keeps to."""

import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from support.tree import CODE, ROOT, text_of, tracked

LINES_MAX = 300
SERVICES = ("services/position-oracle/position_oracle", "services/governor/governor",
            "services/flatten-executor/flatten_executor", "services/notifier/notifier")  # fmt: skip
TEXTS = (".py", ".lua", ".md", ".toml", ".yml", ".yaml", ".json", ".txt", ".sh", ".conf", ".example", "Makefile",
         "Dockerfile", ".html", ".css", ".js", ".svg", ".ci/run", ".editorconfig", ".gitignore")  # fmt: skip
# Written so that they do not match themselves.
FORBIDDEN = {
    "a path of somebody's machine": r"(?<![\w.])/(?:wor[k]|roo[t]|hom[e]|User[s]|opt/pyp[i]|opt/wheel[s])/",
    "a package registry's address": r"pypi\.or[g]|pythonhoste[d]|registry\.npm[j]s|/simple/?\"|index-ur[l]",
    "unfinished work": r"\b(?:TOD[O]|FIXM[E]|XX[X])\b",
    "a private key": r"BEGIN [A-Z ]*PRIVATE KE[Y]",
}
REQUIREMENT = re.compile(r"[a-z0-9][a-z0-9._-]*(\[[a-z0-9,-]+\])?==[0-9][^\s;]*( ;[^\\]*)? \\")


@pytest.mark.parametrize("name", tracked(".py", ".lua", ".html", ".css", ".js"))
def test_a_file_has_one_subject_and_so_at_most_300_lines(name: str) -> None:
    assert len(text_of(name).splitlines()) <= LINES_MAX


@pytest.mark.parametrize("problem", FORBIDDEN)
def test_no_file_holds(problem: str) -> None:
    pattern = re.compile(FORBIDDEN[problem])

    found = [
        f"{name}:{number}: {line.strip()[:100]}"
        for name in tracked(*TEXTS)
        for number, line in enumerate(text_of(name).splitlines(), 1)
        if pattern.search(line)
    ]

    assert found == []


@pytest.mark.parametrize("name", tracked(".txt"))
def test_requirements_hold_names_versions_and_hashes_only(name: str) -> None:
    lines = [line for line in text_of(name).splitlines() if line.strip() and not line.strip().startswith("#")]

    hashes = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
    odd = [line for line in lines if not (REQUIREMENT.fullmatch(line) or hashes.fullmatch(line))]

    assert odd == []
    assert "://" not in text_of(name)


def test_the_runtime_pins_are_among_the_development_pins() -> None:
    pinned = {
        name: set(re.findall(r"^([a-z0-9._-]+==\S+)", text_of(f"requirements/{name}.txt"), re.MULTILINE))
        for name in ("runtime", "dev")
    }

    assert pinned["runtime"]
    assert pinned["runtime"] <= pinned["dev"]


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_files(service: str) -> None:
    files = set(tracked())

    assert {f"{service}/{name}" for name in ("main.py", "settings.py", "observe.py", "core/__init__.py")} <= files


@pytest.mark.parametrize("service", SERVICES[1:3])
def test_a_service_that_takes_commands_has_handlers_and_a_store(service: str) -> None:
    files = set(tracked())

    assert {f"{service}/handlers.py", f"{service}/store.py"} <= files
    assert any(name.startswith(f"{service}/scripts/") and name.endswith(".lua") for name in files)


def test_packages_say_that_they_are_typed() -> None:
    packages = {name.rpartition("/")[0] for name in tracked("/__init__.py") if name.startswith(CODE)}
    top = {package for package in packages if package.rpartition("/")[0] not in packages}

    assert {f"{package}/py.typed" for package in top} <= set(tracked())


def test_what_packages_need_beside_code_is_shipped_with_them(tmp_path: Path) -> None:
    builder = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", builder, tmp_path], cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    shipped = set(ZipFile(wheel).namelist())

    data = [name for name in tracked(".lua", ".html", ".css", ".js", ".svg") if name.startswith(CODE)]
    assert len(data) > len(tracked(".lua"))
    assert [name for name in data if not any(name.endswith(f"/{packed}") for packed in shipped)] == []
