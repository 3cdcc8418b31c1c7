"""Stopping, restarting and starting again lose nothing, in the middle of a run neither."""

import hashlib
import time

import pytest

from support.invariants import assert_client_ids_never_reused, assert_orders_only_reduced
from support.patience import HANG_S
from support.staging import TRIO, Staging

ORDERS = {"method": "POST", "path": "/fapi/v1/batchOrders"}
GRACE_S = 10.0
FIRED = """
import redis
url = open('/run/flatguard/redis_url').read().strip()
print('FIRED', sorted(redis.Redis.from_url(url).hgetall('quantum:gov:testnet:flatten:fired')))
"""


def fired(staging: Staging) -> str:
    """Every arm that was ever used up, read as the operator."""
    said = staging.compose("run", "--rm", "-T", "--entrypoint", "python3", "flatctl", "-c", FIRED)
    return said[said.index("FIRED") :].strip()


def passwords(staging: Staging) -> dict[str, str]:
    addresses = {name: staging.inside(name, "cat", "/run/flatguard/redis_url") for name in TRIO}
    return {name: hashlib.sha256(address.encode()).hexdigest() for name, address in addresses.items()}


@pytest.mark.parametrize("name", [*TRIO, "exchange-sim"])
def test_sigterm_ends_it_well_before_docker_would_kill_it(staging: Staging, name: str) -> None:
    begun = time.monotonic()
    staging.compose("stop", name)
    took_s = time.monotonic() - begun
    state = staging.inspect(name)["State"]
    staging.up()

    assert (state["Status"], state["ExitCode"]) == ("exited", 0)
    assert took_s < GRACE_S


def test_sigterm_ends_the_executor_in_time_while_the_exchange_hangs(incident: Staging) -> None:
    incident.sim("faults", [{"action": "delay", "match": ORDERS, "times": 0, "hold_ms": 60_000}])
    with incident.arming() as operator:
        incident.wait(f"requests=1&method={ORDERS['method']}&path={ORDERS['path']}")
        incident.compose("stop", "flatten-executor")
        state = incident.inspect("flatten-executor")["State"]
        incident.sim("faults", method="DELETE")
        incident.up()
        incident.wait("open_positions=0")
        said, _ = operator.communicate(timeout=2 * HANG_S)

    assert (state["Status"], state["ExitCode"]) == ("exited", 0), "Docker kills after ten seconds: that is 137"
    assert "verdict=flat" in said


def test_sigterm_ends_a_service_in_time_while_redis_hangs(staging: Staging) -> None:
    staging.compose("pause", "redis")
    try:
        staging.compose("stop", "governor")
        state = staging.inspect("governor")["State"]
    finally:
        staging.compose("unpause", "redis")
    staging.up()

    assert (state["Status"], state["ExitCode"]) == ("exited", 0)


def test_down_and_up_lose_nothing(incident: Staging) -> None:
    incident.flatctl("arm", "--yes", "--wait", "--reason", "drill")
    before = (incident.events("flatten.audit"), fired(incident), passwords(incident))
    assert "arm-" in before[1]

    incident.down()
    incident.up()

    assert (incident.events("flatten.audit"), fired(incident), passwords(incident)) == before
    status = incident.flatctl("status")
    assert "SET: trading is stopped" in status
    assert "verdict=flat" in incident.flatctl("watch")


@pytest.mark.parametrize("name", ["redis", *TRIO])
def test_a_restart_in_the_middle_of_a_run_ends_flat_with_one_verdict(incident: Staging, name: str) -> None:
    told = incident.events("flatten.completed")
    incident.sim("faults", [{"action": "delay", "match": ORDERS, "times": 0, "hold_ms": 60_000}])
    with incident.arming() as operator:
        incident.wait(f"requests=1&method={ORDERS['method']}&path={ORDERS['path']}")

        incident.compose("restart", name)

        assert len(incident.sim("state")["positions"]) == 44
        incident.sim("faults", method="DELETE")
        incident.wait("open_positions=0")
        said, _ = operator.communicate(timeout=2 * HANG_S)
    followed = incident.flatctl("watch")

    assert "verdict=flat" in followed
    assert incident.sim("state")["positions"] == []
    orders = incident.sim("orders")
    assert_orders_only_reduced(orders)
    assert_client_ids_never_reused(orders)
    assert len(incident.events("flatten.completed")) == len(told) + 1, said
    incident.up()
