"""deploy/prometheus/check, with programs in place of Prometheus's that note how they were called."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.tree import ROOT

NOTE = '#!/bin/sh\necho "$(basename "$0") $*" >>"$NOTES"\necho "it says so"\nexit ${FAIL:-0}\n'
NO_ENGINE = "#!/bin/sh\nexit 1\n"
ASKED = [
    "promtool check config prometheus/prometheus.yml",
    "promtool check rules prometheus/rules/*.yml",
    "promtool test rules prometheus/tests/*.yml",
    "amtool check-config alertmanager/alertmanager.yml",
]


class Place:
    """The script, with nothing on its PATH but what a test puts there."""

    def __init__(self, directory: Path) -> None:
        self._bin = directory / "bin"
        self._notes = directory / "notes"
        (directory / "deploy/prometheus").mkdir(parents=True)
        self._script = shutil.copy(ROOT / "deploy/prometheus/check", directory / "deploy/prometheus/check")
        self._bin.mkdir()
        for name in ("bash", "dirname", "basename", "sh"):
            found = shutil.which(name)
            assert found is not None
            (self._bin / name).symlink_to(found)

    def put(self, name: str, text: str = NOTE) -> None:
        (self._bin / name).write_text(text)
        (self._bin / name).chmod(0o755)

    def run(self, **environ: str) -> tuple[int, list[str], list[str]]:
        """The exit code, what was called, and what was said."""
        self._notes.write_text("")
        environment = {"PATH": str(self._bin), "NOTES": str(self._notes), **environ}
        ended = subprocess.run(
            [os.fspath(self._bin / "bash"), self._script], env=environment, capture_output=True, text=True, check=False
        )
        return ended.returncode, self._notes.read_text().splitlines(), (ended.stdout + ended.stderr).splitlines()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_programs_of_the_path_are_asked_first_and_in_silence(place: Place) -> None:
    for name in ("promtool", "amtool", "docker"):
        place.put(name)

    assert place.run() == (0, ASKED, [])


@pytest.mark.parametrize("program", ["promtool", "amtool"])
def test_what_they_find_is_said_and_fails(place: Place, program: str) -> None:
    for name in ("promtool", "amtool"):
        place.put(name, NOTE if name == program else NOTE.replace("${FAIL:-0}", "0"))

    code, _, said = place.run(FAIL="3")

    assert (code, said) == (1, ["it says so"])


def test_else_their_images_are_asked_without_a_network(place: Place) -> None:
    place.put("docker")

    code, notes, said = place.run()
    runs = [note for note in notes if note.startswith("docker run ")]

    assert (code, said) == (0, [])
    assert all("--rm --network none" in run and ":/deploy:ro" in run for run in runs)
    assert [run.split("--entrypoint ")[1].split()[0] for run in runs] == ["promtool"] * 3 + ["amtool"]
    assert [run.endswith(asked.split(" ", 1)[1]) for run, asked in zip(runs, ASKED, strict=True)] == [True] * 4


@pytest.mark.parametrize("engine", [False, True])
def test_where_there_is_nothing_it_is_told_in_a_line_each(place: Place, *, engine: bool) -> None:
    if engine:
        place.put("docker", NO_ENGINE)

    code, _, said = place.run()

    assert code == 0
    assert [line.split(":")[:2] for line in said] == [
        ["flatguard", " alert rules not checked"],
        ["flatguard", " alertmanager.yml not checked"],
    ]
    assert "install promtool (Debian: prometheus), or start Docker" in said[0]


def test_where_containers_are_required_that_fails(place: Place) -> None:
    code, _, said = place.run(REQUIRE_CONTAINERS="1")

    assert code == 1
    assert len(said) == 1

    place.put("promtool")
    code, _, said = place.run(REQUIRE_CONTAINERS="1")
    assert (code, len(said)) == (1, 1)
    assert "alertmanager.yml not checked" in said[0]
