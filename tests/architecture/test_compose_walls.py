"""What a container of the staging stack may do: as little as its work needs, and each exception says why."""

import re
import tomllib
from urllib.parse import urlsplit

import pytest
import yaml

from contracts.redis_users import redis_users
from redis_users.accounts import NOBODY
from support.compose_file import lines_of, services, whole
from support.tree import text_of

SERVICES = services()
PROGRAM_OF_USER = {
    "operator": "flatctl",
    "allocator": "demo-targets",
    "viewer": "redis-cli",
    "administrator": "redis-admin",
}
WITHOUT_HEALTH = {
    "redis-users": "it ends",
    "flatctl": "it ends",
    "demo-targets": "it ends",
    "redis-cli": "it ends",
    "redis-admin": "it ends",
    "otel-collector": "nothing in the image can ask",
    "tempo": "what can ask changes from release to release",
    "loki": "what can ask changes from release to release",
}
LATCH = "/var/run/quantum"


def mounts(name: str) -> dict[str, tuple[str, str]]:
    """What a service mounts: place → volume or path, and `ro` or `rw`."""
    found = {}
    for mount in SERVICES[name].get("volumes", ()):
        if isinstance(mount, dict):
            found[mount["target"]] = (mount["source"], "ro" if mount.get("read_only") else "rw")
        else:
            source, target, *mode = mount.split(":")
            found[target] = (source, mode[0] if mode else "rw")
    return found


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_writes_nothing_but_its_volumes_and_can_gain_no_right(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"cap_add", "privileged", "pid", "ipc", "devices"} & service.keys() == set()
    assert "/var/run/docker.sock" not in str(service)


@pytest.mark.parametrize("name", SERVICES)
def test_whether_it_works_can_be_seen_or_there_is_a_reason(name: str) -> None:
    checked = not SERVICES[name].get("healthcheck", {"disable": True}).get("disable", False)

    assert checked != (name in WITHOUT_HEALTH)


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_listens_beyond_this_machine(name: str) -> None:
    assert [port for port in SERVICES[name].get("ports", ()) if not port.startswith("127.0.0.1:")] == []
    assert SERVICES[name].get("network_mode") in (None, "none")


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_is_pinned_by_a_version_or_built_here(name: str) -> None:
    image = SERVICES[name]["image"]

    if image == "flatguard:local":
        assert SERVICES[name]["pull_policy"] == "never"
    else:
        assert re.search(r":v?\d[\w.-]*$", image), image


def test_redis_is_not_published_and_loses_nothing() -> None:
    words = SERVICES["redis"]["command"]
    options = dict(zip(words[1::2], words[2::2], strict=True))

    assert "ports" not in SERVICES["redis"]
    assert options["--appendonly"] == "yes"
    assert options["--appendfsync"] == "always"
    assert options["--maxmemory-policy"] == "noeviction"
    assert mounts("redis") == {"/data": ("redis-data", "rw"), "/run/redis-acl": ("redis-acl", "ro")}


def test_nobody_sees_the_password_of_another() -> None:
    users = redis_users().keys() - {NOBODY}
    seen = {
        name: source
        for name in SERVICES
        for source, _ in mounts(name).values()
        if name != "redis-users" and source.startswith("user-")
    }

    assert seen == {PROGRAM_OF_USER.get(user, user): f"user-{user}" for user in users}
    assert all(mounts(name)["/run/flatguard"] == (volume, "ro") for name, volume in seen.items())
    assert {f"user-{user}" for user in users} <= whole()["volumes"].keys()


def test_each_user_has_a_place_where_its_password_is_written() -> None:
    users = redis_users().keys() - {NOBODY}
    written = {target.rpartition("/")[2]: source for target, (source, _) in mounts("redis-users").items()}

    assert written == {user: f"user-{user}" for user in users} | {"redis": "redis-acl", "redis-data": "redis-data"}
    assert SERVICES["redis-users"]["network_mode"] == "none"
    assert all(f"flatguard/{name}" in text_of("deploy/Dockerfile") for name in written)


def test_the_operator_sets_the_latch_and_the_services_only_see_it() -> None:
    latches = {name: mounts(name)[LATCH] for name in SERVICES if LATCH in mounts(name)}

    assert latches == {
        "governor": ("ess-latch", "ro"),
        "flatten-executor": ("ess-latch", "ro"),
        "flatctl": ("ess-latch", "rw"),
    }


WATCHING = ("prometheus", "alertmanager", "otel-collector", "tempo", "loki", "grafana")


def test_nothing_waits_for_what_watches() -> None:
    waited_for = {other for service in SERVICES.values() for other in service.get("depends_on", ())}

    assert waited_for & set(WATCHING) == set()


@pytest.mark.parametrize("name", WATCHING)
def test_what_watches_finds_its_files_in_this_clone_and_cannot_change_them(name: str) -> None:
    files = [mount for mount in SERVICES[name]["volumes"] if isinstance(mount, dict)]

    assert files
    assert all(mount["source"].startswith(f"./deploy/{name}") for mount in files)
    assert all(mount["read_only"] and mount["bind"] == {"create_host_path": False} for mount in files)


def test_nobody_logs_in_to_grafana_and_whoever_looks_can_only_look() -> None:
    environment = SERVICES["grafana"]["environment"]

    assert environment["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert environment["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
    assert environment["GF_AUTH_DISABLE_LOGIN_FORM"] == "true"
    assert environment["GF_AUTH_BASIC_ENABLED"] == "false"


def test_metrics_traces_and_logs_lead_to_each_other() -> None:
    sources = yaml.safe_load(text_of("deploy/grafana/provisioning/datasources/datasources.yml"))["datasources"]
    by_uid = {source["uid"]: source for source in sources}

    assert by_uid.keys() == {"prometheus", "tempo", "loki"}
    assert {urlsplit(source["url"]).hostname for source in sources} <= SERVICES.keys()
    assert by_uid["prometheus"]["jsonData"]["exemplarTraceIdDestinations"][0]["datasourceUid"] == "tempo"
    assert by_uid["tempo"]["jsonData"]["tracesToLogsV2"]["datasourceUid"] == "loki"
    assert by_uid["tempo"]["jsonData"]["tracesToMetrics"]["datasourceUid"] == "prometheus"
    assert by_uid["loki"]["jsonData"]["derivedFields"][0]["datasourceUid"] == "tempo"


def test_what_the_services_send_has_a_way_to_where_it_is_kept() -> None:
    collector = yaml.safe_load(text_of("deploy/otel-collector/config.yml"))
    ends = {name: urlsplit(exporter["endpoint"]).hostname for name, exporter in collector["exporters"].items()}
    pipelines = collector["service"]["pipelines"]

    assert {kind: [ends[name] for name in line["exporters"]] for kind, line in pipelines.items()} == {
        "traces": ["tempo"],
        "logs": ["loki"],
    }
    assert all(line["receivers"] == ["otlp"] for line in pipelines.values())
    port = collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"].rpartition(":")[2]
    for name in ("position-oracle", "governor", "flatten-executor"):
        sent_to = SERVICES[name]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"]
        assert sent_to == f"http://otel-collector:{port}"


def test_the_image_says_which_version_it_is() -> None:
    version = tomllib.loads(text_of("pyproject.toml"))["project"]["version"]
    dockerfile = text_of("deploy/Dockerfile")

    assert f"\nARG VERSION={version}\n" in dockerfile
    labels = set(re.findall(r"org\.opencontainers\.image\.(\w+)=", dockerfile))
    assert labels == {"title", "description", "licenses", "version", "revision", "source"}


def test_who_verifies_arms_sees_the_operators_file_and_cannot_change_it() -> None:
    seen = {name: mounts(name)["/etc/flatguard"] for name in SERVICES if "/etc/flatguard" in mounts(name)}

    assert seen == dict.fromkeys(
        ("governor", "flatten-executor", "flatctl"), ("./deploy/environments/sim/operators", "ro")
    )
    assert lines_of("deploy/environments/demo/settings.env")["OPERATORS_FILE"] == "/etc/flatguard/operators.toml"
