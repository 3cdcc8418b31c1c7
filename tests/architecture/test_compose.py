"""docker-compose.yml is a drill that works whatever stands in .env or in the shell."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec import Struct

from demo import seeding
from exchange_sim.settings import parse
from flatctl.settings import FlatctlSettings
from flatten_executor.settings import ExecutorSettings
from governor.settings import GovernorSettings
from position_oracle.settings import OracleSettings
from runtime.settings import describe, load
from support.tree import ROOT, text_of

FILE = "docker-compose.yml"
SETTINGS: dict[str, type[Struct]] = {
    "position-oracle": OracleSettings,
    "governor": GovernorSettings,
    "flatten-executor": ExecutorSettings,
    "flatctl": FlatctlSettings,
}
TRIO = ("position-oracle", "governor", "flatten-executor")


def services() -> dict[str, Any]:
    return dict(yaml.safe_load(text_of(FILE))["services"])


def lines_of(example: str) -> dict[str, str]:
    lines = [line for line in text_of(example).splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_nothing_comes_from_outside_the_file() -> None:
    assert "${" not in text_of(FILE)
    assert [name for name, service in services().items() if "env_file" in service] == []
    assert {
        value for service in services().values() for value in service.get("environment", {}).values() if value is None
    } == set()


def test_a_copy_of_the_example_and_a_full_shell_change_nothing(tmp_path: Path) -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        assert os.environ.get("REQUIRE_CONTAINERS") != "1", "REQUIRE_CONTAINERS=1, and there is no Docker Compose"
        pytest.skip("no Docker Compose: only the file itself is looked at")

    def configured(environ: dict[str, str]) -> str:
        command = [docker, "compose", "--profile", "operator", "config"]
        answer = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    shutil.copy(ROOT / FILE, tmp_path)
    plain = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    alone = configured(plain)
    shutil.copy(ROOT / ".env.example", tmp_path / ".env")

    assert configured(plain) == alone
    assert configured(plain | dict.fromkeys(lines_of(".env.example"), "from-the-shell")) == alone


@pytest.mark.parametrize("name", SETTINGS)
def test_a_program_starts_with_what_it_gets_here(name: str) -> None:
    service = services()[name]

    settings = describe(load(SETTINGS[name], service["environment"]))

    assert settings["EXCHANGE_ENV"] == "sim"
    assert "127.0.0.1" not in str(service["environment"])


@pytest.mark.parametrize("name", SETTINGS)
def test_a_program_starts_with_a_copy_of_the_example(name: str) -> None:
    settings = describe(load(SETTINGS[name], lines_of(".env.example")))

    assert settings["EXCHANGE_ENV"] == "sim"
    assert settings.get("GOV_TESTNET_FORCE_FLATTEN") in (None, False)


def test_the_targets_are_written_where_the_governor_looks_when_somebody_asks_for_it() -> None:
    service = services()["demo-targets"]
    settings = load(seeding.Settings, service["environment"])
    governor = load(GovernorSettings, services()["governor"]["environment"])

    assert service["command"] == [seeding.PROGRAM]
    assert service["profiles"] == ["operator"]
    assert settings.redis_url == governor.redis_url
    assert settings.flatten_allocation_prefix == governor.flatten_allocation_prefix
    assert settings.exchange_base_url == services()["position-oracle"]["environment"]["EXCHANGE_BASE_URL"]


def test_only_the_executor_holds_a_key_that_trades_and_the_governor_holds_none() -> None:
    keys = {name: services()[name]["environment"].get("EXCHANGE_API_KEY") for name in SETTINGS}
    sim = parse([])

    assert keys == {
        "position-oracle": sim.read_key,
        "governor": None,
        "flatten-executor": sim.api_key,
        "flatctl": sim.read_key,
    }


@pytest.mark.parametrize("name", [*TRIO, "exchange-sim"])
def test_healthy_is_what_is_ready_and_ill_is_not_restarted(name: str) -> None:
    service = services()[name]

    assert "/readyz" in service["healthcheck"]["test"][-1]
    assert "start_period" in service["healthcheck"]
    assert service["ports"] == [f"127.0.0.1:{port}:{port}" for port in (service["environment"]["HTTP_PORT"],)]


def test_the_operators_command_line_waits_for_nothing() -> None:
    """While the exchange is ill, `docker compose run` would refuse an arm."""
    assert "depends_on" not in services()["flatctl"]


def test_nothing_waits_for_one_of_the_trio() -> None:
    waited_for = {other for service in services().values() for other in service.get("depends_on", ())}

    assert waited_for == {"redis", "exchange-sim"}
