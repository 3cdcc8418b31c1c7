"""Every command that README.md and CONTRIBUTING.md tell is one that there is."""

import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator

import pytest
import yaml

from demo.stack import REDIS_OPTIONS
from flatctl.main import app
from support.tree import ROOT, text_of

SHELL = {"PATH=$PWD/.venv/bin:$PATH", "set", ".", "cp", "mkdir", "curl", "redis-server"}
PROGRAMS = set(tomllib.loads(text_of("pyproject.toml"))["project"]["scripts"])


def commands() -> Iterator[str]:
    """One for each command of each line of a console block."""
    for name in ("README.md", "CONTRIBUTING.md"):
        for block in re.findall(r"```console\n(.*?)```", text_of(name), re.DOTALL):
            for line in block.splitlines():
                yield from line.removeprefix("$ ").partition("   #")[0].split("; ")


COMMANDS = [shlex.split(command, comments=True) for command in commands()]
FLATCTL = [words[words.index("flatctl") + 1 :] for words in COMMANDS if "flatctl" in words]


def test_every_command_is_known() -> None:
    odd = [words for words in COMMANDS if words[0] not in {"make", "docker", "flatctl"} | PROGRAMS | SHELL]

    assert COMMANDS
    assert odd == []


def test_every_target_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.MULTILINE))

    assert {words[1] for words in COMMANDS if words[0] == "make"} <= targets


def test_every_container_is_in_the_compose_file() -> None:
    services = yaml.safe_load(text_of("docker-compose.yml"))["services"]
    asked = [words[:5] for words in COMMANDS if words[0] == "docker"]

    assert asked
    assert all(words[:4] == ["docker", "compose", "run", "--rm"] and words[4] in services for words in asked)


def test_every_image_that_is_fetched_is_told() -> None:
    services = yaml.safe_load(text_of("docker-compose.yml"))["services"].values()
    images = {service["image"] for service in services} - {"flatguard:local"}
    images |= set(re.findall(r"^FROM (\S+)", text_of("deploy/Dockerfile"), re.MULTILINE))
    (told,) = re.findall(
        r"^`make up` builds one image and fetches .*?\n\n", text_of("README.md"), re.MULTILINE | re.DOTALL
    )

    names = {image.rpartition("/")[2].partition(":")[0].partition("-")[0] for image in images}
    assert {name for name in names if name not in told.lower()} == set()
    assert len(names) == 8


@pytest.mark.parametrize("words", FLATCTL, ids=" ".join)
def test_every_flatctl_command_is_understood(words: list[str]) -> None:
    # An unknown command or option is found before the help is shown, and nothing is done.
    app([*words, "--help"], prog_name="flatctl", standalone_mode=False)


def test_the_redis_that_one_starts_by_hand_is_durable_and_keeps_its_data_out_of_the_clone() -> None:
    (server,) = [words for words in COMMANDS if words[0] == "redis-server"]
    options = dict(zip(server[1::2], server[2::2], strict=True))
    directory = options.pop("--dir")

    assert COMMANDS.index(["mkdir", "-p", directory]) < COMMANDS.index(server)
    assert options
    assert options.items() <= dict(zip(REDIS_OPTIONS[::2], REDIS_OPTIONS[1::2], strict=True)).items()
    # Without the option, or with an older clone's habits, it still is nothing to check in.
    for left in (f"{directory}/x", "appendonly.aof", "appendonlydir/x", "dump.rdb"):
        command = ["git", "-c", "safe.directory=*", "check-ignore", "--quiet", left]
        assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0, left
