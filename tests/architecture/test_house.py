"""What people and machines around the code are told: workflow, hooks, targets, example environment."""

import re
import tomllib
from typing import Any

import pytest
import yaml
from msgspec import Struct

from flatctl.settings import FlatctlSettings
from flatten_executor.settings import ExecutorSettings
from governor.settings import GovernorSettings
from notifier.settings import NotifierSettings
from position_oracle.settings import OracleSettings
from runtime.settings import load
from support.tree import text_of, tracked

PROJECT = tomllib.loads(text_of("pyproject.toml"))["project"]
TARGETS = set(re.findall(r"^([a-z]+):.*## ", text_of("Makefile"), re.MULTILINE))


def workflow() -> dict[str, Any]:
    job: dict[str, Any] = yaml.safe_load(text_of(".github/workflows/ci.yml"))["jobs"]["check-and-test"]
    return job


def test_the_workflow_tests_every_python_that_we_promise() -> None:
    promised = [name.rpartition(" ")[2] for name in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", name)]

    assert workflow()["strategy"]["matrix"]["python"] == promised
    assert PROJECT["requires-python"] == f">={promised[0]}"


def test_the_workflow_runs_what_a_person_runs() -> None:
    commands = [step["run"].split(" PYTHON=")[0] for step in workflow()["steps"] if "run" in step]

    assert commands == ["make check", "make test"]


def test_the_workflow_pins_its_actions_and_may_only_read() -> None:
    whole = yaml.safe_load(text_of(".github/workflows/ci.yml"))

    assert whole["permissions"] == {"contents": "read"}
    assert all(re.search(r"@v\d+$", step["uses"]) for step in workflow()["steps"] if "uses" in step)


def test_hooks_come_from_this_repository_alone() -> None:
    repositories = yaml.safe_load(text_of(".pre-commit-config.yaml"))["repos"]

    assert [repository["repo"] for repository in repositories] == ["local"]
    assert {hook["entry"].removeprefix("make ") for hook in repositories[0]["hooks"]} <= TARGETS


@pytest.mark.parametrize("name", tracked(".md"))
def test_every_make_target_that_a_document_names_exists(name: str) -> None:
    spoken = set(re.findall(r"(?:`|^\$ )make ([a-z]+)", text_of(name), re.MULTILINE))

    assert spoken <= TARGETS


@pytest.mark.parametrize(
    "settings",
    [OracleSettings, GovernorSettings, ExecutorSettings, NotifierSettings, FlatctlSettings],
)
def test_every_program_starts_with_the_example_environment(settings: type[Struct]) -> None:
    lines = [line for line in text_of(".env.example").splitlines() if line and not line.startswith("#")]

    loaded = load(settings, dict(line.split("=", 1) for line in lines))

    assert getattr(loaded, "exchange_env") == "sim"  # noqa: B009 - each of them has one


def test_nothing_is_flattened_with_the_example_environment() -> None:
    assert "\nGOV_TESTNET_FORCE_FLATTEN=false\n" in text_of(".env.example")
    assert "\nGOV_TESTNET_FORCE_FLATTEN_CONFIRM=\n" in text_of(".env.example")


def test_the_changelog_knows_the_version() -> None:
    assert f"\n## [{PROJECT['version']}] - " in text_of("CHANGELOG.md")


def test_every_invariant_has_a_line_for_contributors() -> None:
    numbers = [int(number) for number in re.findall(r"^\| I(\d+) \|", text_of("CONTRIBUTING.md"), re.MULTILINE)]

    assert numbers == list(range(1, len(numbers) + 1))


def test_every_invariant_is_named_by_a_test() -> None:
    tests = [text_of(name) for name in tracked(".py") if name.startswith("tests/")]
    told = {number for text in tests for number in re.findall(r"(?:\bI|(?:\b|_)i)(\d{1,2})(?:\b|_)", text)}
    wanted = set(re.findall(r"^\| I(\d+) \|", text_of("CONTRIBUTING.md"), re.MULTILINE))

    assert wanted - told == set()
