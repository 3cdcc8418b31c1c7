"""`status` shows the arm that waits for a second person: whose it is, how long it lives, and what is to be typed."""

import json
import re

from msgspec.structs import replace

from contracts.arming import ArmAwaitingApproval
from runtime.redis_client import raw
from support.arms import a_wait
from support.flatctl_process import Flatctl
from support.run_events import accepted
from support.scribe import Scribe


async def waits(scribe: Scribe, arm_id: str, left_ms: int = 200_000, armed: str = "") -> ArmAwaitingApproval:
    """The arm is armed, and the governor said that it waits."""
    await raw(scribe.redis, "SET", scribe.keys.arm, armed or arm_id, "EX", 200)
    word = replace(a_wait(arm_id), needed=3, expires_at_ms=await scribe.now_ms() + left_ms)
    await scribe.tell(word)
    return word


async def test_it_is_shown_with_whose_it_is_how_many_signed_how_long_and_the_command(
    flatctl: Flatctl, scribe: Scribe
) -> None:
    await waits(scribe, "arm-7")
    await scribe.tell(replace(await waits(scribe, "arm-7"), signed_by=("alice", "carol")))

    said = await flatctl("status")
    found = json.loads((await flatctl("status", "--json")).out)["unapproved"]

    left = r"2 of 3 people have signed: alice, carol; (3 min \d+ s|\d+\.\d s) left\n"
    assert re.search(rf"^AN ARM WAITS FOR APPROVAL: arm-7 of alice \(drill\); {left}", said.out, re.MULTILINE), said.out
    assert "\n   flatctl approve arm-7\n" in said.out
    assert (found["arm_id"], found["operator"], found["signed_by"], found["needed"]) == (
        "arm-7", "alice", ["alice", "carol"], 3,
    )  # fmt: skip
    assert 0 < found["left_ms"] < 200_000
    assert found["command"] == "flatctl approve arm-7"


async def test_what_does_not_wait_is_not_shown_as_waiting(flatctl: Flatctl, scribe: Scribe) -> None:
    seen = {"nothing is armed": await flatctl("status", "--json")}
    await waits(scribe, "arm-6", armed="arm-7")
    seen["another is armed"] = await flatctl("status", "--json")
    await waits(scribe, "arm-8", left_ms=0)
    seen["expired"] = await flatctl("status", "--json")
    await waits(scribe, "arm-9")
    await scribe.tell(accepted(arm_id="arm-9"))
    seen["decided"] = await flatctl("status", "--json")

    assert {name: json.loads(said.out)["unapproved"] for name, said in seen.items()} == dict.fromkeys(seen)
