"""The gates in `status`: what can be judged without an arm is, and what cannot be is said to be unknown."""

import json
from pathlib import Path
from typing import Any

from contracts.arming import Gate
from runtime.redis_client import raw
from support.flatctl_process import Flatctl, Said
from support.run_events import refused, whole_run
from support.scribe import Scribe

OF_THE_GOVERNOR = {Gate.ENVIRONMENT, Gate.FORCE_FLAG, Gate.CONFIRM_PHRASE, Gate.ARM_AUTHENTIC}


def gates(said: Said) -> dict[str, dict[str, Any]]:
    return {gate["gate"]: gate for gate in json.loads(said.out)["gates"]}


async def test_every_gate_has_its_standing_observed_and_required(
    flatctl: Flatctl, scribe: Scribe, tmp_path: Path
) -> None:
    await raw(scribe.redis, "SET", scribe.keys.last_ts, str(await scribe.now_ms() // 1000))
    refusing = await flatctl("status", "--json")
    in_words = await flatctl("status")
    (tmp_path / "ESS_ON").touch()
    await raw(scribe.redis, "DEL", scribe.keys.last_ts)
    passing = await flatctl("status", "--json")

    assert gates(refusing).keys() == {gate.value for gate in Gate}
    standing = {name: gate["standing"] for name, gate in gates(refusing).items()}
    assert {name for name, word in standing.items() if word == "unknown"} == OF_THE_GOVERNOR
    assert {name for name, word in standing.items() if word == "refuses"} == {Gate.ESS_LATCH, Gate.COOLDOWN}
    assert "REFUSES  ess_latch" in in_words.out
    assert "pass     no_run_in_flight  none" in in_words.out
    assert all(gate["observed"] and gate["required"] for gate in gates(refusing).values())
    assert "refuses" not in {gate["standing"] for gate in gates(passing).values()}


async def test_what_only_the_governor_knows_is_told_as_it_was_at_its_last_decision(
    flatctl: Flatctl, scribe: Scribe
) -> None:
    before = await flatctl("status", "--json")
    await scribe.tell(refused(Gate.FORCE_FLAG), *whole_run()[1:])
    after = await flatctl("status", "--json")

    assert gates(before)["force_flag"]["observed"] == "the governor's own setting; no arm was judged yet"
    assert gates(after)["force_flag"]["observed"].endswith("ago it REFUSED: force_flag as seen")
    assert gates(after)["confirm_phrase"]["observed"].endswith("ago it passed: confirm_phrase as seen")


async def test_an_arm_that_stands_and_a_run_in_flight_refuse_another(flatctl: Flatctl, scribe: Scribe) -> None:
    await raw(scribe.redis, "SET", scribe.keys.arm, "arm-7", "EX", 60)
    await raw(scribe.redis, "SET", scribe.keys.active, "req-7")
    said = await flatctl("status", "--json")

    assert gates(said)["arm_unused"]["observed"] == "arm-7 is armed already: no other can be"
    assert gates(said)["no_run_in_flight"]["observed"] == "req-7 is in flight"
    assert {gates(said)[name]["standing"] for name in ("arm_unused", "no_run_in_flight")} == {"refuses"}


async def test_how_far_the_run_in_flight_is_is_told(flatctl: Flatctl, scribe: Scribe) -> None:
    await raw(scribe.redis, "SET", scribe.keys.active, "req-1")
    nothing_yet = await flatctl("status")
    await scribe.tell(*whole_run()[:6])
    said = await flatctl("status")
    in_json = json.loads((await flatctl("status", "--json")).out)["run"]

    assert nothing_yet.code == 0
    assert "RUN IN FLIGHT" not in nothing_yet.out
    assert "RUN IN FLIGHT: closing; seen=3 open_before=2 sent=2 answered=1" in said.out
    assert (in_json["request_id"], in_json["arm_id"], in_json["stage"]) == ("req-1", "arm-1", "closing")
