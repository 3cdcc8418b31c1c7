"""What `make` and the build run, with programs in place of theirs that note how they were called."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.tree import ROOT

NOTE = '#!/bin/sh\necho "$(basename "$0") $* REQUIRE_CONTAINERS=${REQUIRE_CONTAINERS:-}" >>"$NOTES"\nexit ${FAIL:-0}\n'
FROM_OUTSIDE = (
    "REQUIRE_CONTAINERS",
    "REQUIRE_BROWSER",
    "MAKEFLAGS",
    "MAKELEVEL",
    "MFLAGS",
    "KEEP",
    "TESTS",
    "WORKERS",
    "PYTEST_ARGS",
)


def a_program(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(NOTE)
    path.chmod(0o755)


def a_bare_path(house: "House") -> Path:
    """A PATH with nothing on it but what make itself needs."""
    bare = house.root.parent / "bare"
    bare.mkdir()
    for name in ("make", "sh", "basename"):
        found = shutil.which(name)
        assert found is not None
        (bare / name).symlink_to(found)
    return bare


class House:
    """A clone with nothing in it but what is under test."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "flatguard"
        self._notes = directory / "notes"
        self.errors: list[str] = []
        (self.root / "tests/unit").mkdir(parents=True)
        for name in ("Makefile", "pyproject.toml", "requirements/dev.txt", ".ci/run"):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.root / name)
        self._environ = {name: value for name, value in os.environ.items() if name not in FROM_OUTSIDE}
        self._environ |= {"NOTES": str(self._notes), "PATH": f"{directory / 'bin'}:{self._environ['PATH']}"}

    def installed(self) -> None:
        for name in ("python", "ruff", "mypy", "lint-imports"):
            a_program(self.root / ".venv/bin" / name)
        (self.root / ".venv/.installed").touch()

    def run(self, *command: str, **environ: str) -> tuple[int, list[str]]:
        """The exit code, and each program that was called, in order; what was said on stderr is in `errors`."""
        self._notes.write_text("")
        environment = {**self._environ, **environ}
        ended = subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, check=False)
        self.errors = ended.stderr.splitlines()
        return ended.returncode, self._notes.read_text().splitlines()


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.mark.parametrize(
    ("words", "called"),
    [
        (["demo"], "python -m demo"),
        *((["demo", f"KEEP={word}"], "python -m demo --keep") for word in ("1", "y", "yes", "true")),
        *((["demo", f"KEEP={word}"], "python -m demo") for word in ("0", "n", "no", "false", "")),
        (["run"], "python -m demo --only-run"),
        (["test"], "python -m pytest --numprocesses 3 --dist loadfile tests"),
        (["test", "TESTS=tests/unit tests"], "python -m pytest --numprocesses 3 --dist loadfile tests/unit tests"),
        (
            ["test", "TESTS=pyproject.toml::test_one[x-1]"],
            "python -m pytest --numprocesses 3 --dist loadfile pyproject.toml::test_one[x-1]",
        ),
        (["proof"], "python -m proof"),
        (["proof", "ASK=no"], "python -m proof --yes"),
        (
            ["proof", "FLATCTL=docker compose run --rm -T flatctl", "RESTART=docker compose restart governor"],
            "python -m proof --flatctl docker compose run --rm -T flatctl --restart docker compose restart governor",
        ),
        (["bench"], "python -m bench"),
    ],
    ids=" ".join,
)
def test_what_is_installed_is_run_and_not_installed_again(house: House, words: list[str], called: str) -> None:
    house.installed()

    code, notes = house.run("make", *words)

    assert (code, [" ".join(note.split()) for note in notes]) == (0, [f"{called} REQUIRE_CONTAINERS="])


@pytest.mark.parametrize("word", ["2", "nope", "yes no maybe"])
def test_what_is_neither_yes_nor_no_is_refused_in_a_line(house: House, word: str) -> None:
    house.installed()

    assert house.run("make", "demo", f"KEEP={word}") == (2, [])
    (line,) = house.errors
    assert f"flatguard: KEEP={word} is neither yes nor no: say KEEP=1, or leave it out" in line


def test_only_the_demo_looks_at_keep(house: House) -> None:
    house.installed()

    assert house.run("make", "bench", KEEP="whatever")[0] == 0


@pytest.mark.parametrize("tests", ["tests/unit/nonsense", "tests tests/unit/nonsense", "tests/unit/nonsense::test_x"])
def test_a_mistyped_path_is_named_in_a_line(house: House, tests: str) -> None:
    house.installed()

    assert house.run("make", "test", f"TESTS={tests}") == (2, [])
    (line,) = house.errors
    assert "flatguard: there is no tests/unit/nonsense: TESTS names what to test, PYTEST_ARGS its options" in line


def test_a_python_that_is_not_there_is_not_called_old(house: House) -> None:
    assert house.run("make", "PYTHON=nopython", "install") == (2, [])
    assert house.errors[0] == "flatguard: there is no program nopython; name one: make PYTHON=python3.12 install"
    assert len(house.errors) == 2  # the other is make's own


def test_an_old_python_is_called_old(house: House) -> None:
    a_program(house.root.parent / "bin/python2")

    code, _ = house.run("make", "PYTHON=python2", "install", FAIL="1")

    assert code == 2
    assert house.errors[0].startswith("flatguard: python2 is older than 3.11; ")


@pytest.mark.parametrize(
    ("target", "does"), [("up", "up --build --detach --wait --wait-timeout 300"), ("down", "down")]
)
def test_the_drill_takes_what_compose_there_is(house: House, target: str, does: str) -> None:
    a_program(house.root.parent / "bin/docker")

    assert house.run("make", target) == (
        0,
        ["docker compose version REQUIRE_CONTAINERS=", f"docker compose {does} REQUIRE_CONTAINERS="],
    )


def test_a_part_of_the_stack_can_be_named(house: House) -> None:
    a_program(house.root.parent / "bin/docker")

    assert house.run("make", "up", "SERVICES=governor prometheus")[1][-1] == (
        "docker compose up --build --detach --wait --wait-timeout 300 governor prometheus REQUIRE_CONTAINERS="
    )


def test_where_not_all_comes_up_it_is_told_who_says_why(house: House) -> None:
    docker = house.root.parent / "bin/docker"
    a_program(docker)
    docker.write_text(NOTE.replace("exit ${FAIL:-0}", '[ "$2" != up ]'))

    assert house.run("make", "up")[0] == 2
    assert "docker compose logs --tail 5 SERVICE" in house.errors[0]
    assert len(house.errors) == 2


@pytest.mark.parametrize("target", ["up", "down"])
def test_a_docker_without_compose_is_told_in_a_line(house: House, target: str) -> None:
    a_program(house.root.parent / "bin/docker")

    assert house.run("make", target, FAIL="125") == (2, ["docker compose version REQUIRE_CONTAINERS="])
    assert house.errors[0].startswith("flatguard: this Docker has no Compose: install its plugin")
    assert len(house.errors) == 2  # the other is make's own


@pytest.mark.parametrize("target", ["up", "down"])
def test_a_machine_without_docker_is_told_in_a_line(house: House, target: str) -> None:
    bare = a_bare_path(house)

    assert house.run("make", target, PATH=str(bare)) == (2, [])
    assert house.errors[0] == "flatguard: this needs Docker, and there is no program docker"
    assert len(house.errors) == 2


def test_a_changed_lock_file_is_installed_before_anything_runs(house: House) -> None:
    house.installed()
    later = (house.root / ".venv/.installed").stat().st_mtime + 10
    os.utime(house.root / "requirements/dev.txt", (later, later))

    code, notes = house.run("make", "demo")

    assert code == 0
    assert notes[0].startswith("python -m pip --version")
    assert "--require-hashes --only-binary :all: -r requirements/dev.txt" in notes[1]
    assert notes[-1].startswith("python -m demo")


def test_the_build_brings_the_container_engine_up_and_forbids_to_do_without_it(house: House) -> None:
    a_program(house.root.parent / "bin/make")
    a_program(house.root.parent / "shared/tools/container-engine")

    code, notes = house.run("bash", ".ci/run")

    assert code == 0
    assert notes == [
        "container-engine up REQUIRE_CONTAINERS=",
        "make browser REQUIRE_CONTAINERS=1",
        "make check REQUIRE_CONTAINERS=1",
        "make test REQUIRE_CONTAINERS=1",
    ]


def test_where_there_is_no_engine_to_bring_up_the_build_tests_with_what_it_finds(house: House) -> None:
    a_program(house.root.parent / "bin/make")

    assert house.run("bash", ".ci/run") == (
        0,
        [f"make {target} REQUIRE_CONTAINERS=" for target in ("browser", "check", "test")],
    )


def test_a_build_without_a_browser_goes_on_and_its_tests_must_fail(house: House) -> None:
    make = house.root.parent / "bin/make"
    a_program(make)
    make.write_text('#!/bin/sh\necho "$1 ${REQUIRE_BROWSER:-}" >>"$NOTES"\ntest "$1" != browser\n')

    assert house.run("bash", ".ci/run") == (0, ["browser ", "check 1", "test 1"])


def test_a_browser_that_is_there_is_taken(house: House) -> None:
    a_program(house.root.parent / "bin/chromium")

    assert house.run("make", "browser") == (0, [])


def test_without_a_browser_and_a_way_to_get_one_a_line_says_so(house: House) -> None:
    bare = a_bare_path(house)

    assert house.run("make", "browser", PATH=str(bare)) == (2, [])
    assert house.errors[0] == "flatguard: there is no Chromium and no apt-get: install Chromium, and have it on PATH"


def test_a_browser_is_installed_by_root_alone(house: House) -> None:
    bare = a_bare_path(house)
    a_program(bare / "apt-get")
    user = bare / "id"
    user.write_text('#!/bin/sh\necho "${WHO:-0}"\n')
    user.chmod(0o755)

    assert house.run("make", "browser", PATH=str(bare), WHO="1000") == (2, [])
    assert house.errors[0] == "flatguard: there is no Chromium; as root: apt-get install chromium fonts-dejavu-core"
    code, notes = house.run("make", "browser", PATH=str(bare))
    assert (code, notes[-1].split()[:4]) == (0, ["apt-get", "install", "--quiet=2", "--yes"])


def test_an_engine_that_does_not_come_up_ends_the_build(house: House) -> None:
    a_program(house.root.parent / "bin/make")
    a_program(house.root.parent / "shared/tools/container-engine")

    assert house.run("bash", ".ci/run", FAIL="3") == (3, ["container-engine up REQUIRE_CONTAINERS="])


def test_a_check_that_fails_ends_the_build(house: House) -> None:
    a_program(house.root.parent / "bin/make")

    code, notes = house.run("bash", ".ci/run", FAIL="2")

    assert (code, notes[-1]) == (2, "make check REQUIRE_CONTAINERS=")
