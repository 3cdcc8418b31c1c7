"""Addresses that are taken, and those that no connection could ever be made to."""

import pytest

from runtime.addresses import take_apart
from runtime.redis_url import problem_with
from runtime.telemetry import logs_endpoint, telemetry_problems, traces_endpoint

HOSTS = (
    "h",
    "127.0.0.1",
    "[::1]",
    "[fe80::1%eth0]",
    "redis_1",
    "redis-master.my-team.svc.cluster.local.",
    "h\u00f6st.example",
    "UPPER",
)
NO_HOSTS = (
    "local host",
    " h",
    "h ",
    "h\tost",
    "h\u00a0ost",
    "a..b",
    ".",
    "-h",
    "h-",
    "300.1.1.1",
    "1.2.3",
    "[::zz]",
    "[h]",
    "ho%20st",
    "$HOST",
    "{host}",
    "<host>",
    "h\\x",
    "one,two",
    "h" * 64,
    "abcdefg." * 40 + "h",
)


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("tail", ["", ":6379"])
def test_what_can_be_a_host_is_one(host: str, tail: str) -> None:
    assert problem_with(f"redis://u:p%40ss word@{host}{tail}/0") == ""


@pytest.mark.parametrize("host", NO_HOSTS)
@pytest.mark.parametrize("tail", ["", ":6379"])
def test_what_can_be_no_host_is_a_problem(host: str, tail: str) -> None:
    assert problem_with(f"redis://u:pw@{host}{tail}/0")


@pytest.mark.parametrize("port", ["0", "", " 6379", "6379 ", "+6379", "-1", "65536", "port", "6379:6379", "6_379"])
def test_what_can_be_no_port_is_a_problem(port: str) -> None:
    assert problem_with(f"redis://u:pw@h:{port}/0")


def test_an_address_without_a_host_is_its_callers_business() -> None:
    assert take_apart("unix:///run/redis.sock") is not None
    assert problem_with("unix:///run/redis.sock") == ""
    assert problem_with("unix://u:pw@/run/redis.sock") == ""


@pytest.mark.parametrize("url", [" redis://h/0", "redis://u:p\tw@h/0", "unix://run/redis.sock", "unix://"])
def test_an_address_that_would_be_read_otherwise_than_it_stands_is_a_problem(url: str) -> None:
    assert problem_with(url)


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "https://u:p@collector.example/base/"},
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces?tenant=a"},
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "c:4317",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces",
            "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://c:4318/v1/logs",
        },
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"},
        {
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "http/protobuf",
        },
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT": "?", "OTEL_SDK_DISABLED": "True"},
    ],
)
def test_telemetry_that_can_leave_or_is_off_is_no_problem(environ: dict[str, str]) -> None:
    assert telemetry_problems(environ) == ()


@pytest.mark.parametrize(
    "name",
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"],
)
@pytest.mark.parametrize(
    "value",
    ["not a url", " ", "collector:4318", "//c:4318", "grpc://c:4317", "http://", "http://a b:1", "http://c:0", "http://c#x"],
)  # fmt: skip
def test_an_endpoint_that_is_no_address_of_a_collector_is_one_line(name: str, value: str) -> None:
    (line,) = telemetry_problems({name: value})

    assert line == f"{name} is not the http or https address of a collector, as in http://127.0.0.1:4318"


def test_nothing_can_be_put_behind_a_query() -> None:
    assert telemetry_problems({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/?tenant=a"})


@pytest.mark.parametrize(
    "name",
    ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL"],
)
@pytest.mark.parametrize("value", ["grpc", "http/json", "HTTP"])
def test_another_protocol_than_the_one_that_is_built_in_is_one_line(name: str, value: str) -> None:
    (line,) = telemetry_problems({name: value})

    assert line == f"{name}={value!r} is not built in: spans and lines leave as http/protobuf alone"


def test_every_mistake_is_told_by_the_variable_that_holds() -> None:
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "x",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
    }

    assert [line.split("=")[0].split(" ")[0] for line in telemetry_problems(environ)] == [
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    ]


def test_a_general_mistake_counts_as_long_as_one_signal_goes_by_it() -> None:
    for own in ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"):
        assert telemetry_problems({"OTEL_EXPORTER_OTLP_ENDPOINT": "c:4317", own: "http://c:4318/x"})


def test_lines_go_where_spans_go_unless_they_are_told_otherwise() -> None:
    general = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/"}

    assert logs_endpoint({}) == ""
    assert logs_endpoint(general) == "http://c:4318/v1/logs"
    assert logs_endpoint({**general, "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://l/x"}) == "http://l/x"
    assert logs_endpoint({**general, "OTEL_LOGS_EXPORTER": "none"}) == ""
    assert logs_endpoint({**general, "OTEL_SDK_DISABLED": "true"}) == ""


def test_spans_go_where_the_variable_for_traces_says_else_below_the_general_address() -> None:
    general = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/"}

    assert traces_endpoint({}) == ""
    assert traces_endpoint(general) == "http://c:4318/v1/traces"
    assert traces_endpoint({**general, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t/x"}) == "http://t/x"
