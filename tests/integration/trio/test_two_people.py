"""Two people flatten: one arms, another looks and approves, through every process."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from contracts.arming import ArmAwaitingApproval, ArmRequested
from contracts.flattening import RunVerdict
from runtime.redis_client import raw
from support.flatctl_process import Flatctl, finish
from support.keyring import PASSPHRASE, Keyring
from support.people import ALICES_SECRET
from support.trio import Trio

ARM = ("arm", "--yes", "--arm-id", "arm-1", "--reason", "drill")


@pytest.fixture
def policy() -> str:
    return "signatures = 2"


@pytest.fixture
def keyring(tmp_path: Path, policy: str) -> Keyring:
    return Keyring(tmp_path, policy=policy)


@pytest_asyncio.fixture
async def signed(trio: Trio, keyring: Keyring, tmp_path: Path) -> AsyncIterator[Trio]:
    """Governor and executor with the operators' file; the latch is set."""
    trio.env["OPERATORS_FILE"] = keyring.operators
    (tmp_path / "ESS_ON").touch()
    async with trio.service("governor") as governor, trio.service("executor") as executor:
        await governor.wait_ready()
        await executor.wait_ready()
        yield trio


def flatctl(trio: Trio, who: Mapping[str, str]) -> Flatctl:
    return Flatctl(**{**trio.env, **who})


async def test_one_arms_another_approves_and_the_account_is_flat(signed: Trio, keyring: Keyring) -> None:
    arming = asyncio.create_task(finish(await flatctl(signed, keyring.of("alice")).start(*ARM, "--wait")))
    await signed.events.wait_for(ArmAwaitingApproval)

    status = await flatctl(signed, keyring.of("bob"))("status")
    (command,) = re.findall(r"^   flatctl (approve arm-1)$", status.out, re.MULTILINE)
    approved = await flatctl(signed, keyring.of("bob"))(*command.split(), "--wait", typed="main\n")
    armed = await arming

    completed = await signed.events.verdict()
    assert (armed.code, approved.code) == (0, 0), f"{armed}\n{approved}"
    needs = r"arm-1 needs 1 more signature, of another person: flatctl approve arm-1 within (\d+) s"
    (left_s,) = re.findall(needs, armed.out)
    assert 60 < int(left_s) <= 300
    assert "1 of 2 people have signed: alice;" in status.out
    for fact in ("alice", "drill", "the WHOLE ACCOUNT", "main in sim", "expires in"):
        assert fact in approved.out.partition("approved: ")[0]
    assert "approved: arm-1 by bob" in approved.out
    assert completed.verdict is RunVerdict.FLAT
    assert await signed.sim.positions() == {}
    assert "verdict=flat" in armed.out
    assert "verdict=flat" in approved.out


@pytest.mark.parametrize("policy", ["signatures = 1"])
async def test_where_one_signs_one_command_flattens(signed: Trio, keyring: Keyring) -> None:
    armed = await flatctl(signed, keyring.of("alice"))(*ARM, "--wait")

    assert armed.code == 0, armed
    assert "armed: arm-1 by alice, signed with key " in armed.out
    assert await signed.sim.positions() == {}


async def test_without_wait_the_arm_says_that_it_waits_and_exits_with_4(signed: Trio, keyring: Keyring) -> None:
    armed = await flatctl(signed, keyring.of("alice"))(*ARM, "--json")
    again = await flatctl(signed, keyring.of("alice"))(*ARM)

    assert armed.code == again.code == 4
    assert '"outcome":"awaiting_approval"' in armed.out
    assert "arm-1 is signed by alice and was not approved yet: nothing is flattened" in armed.err
    assert "needs 1 more signature" in again.out
    assert len(await signed.events.events(ArmRequested)) == 1
    assert await signed.sim.orders() == []


@pytest.mark.parametrize(
    ("who", "code", "words"),
    [
        ("alice", 3, "arm-1 is alice's own arm; another person has to approve it"),
        ("alice-2", 3, "arm-1 is alice's own arm; another person has to approve it"),
        ("eve", 1, "is not in OPERATORS_FILE="),
    ],
)
async def test_i2_who_may_not_approve_is_told_so_and_nothing_happens(
    signed: Trio, keyring: Keyring, who: str, code: int, words: str
) -> None:
    await flatctl(signed, keyring.of("alice"))(*ARM)

    said = await flatctl(signed, keyring.of(who))("approve", "--yes")

    assert (said.code, said.err.count("\n")) == (code, 1), said
    assert words in said.err
    assert len(await signed.events.events(ArmRequested)) == 1


async def test_an_approval_that_is_not_confirmed_does_nothing(signed: Trio, keyring: Keyring) -> None:
    await flatctl(signed, keyring.of("alice"))(*ARM)

    said = await flatctl(signed, keyring.of("bob"))("approve", "arm-1", typed="mian\n")

    assert said.code == 3
    assert "'mian' is not the account 'main'" in said.err
    assert len(await signed.events.events(ArmRequested)) == 1


async def test_an_approver_without_the_file_cannot_slip_past_the_services_i2(signed: Trio, keyring: Keyring) -> None:
    await flatctl(signed, keyring.of("alice"))(*ARM)
    unknown = {**keyring.of("eve"), "OPERATORS_FILE": ""}

    said = await flatctl(signed, unknown)("approve", "--yes", "--operator", "bob")

    assert said.code == 4, said
    assert "WARNING: its signatures were not verified here: OPERATORS_FILE is not set here" in said.out
    assert "is not among the operators' keys" in said.out
    assert await signed.sim.orders() == []


async def test_after_a_disarm_there_is_nothing_to_approve(signed: Trio, keyring: Keyring) -> None:
    await flatctl(signed, keyring.of("alice"))(*ARM)
    await flatctl(signed, {})("disarm", "arm-1")

    said = await flatctl(signed, keyring.of("bob"))("approve", "arm-1", "--yes")

    assert said.code == 3
    assert "not approved: arm-1 is not armed" in said.err


async def test_i18_neither_passphrase_nor_private_key_is_anywhere(signed: Trio, keyring: Keyring) -> None:
    said = [await flatctl(signed, keyring.of("alice"))(*ARM)]
    said.append(await flatctl(signed, keyring.of("bob"))("approve", "--yes", "--wait"))
    said.append(await flatctl(signed, keyring.of("bob"))("status", "--json"))
    await signed.events.verdict()

    streams = [await raw(signed.events.redis, "XRANGE", signed.events.keys.stream(name), "-", "+")
               for name in ("flatten.arm", "flatten.requested", "flatten.completed", "flatten.audit")]  # fmt: skip
    texts = f"{said!r} {streams!r} " + " ".join(service.text for service in signed.services.values())
    assert "arm-1" in texts
    assert PASSPHRASE not in texts
    assert ALICES_SECRET.hex() not in texts
