"""What a report needs of others after a run, and how tests ask for one and for its verification."""

import json
from pathlib import Path
from typing import Any

from contracts.flattening import FlattenCompleted
from contracts.positions import AllocationStateChanged, AllocationVerdict, PositionSnapshot
from support.flatctl_process import Flatctl, Said
from support.operator import Operator
from support.trio import Trio

NOBODY = "redis://127.0.0.1:1/0"
"""No Redis: what is offline works without one."""


async def others_have_looked(events: Operator) -> None:
    """The oracle has begun a snapshot after the verdict, and P2.9 says of each symbol of the run that it is flat."""
    (completed,) = await events.wait_for(FlattenCompleted)
    wanted = {outcome.symbol for outcome in completed.outcomes}
    flat: set[str] = set()
    while wanted - flat:
        seen = await events.events(AllocationStateChanged)
        flat = {each.check.symbol for each in seen if each.check.verdict is AllocationVerdict.FLAT}
        if wanted - flat:
            await events.wait_grown(AllocationStateChanged, len(seen) + 1)
    while True:
        shown = await events.events(PositionSnapshot)
        if shown[-1].taken_at_ms >= completed.timings.finished_at_ms:
            return
        await events.wait_grown(PositionSnapshot, len(shown) + 1)


async def written(trio: Trio, page: Path, *options: str) -> dict[str, Any]:
    """The report of the last run, which is written; what the command says of it."""
    said = await Flatctl(**trio.env)("report", "--last", "--out", str(page), "--json", *options)
    assert said.code == 0, said
    found: dict[str, Any] = json.loads(said.out)
    return found


async def looked_at(trio: Trio, file: Path, *options: str) -> tuple[Said, dict[str, list[str]]]:
    """A report is verified without Redis; what was found, by check."""
    said = await Flatctl(**{**trio.env, "REDIS_URL": NOBODY})("report", "--verify", str(file), "--json", *options)
    checks = json.loads(said.out)["checks"] if said.out else []
    found = {
        check["name"]: [
            " ".join(filter(None, (finding["stream"], finding["entry_id"], finding["what"])))
            for finding in check["findings"]
        ]
        for check in checks
    }
    return said, {name: findings for name, findings in found.items() if findings}
