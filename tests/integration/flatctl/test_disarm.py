"""Taking an arm back."""

from pathlib import Path

from contracts.arming import ArmDisarmed, DisarmRequested
from runtime.redis_client import raw
from support.flatctl_process import Flatctl
from support.governing import a_governor
from support.run_events import accepted
from support.scribe import Scribe


async def test_a_disarm_empties_the_key_and_goes_on_record(flatctl: Flatctl, scribe: Scribe) -> None:
    await raw(scribe.redis, "SET", scribe.keys.arm, "arm-1", "EX", 60)
    said = await flatctl("disarm", "--operator", "bob", "--reason", "changed my mind")

    assert said.code == 0, said
    assert "disarmed: arm-1" in said.out
    assert await raw(scribe.redis, "GET", scribe.keys.arm) is None
    (event,) = await scribe.events(DisarmRequested)
    assert (event.arm_id, event.operator, event.reason) == ("arm-1", "bob", "changed my mind")


async def test_another_arm_is_left_alone(flatctl: Flatctl, scribe: Scribe) -> None:
    await raw(scribe.redis, "SET", scribe.keys.arm, "arm-of-bob", "EX", 60)
    said = await flatctl("disarm", "arm-1")

    assert said.code == 0
    assert "arm-1 was not armed any more" in said.out
    assert await raw(scribe.redis, "GET", scribe.keys.arm) == b"arm-of-bob"
    assert [event.arm_id for event in await scribe.events(DisarmRequested)] == ["arm-1"]


async def test_with_nothing_armed_nothing_happens(flatctl: Flatctl, scribe: Scribe) -> None:
    said = await flatctl("disarm")

    assert said.code == 0
    assert "nothing is armed" in said.out
    assert await scribe.events(DisarmRequested) == []


async def test_too_late_is_said_and_exits_with_3(flatctl: Flatctl, scribe: Scribe) -> None:
    await scribe.tell(accepted())
    said = await flatctl("disarm", "arm-1")

    assert said.code == 3
    assert "too late: arm-1 became run req-1" in said.err


async def test_a_governor_records_the_disarm(
    flatctl: Flatctl, scribe: Scribe, redis_url: str, namespace: str, tmp_path: Path
) -> None:
    await raw(scribe.redis, "SET", scribe.keys.arm, "arm-1", "EX", 60)
    await flatctl("disarm", "--json")
    async with a_governor(redis_url, namespace, tmp_path / "ESS_ON"):
        (event,) = await scribe.wait_for(ArmDisarmed)

    assert event.arm_id == "arm-1"
    assert (await flatctl("arm", "--yes", "--arm-id", "arm-1")).code == 3
