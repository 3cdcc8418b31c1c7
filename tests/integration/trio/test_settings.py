"""Wrong settings: every mistake is one line that names its variable, before anything else is said, and exit code 2."""

from pathlib import Path

import pytest

from support.people import ALICE, a_file, an_entry
from support.processes import ServiceProcess

EXCHANGE = {
    "EXCHANGE_ID": "binance",
    "EXCHANGE_BASE_URL": "ftp://venue:x",
    "EXCHANGE_API_KEY": "",
    "EXCHANGE_API_SECRET": " ",
}
LATCH = {"ESS_LATCH": "file:relative"}
SECRET = "hunter2"
REDIS = {"REDIS_URL": f"redis://u:pa/{SECRET}@h/0"}
SERVICES = {
    "position_oracle.main": {**REDIS, **EXCHANGE},
    "governor.main": {**REDIS, **LATCH},
    "flatten_executor.main": {**REDIS, **LATCH, **EXCHANGE},
}


@pytest.mark.parametrize("module", SERVICES)
async def test_every_mistake_is_one_line_before_the_start_and_shows_no_secret_i18(module: str) -> None:
    wrong = {**SERVICES[module], "LOG_FORMAT": "xml"}
    async with ServiceProcess(module, wrong) as service:
        assert await service.wait() == 2

    name = module.partition(".")[0].replace("_", "-")
    said = {line.removeprefix(f"{name}: ").split("=")[0].split(":")[0].split(" ")[0] for line in service.lines}
    assert said == set(wrong), service.text
    assert len(service.lines) == len(wrong)
    assert SECRET not in service.text


@pytest.mark.parametrize(
    "url",
    [
        "http://h/0",
        "redis://h/0?password=hunter2",
        "redis://h/0?decode_responses=true",
        "redis://h/0?db=one",
        "redis://h/zero",
        "redis://h:port/0",
        "redis:///0",
        "redis://:hunter2@local host:6379/0",
        "redis://:hunter2@h:0/0",
        "redis://:hunter2@h:/0",
        "redis://:hunter2@300.1.1.1:6379/0",
        "redis://:hunter2@one:6379,two:6379/0",
        "unix://run/redis.sock",
    ],
)
async def test_an_address_of_redis_that_cannot_be_one_stops_the_start(url: str) -> None:
    async with ServiceProcess("governor.main", {"REDIS_URL": url}) as governor:
        assert await governor.wait() == 2

    (line,) = governor.lines
    assert line.startswith("governor: REDIS_URL ")
    assert SECRET not in line


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "not a url hunter2"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector:4318/hunter2"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
    ],
)
@pytest.mark.parametrize("module", SERVICES)
async def test_telemetry_that_could_never_leave_stops_the_start(module: str, name: str, value: str) -> None:
    async with ServiceProcess(module, {**SERVICES[module], name: value}) as service:
        assert await service.wait() == 2

    service_name = module.partition(".")[0].replace("_", "-")
    (line,) = [line for line in service.lines if "OTEL_" in line]
    assert line.startswith((f"{service_name}: {name} ", f"{service_name}: {name}="))
    assert len(service.lines) == len(SERVICES[module]) + 1
    assert SECRET not in service.text


BOTH = ("governor.main", "flatten_executor.main")
KEYS = {"EXCHANGE_API_KEY": "key", "EXCHANGE_API_SECRET": "secret"}


@pytest.mark.parametrize("environment", ["demo", "testnet", "live"])
@pytest.mark.parametrize("module", BOTH)
async def test_without_operators_nothing_starts_but_in_sim(module: str, environment: str) -> None:
    async with ServiceProcess(module, {**KEYS, "EXCHANGE_ENV": environment}) as service:
        assert await service.wait() == 2

    name = module.partition(".")[0].replace("_", "-")
    assert service.lines == [
        f"{name}: OPERATORS_FILE is not set: unsigned arms are for sim alone, and EXCHANGE_ENV is {environment}"
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file or directory"),
        ("", "the file: Object missing required field `operator`"),
        ("[[operator", "is no TOML"),
        (a_file(an_entry(ALICE, "alice", revokd="true")), "unknown field `revokd`"),
        (a_file(an_entry(ALICE, "alice", public_key=f'"{SECRET}"')), "public_key "),
    ],
)
@pytest.mark.parametrize("module", BOTH)
async def test_an_operators_file_that_is_not_clear_stops_the_start_even_in_sim(
    module: str, content: str | None, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "operators.toml"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    async with ServiceProcess(module, {**KEYS, "OPERATORS_FILE": str(path)}) as service:
        assert await service.wait() == 2

    (line,) = service.lines
    assert f": OPERATORS_FILE='{path}'" in line
    assert words in line
