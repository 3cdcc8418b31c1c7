from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from runtime.errors import StartupError
from runtime.health import OK, Check, Checks
from runtime.http import health_server
from runtime.metrics import Metrics


@asynccontextmanager
async def serving(checks: Checks, metrics: Metrics | None = None) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    async with (
        health_server(host="127.0.0.1", port=0, metrics=metrics or Metrics(), checks=checks) as port,
        aiohttp.ClientSession() as session,
    ):
        yield session, f"http://127.0.0.1:{port}"


async def test_alive_is_told_whatever_the_checks_say() -> None:
    async with (
        serving({"redis": lambda: Check(ok=False, why="down")}) as (session, url),
        session.get(f"{url}/healthz") as answer,
    ):
        assert (answer.status, await answer.json()) == (200, {"status": "ok"})


async def test_ready_is_503_with_the_reason_until_every_check_is_ok() -> None:
    answers = {"redis": Check(ok=False, why="cannot be reached"), "latch": OK}
    async with serving({name: lambda name=name: answers[name] for name in answers}) as (session, url):  # type: ignore[misc]  # a default binds the name
        async with session.get(f"{url}/readyz") as answer:
            assert answer.status == 503
            assert await answer.json() == {
                "ready": False,
                "checks": {"redis": {"ok": False, "why": "cannot be reached"}, "latch": {"ok": True, "why": ""}},
            }
        answers["redis"] = OK
        async with session.get(f"{url}/readyz") as answer:
            assert answer.status == 200


async def test_metrics_are_text_or_openmetrics_as_asked_for() -> None:
    metrics = Metrics()
    counter = metrics.counter("flatguard_things_total", "Things", ("kind",), initial=[("a",), ("b",)])
    counter.labels("a").inc(exemplar={"trace_id": "0" * 31 + "1"})
    async with serving({}, metrics) as (session, url):
        async with session.get(f"{url}/metrics") as answer:
            plain = await answer.text()
        async with session.get(f"{url}/metrics", headers={"Accept": "application/openmetrics-text"}) as answer:
            openmetrics, content_type = await answer.text(), answer.headers["Content-Type"]

    assert 'flatguard_things_total{kind="a"} 1.0' in plain
    assert 'flatguard_things_total{kind="b"} 0.0' in plain
    assert "trace_id" not in plain
    assert 'trace_id="00000000000000000000000000000001"' in openmetrics
    assert content_type.startswith("application/openmetrics-text")


def test_a_live_gauge_shows_what_is_there_and_forgets_what_is_not() -> None:
    metrics, rows = Metrics(), {"a": 1.0, "b": 2.0}
    metrics.live_gauge("flatguard_things", "Things", ("kind",), lambda: [((kind,), rows[kind]) for kind in rows])
    assert metrics.registry.get_sample_value("flatguard_things", {"kind": "a"}) == 1.0

    del rows["a"]

    assert metrics.registry.get_sample_value("flatguard_things", {"kind": "a"}) is None
    assert metrics.registry.get_sample_value("flatguard_things", {"kind": "b"}) == 2.0


async def test_a_port_in_use_is_one_clear_line() -> None:
    async with health_server(host="127.0.0.1", port=0, metrics=Metrics(), checks={}) as port:
        with pytest.raises(StartupError, match=f"HTTP_PORT={port}: 127.0.0.1:{port} is in use by another process"):
            async with health_server(host="127.0.0.1", port=port, metrics=Metrics(), checks={}):
                pass


async def test_an_address_that_is_not_ours_is_one_clear_line() -> None:
    with pytest.raises(StartupError, match=r"cannot listen on 192\.0\.2\.1:0 \(HTTP_HOST, HTTP_PORT\)"):
        async with health_server(host="192.0.2.1", port=0, metrics=Metrics(), checks={}):
            pass


def test_two_registries_of_one_process_do_not_meet() -> None:
    for _ in range(2):
        Metrics().gauge("flatguard_same_name", "The same name twice")


async def test_each_check_is_a_gauge_that_says_what_it_says_now() -> None:
    metrics, answers = Metrics(), {"redis": Check(ok=False, why="down")}
    async with serving({"redis": lambda: answers["redis"]}, metrics):
        before = metrics.registry.get_sample_value("flatguard_check_ok", {"check": "redis"})
        answers["redis"] = OK
        after = metrics.registry.get_sample_value("flatguard_check_ok", {"check": "redis"})

    assert (before, after) == (0, 1)
