"""Signed arms, as the governor judges them: a process with an operators' file, on a real Redis (I2)."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from contracts.arming import (
    ArmAccepted,
    ArmAwaitingApproval,
    ArmDisarmed,
    ArmRefused,
    ArmRepeated,
    ArmRequested,
    Gate,
)
from contracts.streams import GOVERNOR_GROUP
from contracts.vocabulary import Environment
from runtime.redis_client import raw
from support.forgeries import FORGERIES, Forgery
from support.governing import a_governor
from support.operator import Operator
from support.people import ALICE, ALICES_SECOND, BOB, EVE, an_entry, keep
from support.processes import ServiceProcess

TWO = "signatures = 2"
YESTERDAY, TOMORROW = (datetime.fromtimestamp(datetime.now(UTC).timestamp() + days * 86_400, UTC) for days in (-1, 1))
Starting = Callable[..., ServiceProcess]


@pytest.fixture
def people(tmp_path: Path) -> Path:
    return tmp_path / "operators.toml"


@pytest.fixture
def governor(redis_url: str, namespace: str, latch: Path, people: Path) -> Starting:
    """`async with governor(entry, …, policy=…, VARIABLE=…)`: alice and bob may sign unless entries are given."""

    def starting(*entries: str, policy: str = "", **env: str) -> ServiceProcess:
        operators = keep(people, *entries, policy=policy)
        return a_governor(redis_url, namespace, latch, OPERATORS_FILE=operators, **env)

    return starting


async def the_refusal(operator: Operator, governor: ServiceProcess) -> tuple[list[Gate], str]:
    """The gates that refused, and what the gate of signatures saw."""
    (refused,) = await operator.wait_for(ArmRefused)
    assert await operator.requests() == [], governor.text
    assert await raw(operator.redis, "GET", operator.keys.arm) is None, "a refused arm is used up"
    seen = next(verdict.observed for verdict in refused.gates if verdict.gate is Gate.ARM_AUTHENTIC)
    return [verdict.gate for verdict in refused.gates if not verdict.passed], seen


async def test_a_signed_arm_fires_and_carries_its_signature_to_the_executor(
    operator: Operator, governor: Starting
) -> None:
    async with governor() as process:
        await operator.arm("arm-1", signers=[ALICE])
        (accepted,) = await operator.wait_for(ArmAccepted)
        await process.wait_line("arms are verified: keys of alice, bob")

    (request,) = await operator.requests()
    assert request.arm.signatures[0].key_id == ALICE.key_id
    assert "signed by alice (1 of 1)" in {verdict.observed for verdict in accepted.gates}


CHANGED: dict[str, Forgery] = {
    **FORGERIES,
    "a changed scope": lambda arm: replace(ALICE.sign(arm), scope=replace(arm.scope, symbols=("ETHUSDT",))),
    "a longer life": lambda arm: replace(ALICE.sign(arm), expires_at_ms=arm.expires_at_ms + 1),
    "another operator": lambda arm: replace(ALICE.sign(arm), operator="bob"),
    "another plan": lambda arm: replace(ALICE.sign(arm), plan_hash="0123"),
    "the signature of another arm": lambda arm: replace(
        arm, signatures=ALICE.sign(replace(arm, arm_id="arm-0")).signatures
    ),
}


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED)
async def test_i2_what_the_operator_did_not_sign_is_refused(
    operator: Operator, governor: Starting, change: Callable[[ArmRequested], ArmRequested]
) -> None:
    async with governor() as process:
        await operator.arm_with(change(await operator.an_arm("arm-1")))
        gates, _ = await the_refusal(operator, process)

    assert gates == [Gate.ARM_AUTHENTIC]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (an_entry(ALICE, "alice", revoked="true"), "is alice's and was revoked"),
        (an_entry(ALICE, "alice", revoked=YESTERDAY.isoformat()), "is alice's and was revoked"),
        (an_entry(ALICE, "alice", valid_until=YESTERDAY), "was valid until"),
        (an_entry(ALICE, "alice", valid_from=TOMORROW), "is not valid before"),
    ],
)
async def test_i2_a_key_that_is_revoked_expired_or_not_yet_valid_is_refused(
    operator: Operator, governor: Starting, entry: str, words: str
) -> None:
    async with governor(entry, an_entry(BOB, "bob")) as process:
        await operator.arm("arm-1", signers=[ALICE])
        gates, seen = await the_refusal(operator, process)

    assert gates == [Gate.ARM_AUTHENTIC]
    assert words in seen


@pytest.mark.parametrize(
    "fields", [{"account": "other"}, {"environment": Environment.TESTNET}], ids=["account", "environment"]
)
async def test_i2_a_signed_arm_for_another_account_or_environment_is_refused(
    operator: Operator, governor: Starting, fields: dict[str, Any]
) -> None:
    async with governor() as process:
        await operator.arm("arm-1", signers=[ALICE], **fields)
        gates, _ = await the_refusal(operator, process)

    assert gates == [Gate.ENVIRONMENT]


async def test_i2_a_signed_arm_that_is_replayed_never_fires_again(operator: Operator, governor: Starting) -> None:
    arm = await operator.an_arm("arm-1", signers=[ALICE])
    async with governor(FLATTEN_COOLDOWN_SECONDS="0"):
        await operator.arm_with(arm)
        await operator.wait_for(ArmAccepted)
        await operator.finish()
        await operator.arm_with(arm)
        await operator.wait_for(ArmRepeated)

    assert len(await operator.requests()) == 1


async def test_i2_a_signed_arm_whose_record_was_deleted_is_refused_once_it_has_expired(
    operator: Operator, governor: Starting
) -> None:
    now_ms = await operator.now_ms()
    old = await operator.an_arm("arm-1", signers=[ALICE], issued_at_ms=now_ms - 61_000, expires_at_ms=now_ms - 1_000)
    async with governor() as process:
        await operator.arm_with(old)
        gates, seen = await the_refusal(operator, process)

    assert (gates, seen) == ([Gate.ARM_UNUSED], "signed by alice (1 of 1)")


@pytest.mark.parametrize(("ahead_ms", "fires"), [(4_000, True), (60_000, False)])
async def test_i2_an_operators_clock_may_be_a_little_ahead_and_no_more(
    operator: Operator, governor: Starting, ahead_ms: int, *, fires: bool
) -> None:
    issued_at_ms = await operator.now_ms() + ahead_ms
    times: dict[str, Any] = {"issued_at_ms": issued_at_ms, "expires_at_ms": issued_at_ms + 60_000}
    async with governor() as process:
        await operator.arm("arm-1", signers=[ALICE], **times)
        if fires:
            await operator.wait_for(ArmAccepted)
        else:
            assert (await the_refusal(operator, process))[0] == [Gate.ARM_UNUSED]


async def test_a_revocation_works_for_the_next_arm_without_a_restart(
    operator: Operator, governor: Starting, people: Path
) -> None:
    async with governor() as process:
        await process.wait_ready()
        await asyncio.to_thread(keep, people, an_entry(ALICE, "alice", revoked="true"), an_entry(BOB, "bob"))
        await operator.arm("arm-1", signers=[ALICE])
        gates, seen = await the_refusal(operator, process)

    assert gates == [Gate.ARM_AUTHENTIC]
    assert "was revoked" in seen


async def test_a_file_that_goes_away_refuses_every_arm_and_makes_the_governor_unready(
    operator: Operator, governor: Starting, people: Path
) -> None:
    async with governor() as process:
        await process.wait_ready()
        await asyncio.to_thread(people.unlink)
        await operator.arm("arm-1", signers=[ALICE])
        gates, seen = await the_refusal(operator, process)
        await process.wait_line("no arm can be verified: OPERATORS_FILE=.* cannot be read: No such file")
        await process.wait_unready()

    assert gates == [Gate.ARM_AUTHENTIC]
    assert "cannot be read" in seen


async def test_where_two_must_sign_the_arm_waits_unused_and_fires_with_the_second_signature(
    operator: Operator, governor: Starting
) -> None:
    first = await operator.an_arm("arm-1", signers=[ALICE])
    async with governor(policy=TWO) as process:
        await operator.arm_with(first)
        (waiting,) = await operator.wait_for(ArmAwaitingApproval)
        assert await raw(operator.redis, "GET", operator.keys.arm) == b"arm-1"
        assert await raw(operator.redis, "HGET", operator.keys.fired, "arm-1") is None
        assert await operator.pending(GOVERNOR_GROUP) == 0
        await process.wait_line("ARM awaits approval arm_id=arm-1 signed_by=alice needed=2")
        await operator.publish(BOB.sign(first))
        (accepted,) = await operator.wait_for(ArmAccepted)

    (request,) = await operator.requests()
    assert (waiting.signed_by, waiting.needed, waiting.operator) == (("alice",), 2, "alice")
    assert waiting.expires_at_ms == first.expires_at_ms
    assert "signed by alice, bob (2 of 2)" in {verdict.observed for verdict in accepted.gates}
    assert len(request.arm.signatures) == 2
    assert await operator.events(ArmRefused) == []


@pytest.mark.parametrize(
    ("approver", "words"),
    [
        (ALICE, "alice's, whose signature is there already"),
        (ALICES_SECOND, "alice's, whose signature is there already"),
        (EVE, "is not among the operators' keys"),
    ],
)
async def test_i2_one_person_or_a_stranger_cannot_approve_and_the_arm_goes_on_waiting(
    operator: Operator, governor: Starting, approver: Any, words: str
) -> None:
    first = await operator.an_arm("arm-1", signers=[ALICE])
    entries = (an_entry(ALICE, "alice"), an_entry(ALICES_SECOND, "alice"), an_entry(BOB, "bob"))
    async with governor(*entries, policy=TWO):
        await operator.arm_with(approver.sign(first))
        (waiting,) = await operator.wait_for(ArmAwaitingApproval)
        await operator.publish(BOB.sign(first))
        await operator.wait_for(ArmAccepted)

    assert words in waiting.not_counted[0]


async def test_i2_an_approval_after_a_disarm_is_refused(operator: Operator, governor: Starting) -> None:
    first = await operator.an_arm("arm-1", signers=[ALICE])
    async with governor(policy=TWO) as process:
        await operator.arm_with(first)
        await operator.wait_for(ArmAwaitingApproval)
        await operator.disarm("arm-1")
        await operator.wait_for(ArmDisarmed)
        await operator.publish(BOB.sign(first))
        gates, _ = await the_refusal(operator, process)

    assert gates == [Gate.ARM_UNUSED]


async def test_an_arm_that_another_gate_refuses_does_not_wait_for_an_approval(
    operator: Operator, governor: Starting
) -> None:
    async with governor(policy=TWO, GOV_TESTNET_FORCE_FLATTEN="false") as process:
        await operator.arm("arm-1", signers=[ALICE])
        gates, _ = await the_refusal(operator, process)

    assert gates == [Gate.FORCE_FLAG, Gate.ARM_AUTHENTIC]
    assert await operator.events(ArmAwaitingApproval) == []


async def test_for_real_money_two_sign_without_a_word_in_the_file(operator: Operator, governor: Starting) -> None:
    first = await operator.an_arm("arm-1", signers=[ALICE], environment=Environment.LIVE)
    async with governor(EXCHANGE_ENV="live", FLATTEN_ALLOW_LIVE="FLATTEN_LIVE"):
        await operator.arm_with(first)
        await operator.wait_for(ArmAwaitingApproval)
        await operator.publish(BOB.sign(first))
        await operator.wait_for(ArmAccepted)


async def test_i3_for_real_money_signatures_do_not_stand_for_permission(operator: Operator, governor: Starting) -> None:
    async with governor(EXCHANGE_ENV="live") as process:
        await operator.arm("arm-1", signers=[ALICE, BOB], environment=Environment.LIVE)
        gates, _ = await the_refusal(operator, process)

    assert gates == [Gate.ENVIRONMENT]


async def test_without_a_file_it_starts_in_sim_and_says_that_arms_are_not_signed(
    redis_url: str, namespace: str, latch: Path
) -> None:
    async with a_governor(redis_url, namespace, latch) as process:
        await process.wait_line("ARMS ARE NOT SIGNED: OPERATORS_FILE is not set")
        await process.wait_ready()
