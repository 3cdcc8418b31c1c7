"""Arming with a key, and approving: what flatctl signs, and what it refuses to."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from authority.keys import Signer
from authority.verdict import judge
from contracts.arming import ArmRequested, Signature
from contracts.vocabulary import Environment
from support.arms import a_wait
from support.flatctl_process import Flatctl, finish
from support.keyring import PASSPHRASE, Keyring
from support.people import ALICE, BOB, EVE, an_entry, operators
from support.scribe import Scribe
from support.terminal import in_a_terminal

FLATCTL = (sys.executable, "-m", "flatctl.main")
ARM = ("arm", "--yes", "--arm-id", "arm-1", "--timeout", "1")
"""Nobody judges here: it gives up after a second."""


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring(tmp_path, policy="signatures = 2")


async def the_arms(scribe: Scribe) -> list[ArmRequested]:
    return await scribe.events(ArmRequested)


async def test_the_arm_is_signed_by_its_operator_whose_name_is_the_keys(
    flatctl: Flatctl, scribe: Scribe, keyring: Keyring
) -> None:
    flatctl.environ |= keyring.of("alice")

    assert (await flatctl(*ARM, "--symbols", "ethusdt", "--reason", "é")).code == 4

    (arm,) = await the_arms(scribe)
    found = judge(arm, operators(), Environment.SIM, await scribe.now_ms())
    assert (arm.operator, found.signed_by, found.enough) == ("alice", ("alice",), True)


@pytest.mark.parametrize(
    ("changed", "arguments", "words"),
    [
        ({"OPERATOR_KEY_FILE": "", "EXCHANGE_ENV": "testnet"}, (), "in testnet arms are signed, and OPERATOR_KEY_FILE"),
        ({"OPERATOR_KEY_FILE": "", "EXCHANGE_ENV": "live"}, (), "in live arms are signed, and OPERATOR_KEY_FILE"),
        ({"OPERATOR_KEY_FILE": ""}, (), "OPERATORS_FILE is set, so that unsigned arms are refused"),
        ({"OPERATOR_KEY_PASSPHRASE": "another passphrase"}, (), "the passphrase does not open"),
        ({"OPERATOR_KEY_PASSPHRASE": ""}, (), "nobody can be asked for a passphrase here"),
        ({"OPERATOR_KEY_FILE": "/nowhere/key.pem"}, (), "'/nowhere/key.pem' cannot be read: No such file"),
        ({}, ("--operator", "bob"), "is alice's, not bob's"),
    ],
)
async def test_without_the_right_key_nothing_is_armed_and_one_line_says_why(
    flatctl: Flatctl, scribe: Scribe, keyring: Keyring, changed: dict[str, str], arguments: tuple[str, ...], words: str
) -> None:
    flatctl.environ |= {**keyring.of("alice"), **changed}

    said = await flatctl(*ARM, *arguments)

    assert (said.code, said.err.count("\n")) == (1, 1), said
    assert words in said.err
    assert await the_arms(scribe) == []


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (an_entry(ALICE, "alice", revoked="true"), "is alice's and was revoked"),
        (an_entry(ALICE, "alice", valid_until="2021-01-01T00:00:00Z"), "was valid until"),
        (an_entry(EVE, "alice"), "is not in OPERATORS_FILE="),
    ],
)
async def test_a_key_that_would_be_refused_arms_nothing(
    flatctl: Flatctl, scribe: Scribe, tmp_path: Path, entry: str, words: str
) -> None:
    flatctl.environ |= Keyring(tmp_path, entry, an_entry(BOB, "bob")).of("alice")

    said = await flatctl(*ARM)

    assert (said.code, said.err.count("\n")) == (1, 1), said
    assert words in said.err
    assert await the_arms(scribe) == []


async def test_a_file_that_cannot_be_read_here_stops_no_arm(flatctl: Flatctl, scribe: Scribe, keyring: Keyring) -> None:
    flatctl.environ |= {**keyring.of("alice"), "OPERATORS_FILE": "/nowhere/operators.toml"}

    said = await flatctl(*ARM, "--operator", "alice")

    assert said.code == 4
    assert "WARNING: OPERATORS_FILE='/nowhere/operators.toml' cannot be read" in said.err
    assert [arm.signatures[0].key_id for arm in await the_arms(scribe)] == [ALICE.key_id]


async def test_a_person_is_asked_for_the_passphrase_unseen_again_when_it_was_wrong_and_then_for_the_account(
    flatctl: Flatctl, scribe: Scribe, keyring: Keyring
) -> None:
    flatctl.environ |= {**keyring.of("alice"), "OPERATOR_KEY_PASSPHRASE": ""}
    asked = [("Passphrase of", "mistyped by me"), ("Passphrase of", PASSPHRASE), ("Type the account's name", "main")]

    seen = await in_a_terminal(*FLATCTL, "arm", "--timeout", "1", environ=flatctl.environ, columns=200, typed=asked)

    assert seen.code == 4, seen.text
    assert "does not open" in seen.text
    assert PASSPHRASE not in seen.raw
    assert "mistyped by me" not in seen.raw
    assert [arm.signatures[0].key_id for arm in await the_arms(scribe)] == [ALICE.key_id]


async def test_a_new_passphrase_is_typed_twice_and_not_shown(flatctl: Flatctl, tmp_path: Path) -> None:
    asked = [
        ("A passphrase for the new key", "short"),
        ("A passphrase for the new key", PASSPHRASE),
        ("The same again", "something else"),
        ("A passphrase for the new key", PASSPHRASE),
        ("The same again", PASSPHRASE),
    ]
    command = (*FLATCTL, "keys", "generate", "--operator", "alice", "--out", str(tmp_path / "a.pem"))

    seen = await in_a_terminal(*command, environ=flatctl.environ, columns=200, typed=asked)

    assert seen.code == 0, seen.text
    assert "at least 12 characters; try again" in seen.text
    assert "these two are not the same; try again" in seen.text
    assert PASSPHRASE not in seen.raw


async def approve(flatctl: Flatctl, keyring: Keyring, who: str = "bob", **changed: str) -> tuple[int, str, str]:
    flatctl.environ |= {**keyring.of(who), **changed}
    said = await flatctl("approve", "--yes", "--timeout", "1")
    return said.code, said.out, said.err


async def test_an_approval_signs_the_same_bytes_and_keeps_the_first_signature(
    flatctl: Flatctl, scribe: Scribe, keyring: Keyring
) -> None:
    first = await scribe.an_arm("arm-1", signers=[ALICE])
    await scribe.arm_with(first)

    code, _, _ = await approve(flatctl, keyring)

    assert code == 4, "nobody judges here"
    assert (await the_arms(scribe))[1] == BOB.sign(first)


async def test_a_forged_entry_with_the_same_id_is_passed_over_i2(
    flatctl: Flatctl, scribe: Scribe, keyring: Keyring
) -> None:
    first = await scribe.an_arm("arm-1", signers=[ALICE])
    await scribe.arm_with(first)
    junk = (Signature(key_id=ALICE.key_id, signature="A" * 86), Signature(key_id="x", signature="y"))
    await scribe.publish(replace(first, reason="forged"))
    await scribe.publish(replace(first, signatures=junk))

    _, out, _ = await approve(flatctl, keyring)

    assert "forged" not in out
    assert (await the_arms(scribe))[-1] == BOB.sign(first)


@pytest.mark.parametrize("operators_file", [True, False])
async def test_i2_two_different_arms_of_one_id_are_not_approved(
    flatctl: Flatctl, scribe: Scribe, keyring: Keyring, *, operators_file: bool
) -> None:
    first = await scribe.an_arm("arm-1", signers=[ALICE])
    await scribe.arm_with(first)
    await scribe.publish(ALICE.sign(replace(first, reason="another", signatures=())))
    changed = {} if operators_file else {"OPERATORS_FILE": ""}

    code, _, err = await approve(flatctl, keyring, "bob", **changed)

    assert code == 3
    assert "two different arms have this id. Do not trust it" in err
    assert len(await the_arms(scribe)) == 2


@pytest.mark.parametrize("signers", [[], [EVE], [BOB]], ids=["nobody", "a stranger", "another"])
async def test_i2_an_arm_that_its_operator_did_not_sign_is_not_approved(
    flatctl: Flatctl, scribe: Scribe, keyring: Keyring, signers: list[Signer]
) -> None:
    await scribe.arm("arm-1", signers=signers)

    code, _, err = await approve(flatctl, keyring)

    assert code == 3
    assert "no entry of it holds its operator's valid signature" in err
    assert len(await the_arms(scribe)) == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"account": "other"}, "is for account other in sim"),
        ({"environment": Environment.TESTNET}, "is for account main in testnet"),
        ({"expires_at_ms": 1}, "arm-1 has expired"),
    ],
)
async def test_i2_an_arm_for_somebody_else_or_too_late_is_not_approved(
    flatctl: Flatctl, scribe: Scribe, keyring: Keyring, fields: dict[str, Any], words: str
) -> None:
    await scribe.arm_with(await scribe.an_arm("arm-1", signers=[ALICE], **fields))

    code, _, err = await approve(flatctl, keyring)

    assert code == 3
    assert words in err
    assert len(await the_arms(scribe)) == 1


@pytest.mark.parametrize(
    ("who", "signers", "words"),
    [
        ("alice", [ALICE], "alice's own arm"),
        ("alice-2", [ALICE], "alice's own arm"),
        ("bob", [ALICE, BOB], "bob has signed arm-1 already"),
    ],
)
async def test_i2_nobody_signs_twice(
    flatctl: Flatctl, scribe: Scribe, keyring: Keyring, who: str, signers: list[Signer], words: str
) -> None:
    await scribe.arm("arm-1", signers=signers)

    code, _, err = await approve(flatctl, keyring, who)

    assert code == 3
    assert words in err
    assert len(await the_arms(scribe)) == 1


async def test_with_nothing_armed_there_is_nothing_to_approve(
    flatctl: Flatctl, scribe: Scribe, keyring: Keyring
) -> None:
    code, _, err = await approve(flatctl, keyring)

    assert code == 3
    assert "not approved: nothing is armed" in err


async def test_without_a_key_there_is_nothing_to_approve_with(flatctl: Flatctl, scribe: Scribe) -> None:
    await scribe.arm("arm-1")

    said = await flatctl("approve", "--yes")

    assert said.code == 1
    assert "there is nothing to sign with; set OPERATOR_KEY_FILE" in said.err


async def test_an_unsigned_arm_in_sim_is_as_it_was(flatctl: Flatctl, scribe: Scribe) -> None:
    assert (await flatctl(*ARM)).code == 4

    assert [arm.signatures for arm in await the_arms(scribe)] == [()]


async def test_another_arm_than_the_armed_one_is_not_approved(
    flatctl: Flatctl, scribe: Scribe, keyring: Keyring
) -> None:
    await scribe.arm("arm-1", signers=[ALICE])
    flatctl.environ |= keyring.of("bob")

    said = await flatctl("approve", "arm-2", "--yes")

    assert said.code == 3
    assert "not approved: arm-2 is not armed" in said.err
    assert len(await the_arms(scribe)) == 1


async def test_an_arm_that_nobody_approves_in_time_ends_with_3_and_says_that_it_can_never_fire(
    flatctl: Flatctl, scribe: Scribe, keyring: Keyring
) -> None:
    flatctl.environ |= keyring.of("alice")
    process = await flatctl.start("arm", "--yes", "--arm-id", "arm-1", "--wait")
    ended = asyncio.create_task(finish(process))
    await scribe.wait_for(ArmRequested)
    await scribe.tell(replace(a_wait(), expires_at_ms=await scribe.now_ms() + 200))

    said = await ended

    assert said.code == 3, said
    assert "arm-1: nobody else approved it in time; it can never fire" in said.err
