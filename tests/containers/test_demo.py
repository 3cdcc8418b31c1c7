"""EXCHANGE_ENV=demo in containers: who lacks something says so in a line; with keys the venue alone is asked.

The keys are made up, and the network leads nowhere.
"""

import hashlib
import hmac
from collections.abc import Iterator

import pytest

from support.demo_staging import KEYS, VENUE, DemoStaging
from support.staging import CORE, TRIO, require_staging, until

ASK = ("position-oracle", "flatten-executor")
"""Who asks the venue."""
COLLECTOR = "otel-collector"
KEYS_OF = {"position-oracle": "read", "flatten-executor": "trading", "flatctl": "read"}
NO_OPERATORS = "OPERATORS_FILE='/etc/flatguard/operators.toml' cannot be read: No such file or directory"
NO_KEYS = [
    f"EXCHANGE_API_{what.upper()}_FILE='/run/secrets/exchange_{what}' cannot be read: Permission denied"
    for what in ("key", "secret")
]
REQUESTS_TO_THE_SIMULATOR = """
import urllib.request
print(urllib.request.urlopen('http://127.0.0.1:8090/sim/requests').read().decode())
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoStaging]:
    """Nothing is up yet. The tests below follow each other: each gives what the one before did not have."""
    require_staging()
    stack = DemoStaging(tmp_path_factory.mktemp("demo"))
    stack.close_the_world()
    try:
        yield stack
    finally:
        stack.close()


def test_without_keys_nothing_starts_and_the_last_line_names_the_file(demo: DemoStaging) -> None:
    said = demo.up(*CORE, codes=(1,)).strip().splitlines()

    path, _, name = said[-1].rpartition("/")
    assert path.endswith("does not exist: " + str(demo.root / "deploy/environments/demo"))
    assert name in KEYS  # whichever container is made first


def test_who_cannot_read_a_file_says_so_in_a_line_each_time_it_is_started_again(demo: DemoStaging) -> None:
    demo.give_keys(owner=0)
    demo.compose("up", "--detach", "--no-build", *CORE)

    wanted = {"position-oracle": NO_KEYS, "governor": [NO_OPERATORS], "flatten-executor": [*NO_KEYS, NO_OPERATORS]}
    for name, lines in wanted.items():
        restarted(demo, name)
        assert sorted(set(demo.said(name))) == [f"{name}: {line}" for line in lines]
        assert demo.inspect(name)["State"]["ExitCode"] in (0, 2)  # 0 while it starts anew
    assert VENUE not in {asked["name"] for asked in demo.seen("names")}


@pytest.fixture(scope="module")
def complete(demo: DemoStaging) -> DemoStaging:
    """Up with keys and operators, while the venue's name is known nowhere."""
    demo.compose("rm", "--stop", "--force", *TRIO)
    demo.give_keys()
    demo.name_operators()
    demo.compose("up", "--detach", "--no-deps", "--no-build", *TRIO)
    until(lambda: demo.readiness("governor")["ready"])
    for name in ASK:
        troubled(demo, name, VENUE)
    return demo


@pytest.mark.parametrize("name", ASK)
def test_a_venue_that_cannot_be_reached_is_named_and_nothing_crashes(complete: DemoStaging, name: str) -> None:
    assert complete.readiness(name)["ready"] is False
    assert f"no connection to {VENUE}" in complete.trouble(name)
    state = complete.inspect(name)
    assert (state["State"]["Status"], state["RestartCount"]) == ("running", 0)
    assert [line for line in complete.said(name) if f"no connection to {VENUE}" in line]


def test_no_name_is_asked_for_but_the_venues_and_the_collectors(complete: DemoStaging) -> None:
    asked = {name: set[str]() for name in TRIO}
    addresses = {address_of(complete, name): name for name in TRIO}
    for question in complete.seen("names"):
        asked[addresses[question["from"]]].add(question["name"])

    assert asked["governor"] <= {COLLECTOR}
    for name in ASK:
        assert asked[name] - {COLLECTOR} == {VENUE}
    assert complete.inside("exchange-sim", "python3", "-c", REQUESTS_TO_THE_SIMULATOR).strip() == "[]"


def test_the_operator_is_told_too_and_can_arm_only_with_a_key(complete: DemoStaging) -> None:
    assert f"no connection to {VENUE}" in complete.flatctl("positions", codes=(4,))
    said = complete.flatctl("arm", "--yes", "--reason", "drill", codes=(1,)).strip().splitlines()
    assert "OPERATOR_KEY_FILE is not set" in said[-1]
    assert complete.events("flatten.arm") == []


@pytest.fixture(scope="module")
def reached(complete: DemoStaging) -> DemoStaging:
    """From now on somebody answers to the venue's name."""
    complete.up("venue")
    for name in ASK:
        troubled(complete, name, "-2015")
    return complete


@pytest.mark.parametrize("name", ASK)
def test_the_venue_gets_the_key_of_this_service_and_what_its_secret_signed(reached: DemoStaging, name: str) -> None:
    address = address_of(reached, name)
    requests = [request for request in reached.seen("venue") if request["from"] == address]
    signed = [request for request in requests if "signature=" in request["path"]]

    assert signed
    assert {request["host"] for request in requests} == {VENUE}
    assert {request["method"] for request in requests} == {"GET"}
    for request in signed:
        query, _, signature = request["path"].partition("?")[2].rpartition("&signature=")
        secret = f"made-up-{KEYS_OF[name]}_secret".encode()
        assert request["key"] == f"made-up-{KEYS_OF[name]}_key"
        assert signature == hmac.new(secret, query.encode(), hashlib.sha256).hexdigest()


def test_a_key_that_the_venue_rejects_is_told_and_no_secret_is(reached: DemoStaging) -> None:
    assert "rejects the key" in reached.flatctl("positions", codes=(1,))
    for name in ASK:
        assert reached.readiness(name)["ready"] is False
        assert reached.inspect(name)["RestartCount"] == 0
    logs = reached.compose("logs", "--no-color", *TRIO)
    assert [name for name in KEYS if f"made-up-{name}" in logs] == []


def address_of(stack: DemoStaging, name: str) -> str:
    (network,) = stack.inspect(name)["NetworkSettings"]["Networks"].values()
    return str(network["IPAddress"])


def restarted(stack: DemoStaging, name: str) -> None:
    until(lambda: stack.inspect(name)["RestartCount"] >= 1)


def troubled(stack: DemoStaging, name: str, words: str) -> None:
    until(lambda: words in stack.trouble(name))
