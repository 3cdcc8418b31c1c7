"""Past arms from the record, whatever of it is there."""

import json

from contracts.arming import ArmAccepted, ArmAwaitingApproval, ArmDisarmed, ArmRequested, Gate
from contracts.flattening import RunVerdict
from runtime.redis_client import raw
from support.arms import a_disarm
from support.flatctl_process import Flatctl
from support.run_events import accepted, completed, refused, residual
from support.scribe import Scribe


async def an_arm_and_its_run(scribe: Scribe, number: int, *left: str, verdict: RunVerdict = RunVerdict.FLAT) -> None:
    await scribe.publish(await scribe.an_arm(f"arm-{number}"))
    ended = completed(
        verdict,
        left=[residual(symbol, "9.1", "31361") for symbol in left],
        request_id=f"req-{number}",
        arm_id=f"arm-{number}",
    )
    await scribe.tell(accepted(f"req-{number}", f"arm-{number}"), ended)


async def test_the_newest_arm_comes_first_with_its_decision_its_run_and_what_it_left_open(
    flatctl: Flatctl, scribe: Scribe
) -> None:
    await an_arm_and_its_run(scribe, 1)
    await an_arm_and_its_run(scribe, 2, "ETHUSDT", verdict=RunVerdict.NOT_FLAT)
    await scribe.publish(await scribe.an_arm("arm-3"))
    await scribe.tell(refused(Gate.COOLDOWN, Gate.ESS_LATCH, arm_id="arm-3"))
    await scribe.publish(await scribe.an_arm("arm-4"))
    said = await flatctl("history")

    assert said.code == 0, said
    lines = {line.split()[3]: line for line in said.out.splitlines() if " arm-" in line}
    assert list(lines) == ["arm-4", "arm-3", "arm-2", "arm-1"]
    assert "alice: drill" in lines["arm-1"]
    assert "NOT JUDGED" in lines["arm-4"]
    assert "REFUSED by ess_latch (ess_latch as seen), cooldown (cooldown as seen)" in lines["arm-3"]
    assert "no run" in lines["arm-3"]
    assert "verdict=not_flat (req-2)" in lines["arm-2"]
    assert "1 positions, $31,361.00" in lines["arm-2"]
    assert "ok=2 errors=0 verdict=flat (req-1)" in lines["arm-1"]
    assert "nothing (exchange read at" in lines["arm-1"]
    assert said.out.splitlines()[-1] == "STILL OPEN after the last run: 1 positions, $31,361.00: ETHUSDT"


async def test_only_so_many_are_shown_as_are_asked_for(flatctl: Flatctl, scribe: Scribe) -> None:
    for number in range(5):
        await an_arm_and_its_run(scribe, number)
    said = await flatctl("history", "--limit", "2", "--json")

    arms = json.loads(said.out)["arms"]
    assert [(arm["arm_id"], arm["outcome"], arm["run"]["verdict"]) for arm in arms] == [
        ("arm-4", "accepted", "flat"),
        ("arm-3", "accepted", "flat"),
    ]


async def test_an_arm_that_was_taken_back_is_shown_so_and_one_that_had_fired_is_not(
    flatctl: Flatctl, scribe: Scribe
) -> None:
    def taken_back(arm_id: str, first_outcome: str) -> ArmDisarmed:
        disarm = a_disarm(arm_id)
        return ArmDisarmed(
            arm_id=arm_id,
            operator=disarm.operator,
            reason=disarm.reason,
            first_outcome=first_outcome,
            disarmed_at_ms=disarm.issued_at_ms,
        )

    await scribe.publish(await scribe.an_arm("arm-1"))
    await scribe.tell(taken_back("arm-1", ""))
    await an_arm_and_its_run(scribe, 2)
    await scribe.tell(taken_back("arm-2", "fired"))
    said = await flatctl("history", "--json")

    arms = json.loads(said.out)["arms"]
    assert [(arm["arm_id"], arm["outcome"]) for arm in arms] == [("arm-2", "accepted"), ("arm-1", "disarmed")]


async def test_an_arm_that_nobody_approved_says_whose_signature_it_has(flatctl: Flatctl, scribe: Scribe) -> None:
    arm = await scribe.an_arm("arm-1")
    await scribe.publish(arm)
    waiting = ArmAwaitingApproval(
        arm_id="arm-1",
        operator="alice",
        reason="drill",
        signed_by=("alice",),
        needed=2,
        expires_at_ms=arm.expires_at_ms,
        seen_at_ms=arm.issued_at_ms,
    )
    await scribe.tell(waiting)
    said = await flatctl("history")

    assert "NOT APPROVED: it waits, or expired; signed by alice, 2 needed" in said.out


async def test_a_run_without_a_verdict_leaves_an_unknown_open(flatctl: Flatctl, scribe: Scribe) -> None:
    await an_arm_and_its_run(scribe, 1)
    await scribe.publish(await scribe.an_arm("arm-2"))
    await scribe.tell(accepted("req-2", "arm-2"))
    stopped = await flatctl("history")
    await raw(scribe.redis, "SET", scribe.keys.active, "req-2")
    flying = await flatctl("history")

    assert "accepted, NO VERDICT (req-2)" in stopped.out
    assert "accepted, IN FLIGHT (req-2)" in flying.out
    for said in (stopped, flying):
        assert said.out.splitlines()[-1].startswith("STILL OPEN: unknown, req-2 has no verdict")


async def test_a_run_whose_arm_is_not_on_record_any_more_is_shown_all_the_same(
    flatctl: Flatctl, scribe: Scribe
) -> None:
    await an_arm_and_its_run(scribe, 1, "ETHUSDT", verdict=RunVerdict.NOT_FLAT)
    await raw(scribe.redis, "XTRIM", scribe.keys.of(ArmRequested), "MAXLEN", 0)
    await raw(scribe.redis, "XTRIM", scribe.keys.of(ArmAccepted), "MAXLEN", 0)
    said = await flatctl("history", "--json")

    (arm,) = json.loads(said.out)["arms"]
    assert (arm["arm_id"], arm["outcome"], arm["scope"], arm["operator"]) == ("arm-1", "accepted", None, "")
    assert arm["run"]["residual"][0]["symbol"] == "ETHUSDT"


async def test_what_cannot_be_read_is_counted_and_hides_nothing_else(flatctl: Flatctl, scribe: Scribe) -> None:
    await an_arm_and_its_run(scribe, 1)
    await raw(scribe.redis, "XADD", scribe.keys.of(ArmRequested), "*", "no", "event")
    said = await flatctl("history")

    assert said.code == 0
    assert "WARNING: 1 entries cannot be read by this version" in said.out
    assert "verdict=flat (req-1)" in said.out


async def test_an_empty_record_is_told(flatctl: Flatctl) -> None:
    said = await flatctl("history")

    assert said.code == 0
    assert said.out.splitlines()[-1] == "no run among these; what is open now: flatctl positions"
