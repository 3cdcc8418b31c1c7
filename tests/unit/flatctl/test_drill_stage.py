"""A drill arms nothing but a simulator on this machine, and hands nothing of a real account on."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import web

from contracts.vocabulary import Environment
from exchange.config import ExchangeConfig
from flatctl import exits
from flatctl.drilling.stage import child_environment, require_simulator
from flatctl.exits import CommandFailed
from runtime.programs import tethered
from support.demo_process import is_running
from support.http_server import serve


def config(url: str | None, environment: Environment = Environment.SIM) -> ExchangeConfig:
    return ExchangeConfig(environment=environment, base_url=url, api_key="k", api_secret="s")


def answering(body: str, status: int = 200) -> web.Application:
    async def state(_request: web.Request) -> web.Response:
        return web.Response(text=body, status=status)

    app = web.Application()
    app.router.add_get("/sim/state", state)
    return app


async def refused(asked: ExchangeConfig) -> str:
    with pytest.raises(CommandFailed) as failed:
        await require_simulator(asked)
    assert failed.value.code == exits.REFUSED
    return str(failed.value)


@pytest.mark.parametrize("environment", [Environment.DEMO, Environment.TESTNET, Environment.LIVE])
async def test_what_is_not_sim_is_refused_even_where_a_simulator_answers(environment: Environment) -> None:
    async with serve(answering('{"positions": [{}]}')) as url:
        await require_simulator(config(url))
        assert f"the exchange is {environment}" in await refused(config(url, environment))


@pytest.mark.parametrize(
    "url", ["https://fapi.binance.com", "http://exchange-sim:8090", "http://192.0.2.7:8090", "http://", None]
)
async def test_what_is_not_on_this_machine_is_refused(url: str | None) -> None:
    assert "not on this machine" in await refused(config(url))


@pytest.mark.parametrize(
    ("body", "status"), [("{}", 404), ("not json", 200), ('{"balances": []}', 200), ("", 200), ("[]", 200)]
)
async def test_what_does_not_answer_as_the_simulator_is_refused(body: str, status: int) -> None:
    async with serve(answering(body, status)) as url:
        assert f"{url} is no simulator" in await refused(config(url))


async def test_nobody_there_is_refused() -> None:
    assert "is no simulator: /sim/state answers 0" in await refused(config("http://127.0.0.1:1"))


def test_of_the_operators_settings_only_redis_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    handed_on = child_environment(
        {
            "PATH": "/bin",
            "REDIS_URL_FILE": "secrets/url",
            "EXCHANGE_API_KEY": "real",
            "EXCHANGE_API_SECRET_FILE": "/run/secrets/real",
            "OPERATOR_KEY_PASSPHRASE": "real",
            "FLATTEN_ALLOW_LIVE": "FLATTEN_LIVE",
            "NOTIFY_URLS": "real",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318",
            "CONSUMER_NAME": "governor-1",
        }
    )

    assert handed_on == {"PATH": "/bin", "PYTHONUNBUFFERED": "1", "REDIS_URL_FILE": f"{tmp_path}/secrets/url"}


async def test_a_tethered_program_ends_with_whoever_started_it(tmp_path: Path) -> None:
    module = tmp_path / "sleeper.py"
    module.write_text("import signal\nprint('up', flush=True)\nsignal.pause()\n")
    starter = (
        "import subprocess, sys; from runtime.programs import tethered; "
        "child = subprocess.Popen(tethered('sleeper'), stdout=subprocess.PIPE); child.stdout.readline(); "
        "print(child.pid, flush=True); sys.stdin.read()"
    )
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", starter, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    assert is_running(child)
    parent.kill()
    await parent.wait()
    async with asyncio.timeout(20):
        while is_running(child):  # noqa: ASYNC110 - another process's state: there is nothing to wait on but asking
            await asyncio.sleep(0.02)


def test_a_tethered_program_does_not_begin_when_its_starter_is_gone() -> None:
    python, *_, module = tethered("flatctl.main")
    command = [python, "-m", "runtime.tether", "1" if os.getpid() != 1 else "2", module, "--version"]
    ended = subprocess.run(command, capture_output=True, check=False)

    assert (ended.returncode, ended.stdout) == (128 + signal.SIGTERM, b"")
