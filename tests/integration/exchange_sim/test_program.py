"""The console program: start, stop, and clear words for bad input."""

import asyncio
import json
import os
import socket
import sys
import time
from asyncio.subprocess import PIPE
from pathlib import Path

import aiohttp
import pytest

from support.patience import HANG_S
from support.sim import Simulator
from support.sim_builders import listing
from support.venue_client import VenueClient


async def outcome(*arguments: str, **environment: str) -> tuple[int | None, str]:
    """Exit code and stderr of a start that fails."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "exchange_sim.main",
        *arguments,
        stdout=PIPE,
        stderr=PIPE,
        env={**os.environ, **environment},
    )
    try:
        _, said = await process.communicate()
    finally:
        if process.returncode is None:  # it has started, which it should not
            process.kill()
            await process.wait()
    return process.returncode, said.decode()


async def test_it_stops_by_itself_even_with_a_request_in_hand() -> None:
    simulator = await Simulator("--scenario", "incident").start()
    await simulator.faults({"action": "hang", "times": 0})
    async with VenueClient(simulator.base_url) as client:
        hanging = asyncio.create_task(client.close("ETHUSDT", "9.1"))
        await simulator.wait(orders=1)

        async with asyncio.timeout(HANG_S / 2):  # half of what aiohttp alone would wait for that request
            await simulator.stop()

        with pytest.raises(aiohttp.ClientOSError):
            await hanging


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--scenario", "absent.json"], "exchange-sim: --scenario absent.json: No such file or directory"),
        (["--exchange-info", "absent.json"], "exchange-sim: --exchange-info absent.json: No such file or directory"),
        (["--port", "99999"], "exchange-sim: argument --port: must be a whole number from 0 to 65535, got '99999'"),
        (["--symbols", "3"], "exchange-sim: argument --symbols: must be a whole number from 4 to 5000, got '3'"),
        (
            ["--symbols", "10", "--scenario", "incident"],
            "exchange-sim: scenario incident: needs 40 more",
        ),
        (["--round-trip-ms", "-1"], "exchange-sim: --round-trip-ms: must not be negative, got -1.0"),
        (["--nonsense"], "exchange-sim: unrecognized arguments: --nonsense"),
    ],
)
async def test_bad_input_is_one_clear_line_and_exit_code_2(arguments: list[str], said: str) -> None:
    code, stderr = await outcome("--port", "0", *arguments)

    assert code == 2
    assert stderr.startswith(said)
    assert len(stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("option", "content", "said"),
    [
        ("--scenario", "{", "Input data was truncated"),
        ("--scenario", '{"positons": []}', "unknown field `positons`"),
        ("--scenario", '{"positions": [{"symbol": "NOSUCH", "qty": "1"}]}', "unknown symbol NOSUCH"),
        ("--exchange-info", "nonsense", "not valid JSON"),
        ("--exchange-info", '{"symbols": [{"symbol": "AUSDT"}]}', "AUSDT"),
    ],
)
async def test_a_bad_file_is_one_clear_line(tmp_path: Path, option: str, content: str, said: str) -> None:
    path = tmp_path / "input.json"
    path.write_text(content)

    code, stderr = await outcome("--port", "0", option, str(path))

    assert code == 2
    assert said in stderr
    assert len(stderr.splitlines()) == 1


async def test_a_port_in_use_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        code, stderr = await outcome("--port", str(port))

    assert code == 2
    assert stderr.startswith(f"exchange-sim: cannot listen on 127.0.0.1:{port}: ")
    assert len(stderr.splitlines()) == 1


async def test_the_port_comes_from_http_port_when_it_is_not_given() -> None:
    code, stderr = await outcome(HTTP_PORT="many")

    assert (code, stderr) == (2, "exchange-sim: HTTP_PORT: must be a whole number from 0 to 65535, got 'many'\n")


async def test_scenario_and_symbols_come_from_files(tmp_path: Path) -> None:
    info, scenario = tmp_path / "info.json", tmp_path / "scenario.json"
    info.write_text(json.dumps({"symbols": [listing("AAAUSDT"), listing("BBBUSDT")]}))
    scenario.write_text(json.dumps({"positions": [{"symbol": "BBBUSDT", "qty": "-1.5", "mark": "20"}]}))

    async with Simulator("--exchange-info", str(info), "--scenario", str(scenario)) as simulator:
        await simulator.position("AAAUSDT", "3")
        await simulator.reset()

        assert await simulator.positions() == {("BBBUSDT", "BOTH"): pytest.approx(-1.5)}


async def test_keys_latency_and_rights_are_options() -> None:
    options = ("--api-key", "mine", "--api-secret", "hush", "--can-withdraw", "--round-trip-ms", "20")
    async with Simulator(*options) as simulator, VenueClient(simulator.base_url, "mine", "hush") as client:
        started = time.perf_counter()
        rights = (await client.signed("GET", "/sapi/v1/account/apiRestrictions")).json

        assert time.perf_counter() - started >= 0.02
        assert rights["enableWithdrawals"] is True
