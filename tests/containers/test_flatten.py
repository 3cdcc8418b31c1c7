"""What the staging stack is for, and what its containers cannot do."""

import json
import subprocess

import pytest

from support.invariants import assert_client_ids_never_reused, assert_orders_only_reduced
from support.staging import ASK_REDIS, CORE, STREAMS, TRIO, Staging

BASE = "python:3.13-slim-trixie"
SIZE_MAX = 250_000_000


def test_the_operators_container_flattens_the_44_positions(incident: Staging) -> None:
    said = incident.flatctl("arm", "--yes", "--wait", "--reason", "drill")

    assert "seen=674 nonzero=44 filtered=44 sent=44 ok=44 errors=0 verdict=flat" in said
    state = incident.sim("state")
    assert state["positions"] == []
    orders = incident.sim("orders")
    assert len(orders) == 44
    assert_orders_only_reduced(orders)
    assert_client_ids_never_reused(orders)
    assert incident.events("flatten.completed") == ["flatten.completed.v1"]
    assert incident.events("flatten.audit").count("arm.accepted.v1") == 1
    assert "last run" in incident.flatctl("status")
    assert "verdict=flat" in incident.flatctl("watch")


def test_targets_are_written_for_the_simulator(incident: Staging) -> None:
    assert "44 targets written" in incident.compose("run", "--rm", "-T", "demo-targets")


@pytest.mark.parametrize("name", TRIO)
@pytest.mark.parametrize(
    "command",
    ["FLUSHALL", "CONFIG GET *", "KEYS *", "ACL LIST", "SHUTDOWN", f"DEL {STREAMS}:flatten.audit",
     f"XADD {STREAMS}:flatten.arm * forged 1", f"XTRIM {STREAMS}:flatten.audit MAXLEN 0"],
)  # fmt: skip
def test_a_service_can_neither_destroy_nor_look_around_nor_arm(staging: Staging, name: str, command: str) -> None:
    assert staging.inside(name, "python3", "-c", ASK_REDIS, *command.split()).split() == ["NOPERM"]


@pytest.mark.parametrize(
    ("name", "stream"),
    [
        ("position-oracle", "flatten.completed"),
        ("governor", "flatten.completed"),
        ("flatten-executor", "flatten.requested"),
    ],
)
def test_a_service_cannot_say_what_another_says(staging: Staging, name: str, stream: str) -> None:
    command = ("XADD", f"{STREAMS}:{stream}", "*", "forged", "1")

    assert staging.inside(name, "python3", "-c", ASK_REDIS, *command).split() == ["NOPERM"]


def test_without_a_password_redis_only_says_that_it_is_there(staging: Staging) -> None:
    assert "NOAUTH" in staging.inside("redis", "redis-cli", "PING")
    health = ("redis-cli", "--no-auth-warning", "--user", "health", "--pass", "x")
    assert staging.inside("redis", *health, "PING").strip() == "PONG"
    assert "NOPERM" in staging.inside("redis", *health, "GET", "x")


@pytest.mark.parametrize("name", TRIO)
def test_a_service_sees_its_own_secrets_alone(staging: Staging, name: str) -> None:
    url = staging.inside(name, "cat", "/run/flatguard/redis_url").strip()

    assert url.startswith(f"redis://{name}:")
    own = ["console_token", "redis_url"] if name == "governor" else ["redis_url"]
    assert staging.inside(name, "ls", "-A", "/run/flatguard").split() == own
    held = staging.inside(name, "sh", "-c", "cat /run/secrets/* 2>/dev/null || true").split()
    assert held == {
        "position-oracle": ["sim-read-key", "sim-read-secret"],
        "governor": [],
        "flatten-executor": ["sim-key", "sim-secret"],
    }[name]  # fmt: skip
    password = url.removeprefix(f"redis://{name}:").partition("@")[0]
    assert password not in json.dumps(staging.inspect(name))
    assert password not in staging.compose("logs", "--no-color")


@pytest.mark.parametrize("name", CORE)
def test_a_container_is_nobody_and_writes_nowhere(staging: Staging, name: str) -> None:
    assert int(staging.inside(name, "id", "-u")) == (10002 if name == "redis" else 10001)
    status = dict(line.split(":\t", 1) for line in staging.inside(name, "cat", "/proc/1/status").splitlines())
    assert {status[field] for field in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1"
    for place in ("/", "/tmp", "/etc", "/opt"):
        assert "Read-only file system" in staging.inside(name, "touch", f"{place}/x", codes=(1,))


@pytest.mark.parametrize("name", ["governor", "flatten-executor"])
def test_a_service_sees_the_latch_and_cannot_touch_it(incident: Staging, name: str) -> None:
    latch = "/var/run/quantum/ESS_ON"

    assert "drill" in incident.inside(name, "cat", latch)
    assert "Read-only file system" in incident.inside(name, "touch", "/var/run/quantum/x", codes=(1,))
    assert "Read-only file system" in incident.inside(name, "rm", "-f", latch, codes=(1,))
    incident.flatctl("ess", "deactivate", "--yes", codes=(0, 2))
    incident.flatctl("ess", "activate", "--reason", "again")
    assert "again" in incident.inside(name, "cat", latch)


def test_the_image_is_small_and_compiles_nothing(staging: Staging) -> None:
    answer = subprocess.run(
        ["docker", "image", "inspect", staging.image, BASE], capture_output=True, text=True, check=True
    ).stdout
    image, base = json.loads(answer)

    assert image["Size"] - base["Size"] < SIZE_MAX
    assert image["RootFS"]["Layers"][: len(base["RootFS"]["Layers"])] == base["RootFS"]["Layers"]
    assert image["Config"]["User"] == "10001:10001"
    assert image["Config"]["Labels"]["org.opencontainers.image.title"] == "flatguard"
    compilers = "command -v gcc cc g++ c++ clang tcc ld as make rustc go || true"
    assert staging.inside("governor", "sh", "-c", compilers).split() == []
    assert "No module named pip" in staging.inside(
        "governor", "/opt/flatguard/bin/python", "-m", "pip", "--version", codes=(1,)
    )


def test_only_this_machine_reaches_what_is_published(staging: Staging) -> None:
    for name in CORE:
        published = staging.inspect(name)["HostConfig"]["PortBindings"] or {}
        assert {binding["HostIp"] for bindings in published.values() for binding in bindings} <= {"127.0.0.1"}
        assert bool(published) == (name != "redis")
