"""Every command that a runbook tells is one that there is."""

import re
import shlex

import pytest
import yaml

from contracts.streams import STREAMS
from flatctl.main import app
from support.tree import text_of, tracked

PAGES = [name for name in tracked(".md") if name.startswith("docs/runbooks/")]
BLOCKS = [block for name in PAGES for block in re.findall(r"```console\n(.*?)```", text_of(name), re.DOTALL)]
LINES = [line.strip() for block in BLOCKS for line in block.splitlines() if line.strip()]
COMMANDS = [shlex.split(line.removeprefix("$ ")) for line in LINES]
FLATCTL = sorted({tuple(words[words.index("flatctl") + 1 :]) for words in COMMANDS if "flatctl" in words})
SPOKEN = sorted(
    {tuple(shlex.split(words)) for name in PAGES for words in re.findall(r"`flatctl ([^`]+)`", text_of(name))}
)
COMPOSE = {
    "ps": set(),
    "logs": {"--since"},
    "restart": set(),
    "up": {"--detach", "--wait"},
    "run": {"--rm"},
}
"""What is used of Docker Compose, with its options."""


def test_every_command_is_a_line_of_its_own_and_known() -> None:
    assert len(PAGES) > 10
    assert [line for line in LINES if not line.startswith("$ ")] == []
    assert {words[0] for words in COMMANDS} == {"flatctl", "docker", "redis-cli", "curl"}
    assert all(text_of(name).count("```") == 2 * text_of(name).count("```console") for name in PAGES)


@pytest.mark.parametrize("words", sorted({*FLATCTL, *SPOKEN}), ids=" ".join)
def test_every_flatctl_command_is_understood(words: tuple[str, ...]) -> None:
    # An unknown command or option is found before the help is shown, and nothing is done.
    app([*words, "--help"], prog_name="flatctl", standalone_mode=False)


def test_every_container_is_in_the_compose_file() -> None:
    services = yaml.safe_load(text_of("docker-compose.yml"))["services"]
    for words in COMMANDS:
        if words[0] != "docker":
            continue
        program, command, *rest = words[1:]
        assert (program, command in COMPOSE) == ("compose", True), words
        options = rest[:1] if command == "run" else rest
        assert {word for word in options if word.startswith("-")} <= COMPOSE[command], words
        named = [word for word in options if re.fullmatch(r"[a-z-]+", word) and not word.startswith("-")]
        assert set(named) <= services.keys(), words
        assert command != "run" or (rest[0] == "--rm" and rest[1] in {"flatctl", "redis-admin"} & services.keys())


def test_every_port_is_a_services_own() -> None:
    ports = {words[1] for words in COMMANDS if words[0] == "curl"}

    assert ports <= {f"http://127.0.0.1:{port}/readyz" for port in (8041, 8044, 8045)}


def test_every_stream_and_group_is_in_the_topology() -> None:
    streams = {stream.name: stream.group for stream in STREAMS}
    for words in COMMANDS:
        asked = [word.removeprefix("NS:stream:") for word in words if word.startswith("NS:")]
        assert set(asked) <= streams.keys(), words
        if words[:2] in (["redis-cli", "XPENDING"], ["redis-cli", "XINFO"]) and "GROUPS" not in words:
            assert words[-1] == streams[asked[0]], words
