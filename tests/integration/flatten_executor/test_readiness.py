"""An executor that could not flatten says so before anybody asks it to."""

from pathlib import Path

import aiohttp
import pytest

from support.people import ALICE, an_entry, keep
from support.processes import ServiceProcess
from support.sim import Simulator

REFUSED = "the exchange rejects the key, nothing could be closed: check EXCHANGE_API_KEY and EXCHANGE_API_SECRET"


async def why_not(executor: ServiceProcess) -> dict[str, str]:
    """The checks of /readyz that are not ok, with their reasons."""
    await executor.wait_unready()
    async with aiohttp.ClientSession() as session, session.get(f"{await executor.http_url()}/readyz") as answer:
        checks = (await answer.json())["checks"]
    return {name: check["why"] for name, check in checks.items() if not check["ok"]}


@pytest.mark.parametrize("changed", [{"EXCHANGE_API_KEY": "wrong"}, {"EXCHANGE_API_SECRET": "wrong"}], ids=str)
async def test_a_key_that_the_exchange_refuses_makes_unready_and_is_told_once(
    sim: Simulator, env: dict[str, str], changed: dict[str, str]
) -> None:
    async with ServiceProcess("flatten_executor.main", {**env, **changed}) as executor:
        await executor.wait_line(REFUSED)
        reasons = await why_not(executor)

        assert (
            "rejects the key" in reasons["exchange"] or "-20" in reasons["exchange"] or "-1022" in reasons["exchange"]
        )
        assert executor.text.count(REFUSED) == 1


async def test_an_exchange_that_is_away_is_told_once_and_so_is_its_return(sim: Simulator, env: dict[str, str]) -> None:
    away = {"action": "drop_before", "match": {"path": "/fapi/v1/ping"}, "times": 0}
    await sim.faults(away)
    async with ServiceProcess("flatten_executor.main", env) as executor:
        await executor.wait_line("the exchange is not warm")
        before = len(await sim.requests())
        await sim.wait(requests=before + 25)
        await sim.clear_faults()
        await executor.wait_line("the exchange is warm again")
        await executor.wait_ready()

    assert executor.text.count("the exchange is not warm") == 1


async def test_settings_under_which_every_request_is_refused_make_unready_and_are_told_at_the_start(
    sim: Simulator, env: dict[str, str], tmp_path: Path
) -> None:
    reason = "the environment is live, and FLATTEN_ALLOW_LIVE is not FLATTEN_LIVE"
    live = {"EXCHANGE_ENV": "live", "OPERATORS_FILE": keep(tmp_path / "operators.toml")}
    async with ServiceProcess("flatten_executor.main", {**env, **live}) as executor:
        await executor.wait_line(f"every request will be refused: {reason}")

        assert (await why_not(executor))["settings"] == reason


async def test_an_operators_file_by_which_nobody_could_sign_makes_unready(
    sim: Simulator, env: dict[str, str], tmp_path: Path
) -> None:
    operators = keep(tmp_path / "operators.toml", an_entry(ALICE, "alice"), policy="signatures = 2")
    async with ServiceProcess("flatten_executor.main", {**env, "OPERATORS_FILE": operators}) as executor:
        await executor.wait_line("arms are verified: keys of alice")

        assert (
            "1 people have a valid key, and an arm needs the signatures of 2" in (await why_not(executor))["operators"]
        )


async def test_who_cannot_have_its_port_has_read_nothing(env: dict[str, str]) -> None:
    async with ServiceProcess("flatten_executor.main", env) as first:
        port = (await first.http_url()).rpartition(":")[2]
        async with ServiceProcess("flatten_executor.main", {**env, "HTTP_PORT": port}) as second:
            assert await second.wait() == 1

    said = [line for line in second.lines if "starting" not in line]
    assert len(said) == 1, second.text
    assert f"flatten-executor cannot start: HTTP_PORT={port}: 127.0.0.1:{port} is in use" in said[0]
