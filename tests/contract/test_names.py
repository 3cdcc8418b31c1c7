"""Names that outside programs rely on: programs, ports, variables, metrics, log lines. A change breaks somebody."""

import tomllib
from collections.abc import Iterable
from decimal import Decimal
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from contracts.flattening import FlattenCompleted
from contracts.positions import AllocationStateChanged
from exchange_sim.settings import Settings as SimulatorSettings
from flatctl.settings import FlatctlSettings
from flatten_executor.observe import Observer as ExecutorObserver
from flatten_executor.settings import ExecutorSettings
from governor.core.allocation import log_line
from governor.core.gates.confirm_phrase import PHRASE
from governor.observe import Observer as GovernorObserver
from governor.settings import LIVE_PHRASE, GovernorSettings
from position_oracle.observe import Observer as OracleObserver
from position_oracle.settings import OracleSettings
from runtime.clock import SystemClock
from runtime.latch import DEFAULT_LATCH
from runtime.metrics import Metrics
from runtime.settings import describe, load
from runtime.variables import KNOWN_VARIABLES
from support.event_samples import EVENT_SAMPLES
from support.people import keep

ROOT = Path(__file__).parents[2]
PROGRAMS = {
    "position-oracle": "position_oracle.main:main",
    "governor": "governor.main:main",
    "flatten-executor": "flatten_executor.main:main",
    "flatctl": "flatctl.main:main",
    "exchange-sim": "exchange_sim.main:main",
    "demo-targets": "demo.seeding:main",
    "redis-users": "redis_users.main:main",
}
VARIABLES = {
    "REDIS_URL", "FLATTEN_NAMESPACE", "FLATTEN_ALLOCATION_PREFIX", "FLATTEN_POSITIONS_PREFIX",
    "FLATTEN_ALLOW_LIVE", "ACCOUNT", "EXCHANGE_ID",
    "EXCHANGE_ENV", "EXCHANGE_BASE_URL", "EXCHANGE_API_KEY", "EXCHANGE_API_SECRET", "ORACLE_POLL_SECONDS",
    "GOV_TESTNET_FORCE_FLATTEN", "GOV_TESTNET_FORCE_FLATTEN_CONFIRM", "GOV_TESTNET_ENABLE_P29", "P29_BURST_FACTOR",
    "P29_STALE_SECONDS", "FLATTEN_COOLDOWN_SECONDS", "MAX_FLATTEN_SYMBOLS", "MIN_FLATTEN_NOTIONAL_USD",
    "FLATTEN_QTY_EPSILON", "FLATTEN_MAX_ROUNDS", "ESS_LATCH", "CONSUMER_NAME", "HTTP_PORT", "LOG_LEVEL", "LOG_FORMAT",
}  # fmt: skip
GOVERNOR_METRICS_KEPT = {
    "gov_p29_checked_total": ("symbol",),
    "gov_p29_block_total": ("symbol",),
    "gov_p29_missing_total": ("symbol",),
    "gov_p29_stale_total": ("symbol",),
    "gov_testnet_p29_enabled": (),
    "gov_testnet_flatten_enabled": (),
    "gov_testnet_flatten_attempt_total": (),
    "gov_testnet_flatten_noop_total": (),
    "gov_testnet_flatten_orders_total": (),
    "gov_testnet_flatten_errors_total": (),
}
KEY_AND_SECRET = {"EXCHANGE_API_KEY": "dummy", "EXCHANGE_API_SECRET": "dummy"}


def test_the_console_programs_are_these() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]

    assert declared == PROGRAMS


def test_the_installed_programs_can_be_loaded() -> None:
    installed = {program.name: program for program in entry_points(group="console_scripts")}

    assert all(callable(installed[name].load()) for name in PROGRAMS)


def test_the_services_listen_on_their_ports() -> None:
    ports = [load(cls, KEY_AND_SECRET).http_port for cls in (OracleSettings, GovernorSettings, ExecutorSettings)]

    assert ports == [8041, 8044, 8045]
    assert SimulatorSettings().port == 8090


def test_the_consumer_names_are_stable() -> None:
    names = [load(cls, KEY_AND_SECRET).consumer_name for cls in (OracleSettings, GovernorSettings, ExecutorSettings)]

    assert names == ["position-oracle-1", "governor-1", "flatten-executor-1"]


@pytest.mark.parametrize("program", [OracleSettings, ExecutorSettings, FlatctlSettings])
def test_every_program_looks_for_the_simulator_where_it_listens(
    program: type[OracleSettings | ExecutorSettings | FlatctlSettings], tmp_path: Path
) -> None:
    testnet = {**KEY_AND_SECRET, "EXCHANGE_ENV": "testnet", "OPERATORS_FILE": keep(tmp_path / "operators.toml")}
    elsewhere = {**KEY_AND_SECRET, "EXCHANGE_BASE_URL": "http://127.0.0.1:1"}

    assert load(program, KEY_AND_SECRET).exchange.base_url == f"http://127.0.0.1:{SimulatorSettings().port}"
    assert load(program, elsewhere).exchange.base_url == "http://127.0.0.1:1"
    assert load(program, testnet).exchange.base_url is None


def test_every_documented_variable_is_known() -> None:
    assert VARIABLES <= KNOWN_VARIABLES


def test_without_any_variable_nothing_can_be_flattened_by_the_governor() -> None:
    settings = load(GovernorSettings, {})

    assert not settings.gov_testnet_force_flatten
    assert not settings.gov_testnet_force_flatten_confirm
    assert not settings.flatten_allow_live
    assert settings.exchange_env == "sim"


def test_the_phrases_are_these() -> None:
    assert (PHRASE, LIVE_PHRASE) == ("FLATTEN_NOW", "FLATTEN_LIVE")


def test_the_limits_are_the_documented_ones() -> None:
    governor, executor, oracle = (
        load(GovernorSettings, {}),
        load(ExecutorSettings, KEY_AND_SECRET),
        load(OracleSettings, KEY_AND_SECRET),
    )

    assert governor.flatten_cooldown_seconds == Decimal(60)
    assert governor.p29_burst_factor == Decimal(2)
    assert governor.p29_stale_seconds == Decimal(300)
    assert executor.max_flatten_symbols == 200
    assert executor.min_flatten_notional_usd == Decimal(1)
    assert executor.flatten_qty_epsilon == Decimal("1e-8")
    assert executor.flatten_max_rounds == 3
    assert oracle.oracle_poll_seconds == Decimal(1)
    assert DEFAULT_LATCH == "file:/var/run/quantum/ESS_ON"


@pytest.mark.parametrize("cls", [OracleSettings, GovernorSettings, ExecutorSettings, FlatctlSettings])
def test_every_program_means_the_same_by_default(cls: type) -> None:
    shown = describe(load(cls, KEY_AND_SECRET))

    common = {"REDIS_URL": "redis://127.0.0.1:6379/0", "FLATTEN_NAMESPACE": "quantum:gov:testnet", "ACCOUNT": "main"}
    assert common.items() <= shown.items()
    assert shown.get("EXCHANGE_ENV") == "sim"


def test_the_metrics_of_the_system_before_this_one_keep_names_and_labels() -> None:
    metrics = Metrics()
    GovernorObserver(metrics, load(GovernorSettings, {}), SystemClock())

    labels = labels_by_name(metrics.registry)

    assert {name: labels.get(name) for name in GOVERNOR_METRICS_KEPT} == GOVERNOR_METRICS_KEPT


def test_metric_names_follow_the_conventions() -> None:
    metrics = Metrics()
    GovernorObserver(metrics, load(GovernorSettings, {}), SystemClock())
    ExecutorObserver(metrics)
    OracleObserver(metrics, SystemClock())

    for family in metrics.registry.collect():
        assert family.documentation, family.name
        if family.name.endswith("_ms"):
            pytest.fail(f"{family.name}: base units are seconds")


def test_counters_without_labels_start_at_zero() -> None:
    metrics = Metrics()
    GovernorObserver(metrics, load(GovernorSettings, {}), SystemClock())

    for name, labels in GOVERNOR_METRICS_KEPT.items():
        if name.endswith("_total") and not labels:
            assert metrics.registry.get_sample_value(name) == 0


def test_the_p29_line_is_what_people_grep() -> None:
    check = EVENT_SAMPLES["allocation.state_changed.v1"]
    assert isinstance(check, AllocationStateChanged)

    assert log_line(check.check) == (
        "P2.9 ETHUSDT position=$31361.00 target=$1820.00 burst_cap=$3640.00 verdict=breach ratio=17.23"
    )


def test_the_flatten_line_is_what_people_grep() -> None:
    completed = EVENT_SAMPLES["flatten.completed.v1"]
    assert isinstance(completed, FlattenCompleted)

    with capture_logs() as said:
        ExecutorObserver(Metrics()).finished(completed)

    assert said[0]["event"] == (
        "TESTNET_FLATTEN done symbols_seen=674 nonzero=43 above_notional=39 orders_sent=41 orders_ok=38 errors=2 "
        "verdict=not_flat"
    )


def labels_by_name(registry: CollectorRegistry) -> dict[str, Iterable[str]]:
    """By the name as it is scraped; a metric whose labels have no value yet is known by its declaration."""
    names = registry._names_to_collectors  # noqa: SLF001 - the only place that knows a metric before its first sample
    return {name: getattr(collector, "_labelnames", ()) for name, collector in names.items()}
