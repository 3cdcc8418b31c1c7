"""What the services' console programs answer: help and version start nothing, and nothing else is taken."""

import functools
import re
import subprocess
from importlib.metadata import version

import pytest

from flatten_executor.settings import ExecutorSettings
from governor.settings import GovernorSettings
from notifier.settings import NotifierSettings
from position_oracle.settings import OracleSettings
from runtime.command_line import EXITS
from runtime.settings import CommonSettings, defaults
from support.patience import HANG_S
from support.tree import program

SERVICES: dict[str, type[CommonSettings]] = {
    "position-oracle": OracleSettings,
    "governor": GovernorSettings,
    "flatten-executor": ExecutorSettings,
    "notifier": NotifierSettings,
}
WRONG = {"LOG_FORMAT": "xml", "REDIS_URL": "nonsense"}


@functools.cache
def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The program with settings that refuse a start: what answers did not look at them."""
    return subprocess.run(
        [program(name), *arguments], env=WRONG, capture_output=True, text=True, check=False, timeout=HANG_S
    )


@pytest.mark.parametrize("option", ["--help", "-h"])
@pytest.mark.parametrize("name", SERVICES)
def test_help_tells_what_the_program_does_reads_serves_and_ends_with(name: str, option: str) -> None:
    said = run(name, option)

    read = defaults(SERVICES[name])
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.startswith(f"usage: {name} [--help] [--version]\n")
    assert SERVICES[name].about[:60] in said.stdout
    assert sorted(re.findall(r"^  ([A-Z0-9_]+) \(", said.stdout, re.MULTILINE)) == sorted(read)
    assert f"http://127.0.0.1:{read['HTTP_PORT']}" in said.stdout
    assert "docs/configuration.md" in said.stdout
    assert [int(code) for code in re.findall(r"^  (\d+) ", said.stdout, re.MULTILINE)] == [code for code, _ in EXITS]


@pytest.mark.parametrize("name", SERVICES)
def test_help_tells_what_each_variable_means_and_what_holds_without_it(name: str) -> None:
    said = run(name, "--help").stdout

    assert f"  CONSUMER_NAME ({name}-1)\n      this process among its service's consumers" in said
    assert "  EXCHANGE_ENV (sim)\n      what stands behind the exchange's address" in said
    told = re.findall(r"^  [A-Z0-9_]+ \((.*)\)\n      \S", said, re.MULTILINE)
    assert len(told) == len(defaults(SERVICES[name]))
    assert not {"", "None", "True", "False", "***"} & set(told)


@pytest.mark.parametrize("name", SERVICES)
def test_the_version_is_the_distributions(name: str) -> None:
    said = run(name, "--version")

    assert (said.returncode, said.stdout, said.stderr) == (0, f"{name} {version('flatguard')}\n", "")


@pytest.mark.parametrize(
    "arguments", [("hunter2",), ("--hunter2",), ("REDIS_URL=redis://:hunter2@h/0",), ("--version", "hunter2"), ("",)]
)
def test_any_other_argument_is_one_line_that_does_not_repeat_it_i18(arguments: tuple[str, ...]) -> None:
    said = run("governor", *arguments)

    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr == (
        "governor: takes no arguments but --help and --version: settings are environment variables "
        "(see governor --help)\n"
    )
