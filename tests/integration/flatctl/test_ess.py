"""The emergency stop from the command line. In a file it needs no Redis."""

import json
from pathlib import Path

import pytest

from support.flatctl_process import Flatctl

NO_REDIS = "redis://127.0.0.1:1/0"


@pytest.fixture
def in_a_file(tmp_path: Path) -> Flatctl:
    return Flatctl.on(NO_REDIS, "test:ess", tmp_path)


async def test_a_latch_in_a_file_needs_no_redis(in_a_file: Flatctl, tmp_path: Path) -> None:
    said = await in_a_file("ess", "activate", "--operator", "alice", "--reason", "P2.9 breach")

    assert said.code == 0, said
    assert "SET: trading is stopped" in said.out
    record = json.loads((tmp_path / "ESS_ON").read_text())
    assert (record["operator"], record["reason"]) == ("alice", "P2.9 breach")


async def test_activating_twice_is_harmless(in_a_file: Flatctl) -> None:
    codes = [(await in_a_file("ess", "activate")).code for _ in range(2)]

    assert codes == [0, 0]


async def test_deactivating_asks_for_the_account(in_a_file: Flatctl, tmp_path: Path) -> None:
    await in_a_file("ess", "activate")
    refused = await in_a_file("ess", "deactivate", typed="wrong\n")
    assert refused.code == 3
    assert (tmp_path / "ESS_ON").exists()

    said = await in_a_file("ess", "deactivate", typed="main\n")
    assert said.code == 0
    assert not (tmp_path / "ESS_ON").exists()


async def test_deactivating_what_is_not_set_says_so(in_a_file: Flatctl) -> None:
    said = await in_a_file("ess", "deactivate", "--yes")

    assert said.code == 0
    assert "it was not set" in said.out


async def test_the_status_is_there_for_programs(in_a_file: Flatctl) -> None:
    before = json.loads((await in_a_file("ess", "status", "--json")).out)
    await in_a_file("ess", "activate")
    after = json.loads((await in_a_file("ess", "status", "--json")).out)

    assert (before["state"]["is_set"], after["state"]["is_set"]) == (False, True)


async def test_a_latch_in_redis_works_the_same(redis_url: str, namespace: str, tmp_path: Path) -> None:
    flatctl = Flatctl.on(redis_url, namespace, tmp_path)
    flatctl.environ["ESS_LATCH"] = f"redis:{namespace}:ess"

    assert (await flatctl("ess", "activate")).code == 0
    assert "is set" in (await flatctl("ess", "status")).out
    assert (await flatctl("ess", "deactivate", "--yes")).code == 0
    assert "not set" in (await flatctl("ess", "status")).out


async def test_a_latch_that_cannot_be_written_is_one_line(in_a_file: Flatctl, tmp_path: Path) -> None:
    (tmp_path / "occupied").touch()
    in_a_file.environ["ESS_LATCH"] = f"file:{tmp_path}/occupied/ESS_ON"
    said = await in_a_file("ess", "activate")

    assert said.code == 1
    assert "cannot be set" in said.err
    assert said.err.count("\n") == 1


async def test_a_latch_in_a_directory_that_is_not_there_is_refused_not_made(in_a_file: Flatctl, tmp_path: Path) -> None:
    in_a_file.environ["ESS_LATCH"] = f"file:{tmp_path}/qauntum/dir/ESS_ON"
    said = await in_a_file("ess", "activate")

    assert said.code == 1
    assert "SET: trading is stopped" not in said.out
    assert f"there is no directory {tmp_path}/qauntum/dir; if this is really the latch that" in said.err
    assert said.err.endswith(f"mkdir -p {tmp_path}/qauntum/dir\n")
    assert said.err.count("\n") == 1
    assert not (tmp_path / "qauntum").exists()


async def test_a_latch_that_cannot_be_read_is_loud(in_a_file: Flatctl, tmp_path: Path) -> None:
    (tmp_path / "ESS_ON").mkdir()
    said = await in_a_file("ess", "status")

    assert said.code == 4
    assert "ESS latch UNREADABLE (counts as not set): " in said.out
    assert "cannot be read, and counts as not set" in said.err


async def test_a_latch_in_a_redis_that_is_away_is_not_called_unset(in_a_file: Flatctl) -> None:
    in_a_file.environ["ESS_LATCH"] = "redis:quantum:ess:active"
    said = await in_a_file("ess", "status")

    assert said.code == 4
    assert "ESS latch UNREADABLE (counts as not set): redis:quantum:ess:active cannot be read" in said.out
    assert "ESS latch not set" not in said.out


@pytest.mark.parametrize("command", [("status",), ("activate",), ("deactivate", "--yes")], ids=" ".join)
async def test_whose_trading_it_is_about_is_said_first(in_a_file: Flatctl, command: tuple[str, ...]) -> None:
    said = await in_a_file("ess", *command)

    assert said.out.startswith("environment SIM (not real money)   account main   namespace test:ess\n")
