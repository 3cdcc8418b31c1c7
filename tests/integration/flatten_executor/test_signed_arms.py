"""Whoever can write to Redis can forge a request and the governor's record, and still flattens nothing (I2, I3)."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from contracts.arming import ArmRequested, FlattenRequested
from contracts.flattening import FlattenCompleted, RunVerdict
from contracts.vocabulary import Environment
from runtime.redis_client import raw
from support.forgeries import FORGERIES, Forgery
from support.people import ALICE, ALICES_SECOND, BOB, EVE, an_entry, keep
from support.processes import ServiceProcess
from support.requester import Requester
from support.scenes import ETH
from support.sim import Simulator

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
ENTRIES = (an_entry(ALICE, "alice"), an_entry(ALICES_SECOND, "alice"), an_entry(BOB, "bob"))
Starting = Callable[..., ServiceProcess]


@pytest.fixture
def people(tmp_path: Path) -> Path:
    return tmp_path / "operators.toml"


@pytest.fixture
def starting(env: dict[str, str], people: Path) -> Starting:
    """An executor with an operators' file of its own: alice and bob may sign unless entries are given."""

    def of(*entries: str, policy: str = "", **changed: str) -> ServiceProcess:
        operators = keep(people, *(entries or ENTRIES), policy=policy)
        return ServiceProcess("flatten_executor.main", {**env, "OPERATORS_FILE": operators, **changed})

    return of


async def nothing_is_sent(governor: Requester, sim: Simulator, count: int = 1) -> str:
    """Why."""
    completed = await governor.verdict(count)
    assert completed.verdict is RunVerdict.ABORTED
    assert await sim.orders() == []
    assert len(completed.residual) == 44, "what is open is reported all the same"
    return completed.abort_reason


async def test_a_signed_arm_flattens(sim: Simulator, starting: Starting, governor: Requester) -> None:
    await sim.scenario(positions=[ETH])
    async with starting() as executor:
        await executor.wait_line("arms are verified: keys of alice, bob")
        await governor.request(arm=await governor.an_arm("arm-1", signers=[ALICE]))
        completed = await governor.verdict()

    assert completed.verdict is RunVerdict.FLAT
    assert await sim.positions() == {}


FORGED: dict[str, Forgery] = {
    **FORGERIES,
    "a wider scope": lambda arm: replace(
        arm, signatures=ALICE.sign(replace(arm, scope=replace(arm.scope, symbols=("ETHUSDT",)))).signatures
    ),
    "another id, so that it can run again": lambda arm: replace(
        arm, signatures=ALICE.sign(replace(arm, arm_id="arm-0")).signatures
    ),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
async def test_i2_i3_a_forged_request_with_a_forged_record_sends_nothing(
    sim: Simulator, starting: Starting, governor: Requester, forge: Callable[[ArmRequested], ArmRequested]
) -> None:
    async with starting():
        await governor.request(arm=forge(await governor.an_arm("arm-1")))
        reason = await nothing_is_sent(governor, sim)

    assert reason.startswith("the arm is not authentic: ")


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (an_entry(ALICE, "alice", revoked="true"), "is alice's and was revoked"),
        (an_entry(ALICE, "alice", valid_until=NOW - DAY), "was valid until"),
        (an_entry(ALICE, "alice", valid_from=NOW + DAY), "is not valid before"),
    ],
)
async def test_i2_a_key_that_is_revoked_expired_or_not_yet_valid_sends_nothing(
    sim: Simulator, starting: Starting, governor: Requester, entry: str, words: str
) -> None:
    async with starting(entry, an_entry(BOB, "bob")):
        await governor.request(arm=await governor.an_arm("arm-1", signers=[ALICE]))

        assert words in await nothing_is_sent(governor, sim)


@pytest.mark.parametrize("fields", [{"account": "other"}, {"environment": Environment.TESTNET}], ids=str)
async def test_i2_a_signed_arm_for_another_account_or_environment_sends_nothing(
    sim: Simulator, starting: Starting, governor: Requester, fields: dict[str, Any]
) -> None:
    async with starting():
        await governor.request(arm=await governor.an_arm("arm-1", signers=[ALICE], **fields))

        assert (await nothing_is_sent(governor, sim)).startswith(f"the request is for {next(iter(fields))}")


@pytest.mark.parametrize(
    ("issued_ms", "life_ms", "words"),
    [
        (-70_000, 60_000, "not decided in the time for which the arm was made"),
        (60_000, 60_000, "not decided in the time for which the arm was made"),
        (-1_000, 86_400_000, "valid for 86400000 ms, more than the 300000"),
    ],
    ids=["expired", "from the future", "for a day"],
)
async def test_i2_a_signed_arm_out_of_its_time_sends_nothing_whatever_the_request_says(
    sim: Simulator, starting: Starting, governor: Requester, issued_ms: int, life_ms: int, words: str
) -> None:
    issued_at_ms = await governor.now_ms() + issued_ms
    times: dict[str, Any] = {"issued_at_ms": issued_at_ms, "expires_at_ms": issued_at_ms + life_ms}
    async with starting():
        await governor.request(arm=await governor.an_arm("arm-1", signers=[ALICE], **times))

        assert words in await nothing_is_sent(governor, sim)


async def test_i2_where_two_must_sign_one_person_is_not_enough_whoever_says_that_it_passed(
    sim: Simulator, starting: Starting, governor: Requester
) -> None:
    async with starting(policy="signatures = 2"):
        await governor.request(arm=await governor.an_arm("arm-1", signers=[ALICE, ALICES_SECOND]))

        assert "signed by alice (1 of 2)" in await nothing_is_sent(governor, sim)


async def test_where_two_must_sign_two_people_flatten(sim: Simulator, starting: Starting, governor: Requester) -> None:
    await sim.scenario(positions=[ETH])
    async with starting(policy="signatures = 2"):
        await governor.request(arm=await governor.an_arm("arm-1", signers=[ALICE, BOB]))

        assert (await governor.verdict()).verdict is RunVerdict.FLAT


async def test_i2_a_replayed_request_sends_nothing_again_under_its_own_and_under_another_id(
    sim: Simulator, starting: Starting, governor: Requester
) -> None:
    await sim.scenario(positions=[ETH])
    async with starting() as executor:
        request = await governor.request(arm=await governor.an_arm("arm-1", signers=[ALICE]))
        await governor.verdict()
        sent = len(await sim.orders())
        await sim.scenario(positions=[ETH])
        await governor.publish_request(request)
        await executor.wait_line("repeat ignored")
        other = replace(request, request_id="req-other", requested_at_ms=await governor.now_ms())
        await governor.mark_fired(other)
        await governor.publish_request(other)
        completed = await governor.verdict(2)

    assert sent == 1
    assert completed.abort_reason == f"the arm can only become {request.request_id!r}, not 'req-other'"
    assert len(await sim.orders()) == sent, "the second one sent nothing"
    assert len(await governor.events(FlattenCompleted)) == 2


async def test_a_revocation_works_for_the_next_request_without_a_restart(
    sim: Simulator, starting: Starting, governor: Requester, people: Path
) -> None:
    async with starting() as executor:
        await executor.wait_ready()
        await asyncio.to_thread(keep, people, an_entry(ALICE, "alice", revoked="true"), an_entry(BOB, "bob"))
        await governor.request(arm=await governor.an_arm("arm-1", signers=[ALICE]))

        assert "was revoked" in await nothing_is_sent(governor, sim)


async def test_a_file_that_goes_away_sends_nothing_and_makes_the_executor_unready(
    sim: Simulator, starting: Starting, governor: Requester, people: Path
) -> None:
    async with starting() as executor:
        await executor.wait_ready()
        await asyncio.to_thread(people.unlink)
        await governor.request(arm=await governor.an_arm("arm-1", signers=[ALICE]))

        assert (await nothing_is_sent(governor, sim)).startswith("the arm cannot be verified: OPERATORS_FILE=")
        await executor.wait_line("no arm can be verified: OPERATORS_FILE=.* cannot be read: No such file")
        await executor.wait_unready()


async def test_no_signature_is_in_what_the_executor_says_i18(
    sim: Simulator, starting: Starting, governor: Requester
) -> None:
    arm = await governor.an_arm("arm-1", signers=[EVE])
    async with starting() as executor:
        await governor.request(arm=arm)
        reason = await nothing_is_sent(governor, sim)

    audit = await raw(governor.redis, "XRANGE", governor.keys.stream("flatten.audit"), "-", "+")
    (request,) = await governor.events(FlattenRequested)
    assert arm.signatures[0].signature not in f"{executor.text} {reason} {audit!r}"
    assert request.arm == arm


async def test_without_a_file_it_starts_in_sim_and_says_that_arms_are_not_signed(env: dict[str, str]) -> None:
    async with ServiceProcess("flatten_executor.main", env) as executor:
        await executor.wait_line("ARMS ARE NOT SIGNED: OPERATORS_FILE is not set")
        await executor.wait_ready()
