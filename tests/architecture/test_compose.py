"""docker-compose.yml works whatever stands in .env or in the shell, but for the name of the environment."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from demo import seeding
from exchange_sim.settings import parse
from flatctl.settings import FlatctlSettings
from flatten_executor.settings import ExecutorSettings
from governor.settings import GovernorSettings
from notifier.settings import NotifierSettings
from position_oracle.settings import OracleSettings
from redis_users import main as redis_users
from runtime.settings import describe, load
from support.compose_file import ENVIRONMENTS, FILE, environment_of, lines_of, secrets_of, services
from support.tree import ROOT, text_of, tracked

SETTINGS: dict[str, type[Struct]] = {
    "position-oracle": OracleSettings,
    "governor": GovernorSettings,
    "flatten-executor": ExecutorSettings,
    "notifier": NotifierSettings,
    "flatctl": FlatctlSettings,
}
MADE = {"redis_url": "redis://redis:6379/0", "console_token": "a-token-of-sixteen"}
"""What redis-users leaves on a program's volume."""
TRIO = ("position-oracle", "governor", "flatten-executor")


def started(program: str, settings: type[Struct], directory: Path) -> dict[str, Any]:
    """What a program would start with in its container, its files at hand."""
    environ = environment_of(program)
    for variable, path in list(environ.items()):
        if variable.endswith("_FILE"):
            mounted = secrets_of(program).get(path.removeprefix("/run/secrets/"))
            if mounted is None:
                name = path.removeprefix("/run/flatguard/")
                mounted = directory / name
                mounted.write_text(MADE[name])
            environ[variable] = str(mounted)
    return dict(describe(load(settings, environ)))


def configured(directory: Path, environ: dict[str, str]) -> tuple[int, str]:
    """What `docker compose config` says of the file in this directory: exit code, and its answer or error."""
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        assert os.environ.get("REQUIRE_CONTAINERS") != "1", "REQUIRE_CONTAINERS=1, and there is no Docker Compose"
        pytest.skip("no Docker Compose: only the file itself is looked at")
    command = [docker, "compose", "--profile", "operator", "config"]
    environ = {"PATH": os.environ["PATH"], "HOME": str(directory)} | environ
    answer = subprocess.run(command, cwd=directory, env=environ, capture_output=True, text=True, check=False)
    return answer.returncode, answer.stdout or answer.stderr


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The file and what it reads, away from this clone."""
    shutil.copy(ROOT / FILE, tmp_path)
    shutil.copytree(ROOT / ENVIRONMENTS, tmp_path / ENVIRONMENTS)
    return tmp_path


def test_nothing_comes_from_outside_but_the_name_of_the_environment_and_a_label() -> None:
    assert set(re.findall(r"(?<!\$)\$\{([^}]*)\}", text_of(FILE))) == {
        "EXCHANGE_ENV:-sim",
        "FLATGUARD_REVISION:-unknown",
    }
    assert text_of(FILE).count("FLATGUARD_REVISION") == 1
    given = [value for service in services().values() for value in service.get("environment", {}).values()]
    assert None not in given


def test_a_copy_of_the_example_and_a_full_shell_change_nothing(copied: Path) -> None:
    code, alone = configured(copied, {})
    assert code == 0, alone
    shutil.copy(ROOT / ".env.example", copied / ".env")
    shell = dict.fromkeys(lines_of(".env.example"), "from-the-shell") | {"EXCHANGE_ENV": "sim"}

    assert configured(copied, {}) == (0, alone)
    assert configured(copied, shell) == (0, alone)


def test_each_environment_is_a_project_of_its_own(copied: Path) -> None:
    assert "name: flatguard-sim\n" in configured(copied, {})[1]
    assert "name: flatguard-demo\n" in configured(copied, {"EXCHANGE_ENV": "demo"})[1]


@pytest.mark.parametrize("name", ["live", "testnet", "nonsense"])
def test_an_environment_that_is_not_there_is_named_in_a_line(copied: Path, name: str) -> None:
    code, error = configured(copied, {"EXCHANGE_ENV": name})

    assert code != 0
    assert f"{ENVIRONMENTS}/{name}/settings.env" in error
    assert error.count("\n") == 1


def test_no_environment_is_real_money_and_only_the_simulator_is_switched_on() -> None:
    settings = [name for name in tracked("/settings.env") if name.startswith(ENVIRONMENTS)]
    environments = {name: lines_of(name) for name in settings}

    assert {lines["EXCHANGE_ENV"]: lines["GOV_TESTNET_FORCE_FLATTEN"] for lines in environments.values()} == {
        "sim": "true",
        "demo": "false",
    }
    assert all(name.split("/")[-2] == lines["EXCHANGE_ENV"] for name, lines in environments.items())
    assert not [lines for lines in environments.values() if "FLATTEN_ALLOW_LIVE" in lines]


@pytest.mark.parametrize("name", ["read_key", "read_secret", "trading_key", "trading_secret"])
def test_only_the_simulators_keys_are_checked_in(name: str) -> None:
    ask = ["git", "-c", "safe.directory=*", "check-ignore", "--quiet", f"{ENVIRONMENTS}/demo/{name}"]

    assert subprocess.run(ask, cwd=ROOT, check=False).returncode == 0
    assert tracked(f"/{name}") == [f"{ENVIRONMENTS}/sim/{name}"]


@pytest.mark.parametrize("name", SETTINGS)
def test_a_program_starts_with_what_it_gets_here(name: str, tmp_path: Path) -> None:
    settings = started(name, SETTINGS[name], tmp_path)

    assert settings["EXCHANGE_ENV"] == "sim"
    assert "127.0.0.1" not in str(environment_of(name))


@pytest.mark.parametrize("name", SETTINGS)
def test_a_program_starts_with_a_copy_of_the_example(name: str) -> None:
    settings = describe(load(SETTINGS[name], lines_of(".env.example")))

    assert settings["EXCHANGE_ENV"] == "sim"
    assert settings.get("GOV_TESTNET_FORCE_FLATTEN") in (None, False)


def test_the_targets_are_written_where_the_governor_looks_when_somebody_asks_for_it(tmp_path: Path) -> None:
    settings = started("demo-targets", seeding.Settings, tmp_path)
    governor = started("governor", GovernorSettings, tmp_path)

    assert services()["demo-targets"]["command"] == [seeding.PROGRAM]
    assert services()["demo-targets"]["profiles"] == ["operator"]
    assert settings["FLATTEN_ALLOCATION_PREFIX"] == governor["FLATTEN_ALLOCATION_PREFIX"]
    assert settings["EXCHANGE_BASE_URL"] == environment_of("position-oracle")["EXCHANGE_BASE_URL"]


def test_the_redis_users_are_for_the_keys_that_the_programs_use(tmp_path: Path) -> None:
    rules = started("redis-users", redis_users.Settings, tmp_path)
    programs = started("governor", GovernorSettings, tmp_path) | started("flatctl", FlatctlSettings, tmp_path)

    assert services()["redis-users"]["command"][0] == redis_users.PROGRAM
    assert {name: programs[name] for name in rules if name != "config_hash"} == {
        name: value for name, value in rules.items() if name != "config_hash"
    }


def test_only_the_executor_holds_a_key_that_trades_and_the_governor_holds_none() -> None:
    keys = {name: [path.read_text().strip() for path in secrets_of(name).values()] for name in SETTINGS}
    sim = parse([])

    assert keys == {
        "position-oracle": [sim.read_key, sim.read_secret],
        "governor": [],
        "flatten-executor": [sim.api_key, sim.api_secret],
        "notifier": [],
        "flatctl": [sim.read_key, sim.read_secret],
    }
    assert [name for name in services() if secrets_of(name) and name not in SETTINGS] == []


@pytest.mark.parametrize("name", [*TRIO, "notifier", "exchange-sim"])
def test_healthy_is_what_is_ready_and_ill_is_not_restarted(name: str) -> None:
    service = services()[name]

    assert "/readyz" in service["healthcheck"]["test"][-1]
    assert "start_period" in service["healthcheck"]
    assert service["ports"] == [f"127.0.0.1:{port}:{port}" for port in (service["environment"]["HTTP_PORT"],)]


def test_the_operators_command_line_waits_for_nothing() -> None:
    """While the exchange is ill, `docker compose run` would refuse an arm."""
    assert "depends_on" not in services()["flatctl"]


def test_whom_to_tell_is_in_a_file_that_may_lack_and_that_nobody_checks_in(tmp_path: Path) -> None:
    path = f"{ENVIRONMENTS}/sim/notify.env"
    file = {"path": path, "required": False}
    ask = ["git", "-c", "safe.directory=*", "check-ignore", "--quiet", path]

    assert [name for name, service in services().items() if file in service.get("env_file", ())] == ["notifier"]
    assert subprocess.run(ask, cwd=ROOT, check=False).returncode == 0
    assert started("notifier", NotifierSettings, tmp_path)["NOTIFY_URLS"] is None


def test_nothing_waits_for_a_service() -> None:
    waited_for = {other for service in services().values() for other in service.get("depends_on", ())}

    assert waited_for == {"redis-users", "redis", "exchange-sim"}
