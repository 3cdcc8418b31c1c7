"""An arm for one symbol of an account with 44 positions: nobody reads of it that the account is flat."""

import re

import pytest

from support.trio import Trio

ARM = ("arm", "--yes", "--wait", "--operator", "alice", "--reason", "drill", "--symbols", "ETHUSDT")


@pytest.mark.parametrize("everything", [("governor", "executor")])
async def test_what_is_outside_the_scope_is_told_before_the_order_with_the_verdict_and_in_the_status(
    running: Trio,
) -> None:
    async with running.flatctl("ess", "activate", "--operator", "alice") as command:
        assert await command.wait() == 0, command.text
    async with running.flatctl(*ARM) as command:
        code = await command.wait()
    async with running.flatctl("status") as status:
        await status.wait()

    assert code == 0, command.text
    assert len(await running.sim.positions()) == 43
    assert "every open position in ETHUSDT is closed with market orders that can only reduce it" in command.text
    assert "NO OTHER is touched, and what is open there stays open" in command.text
    inside = r"within the arm's scope: nothing \(exchange read at .* UTC\); 43 positions outside it were not touched"
    assert re.search(f"STILL OPEN {inside}", command.text), command.text
    (named,) = (line for line in command.lines if line.startswith("not touched, outside the arm's scope: "))
    assert named.endswith(" and 33 more (flatctl positions)")
    assert named.count("USD") == 10
    assert "its scope         only 1 symbol: ETHUSDT" in status.text, status.text
    assert re.search(f"STILL OPEN then   {inside}", status.text), status.text
