"""Who is no service: operators take back and stop, viewers only read, administrators may do everything."""

import pytest

from support.patience import HANG_S
from support.staging import ASK_REDIS, STREAMS, Staging, until

ORDERS = "/fapi/v1/batchOrders"
AUDIT = f"{STREAMS}:flatten.audit"


def ask(staging: Staging, who: str, *command: str) -> str:
    """What Redis answers to the viewer (`redis-cli`) or the administrator (`redis-admin`)."""
    return staging.compose("run", "--rm", "-T", who, *command, codes=(0, 1))


def test_a_run_is_aborted_and_what_it_had_not_closed_stays_open(incident: Staging) -> None:
    hold = {"action": "delay", "match": {"method": "POST", "path": ORDERS}, "times": 0, "hold_ms": 60_000}
    incident.sim("faults", [hold])
    with incident.arming() as operator:
        incident.wait(f"requests=1&method=POST&path={ORDERS}")

        aborting = incident.flatctl("abort", "--yes", "--no-wait", "--reason", "the venue is halted")
        incident.sim("faults", method="DELETE")
        said, _ = operator.communicate(timeout=2 * HANG_S)

    assert "abort" in aborting
    assert operator.returncode == 4, said
    assert "verdict=aborted" in said
    assert "the venue is halted" in said
    assert len(incident.sim("state")["positions"]) > 0
    assert "nothing to abort" in incident.flatctl("abort", "--yes", codes=(3,))


def test_an_arm_that_nobody_has_judged_is_taken_back_and_never_fires(incident: Staging) -> None:
    accepted = incident.events("flatten.audit").count("arm.accepted.v1")
    incident.compose("stop", "governor")
    told = incident.flatctl("arm", "--yes", "--arm-id", "a-slip", "--reason", "a slip", codes=(4,))
    assert "nobody judged it" in told

    incident.flatctl("disarm", "--reason", "a slip")
    incident.up()
    until(lambda: "arm.disarmed.v1" in incident.events("flatten.audit"))

    assert incident.events("flatten.audit").count("arm.accepted.v1") == accepted
    assert len(incident.sim("state")["positions"]) == 44
    assert incident.sim("orders") == []


@pytest.mark.parametrize(
    "command", [f"XADD {STREAMS}:flatten.arm * forged 1", f"XTRIM {AUDIT} MAXLEN 0", "CONFIG GET *", "FLUSHALL"]
)
def test_who_only_looks_changes_nothing(staging: Staging, command: str) -> None:
    assert "NOPERM" in ask(staging, "redis-cli", *command.split())


def test_who_only_looks_sees_every_event(staging: Staging) -> None:
    for command in (f"XLEN {AUDIT}", f"XREVRANGE {AUDIT} + - COUNT 1", f"XINFO STREAM {STREAMS}:position.snapshot"):
        said = ask(staging, "redis-cli", *command.split())
        assert "NOPERM" not in said
        assert "ERR" not in said


def test_an_administrator_can_see_and_mend_everything(staging: Staging) -> None:
    assert ask(staging, "redis-admin", "CONFIG", "GET", "appendfsync").split()[-2:] == ["appendfsync", "always"]
    assert ask(staging, "redis-admin", "CONFIG", "GET", "maxmemory-policy").split()[-1] == "noeviction"
    assert "user default off" in ask(staging, "redis-admin", "ACL", "LIST")
    assert ask(staging, "redis-admin", "SET", "mended", "1").split()[-1] == "OK"
    assert ask(staging, "redis-admin", "DEL", "mended").split()[-1] == "1"


def test_the_targets_writer_writes_targets_alone(staging: Staging) -> None:
    alone = ("run", "--rm", "-T", "--entrypoint", "python3", "demo-targets", "-c", ASK_REDIS)

    assert "44 targets written" in staging.compose("run", "--rm", "-T", "demo-targets")
    assert staging.compose(*alone, "EXISTS", "quantum:allocation:target:ETHUSDT").split()[-1] == "1"
    for command in (f"XADD {STREAMS}:flatten.arm * x 1", "DEL quantum:allocation:target:ETHUSDT", f"XLEN {AUDIT}"):
        assert staging.compose(*alone, *command.split()).split()[-1] == "NOPERM"
