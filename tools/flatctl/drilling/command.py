"""`flatctl drill`."""

import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from flatctl import exits
from flatctl.exits import CommandFailed
from flatctl.options import AsJson, Operator, Reason, operator_of
from flatctl.session import Session, run
from runtime.redis_client import raw, unix_ms

LONGEST_S = 300.0
INCIDENT = "incident"
Scenario = Annotated[
    str, typer.Option("--scenario", help="What is open in the simulator: incident (44 positions), or a JSON file.")
]


def drill(
    *,
    reason: Reason = "",
    operator: Operator = "",
    scenario: Scenario = INCIDENT,
    last: Annotated[bool, typer.Option("--last", help="Hold none: show the last one, and the last good one.")] = False,
    timeout: Annotated[
        float, typer.Option("--timeout", min=1, max=3_600, help="Stop the drill after so many seconds.")
    ] = LONGEST_S,
    as_json: AsJson = False,
) -> int:
    """Practise: flatten a SIMULATOR from arm to verdict. The real account is never touched; asks nothing.

    Starts a simulator, a governor and an executor of its own, and ends them again. The result goes on record.

    Exit code 0: flat, twice read. 2: something was left open. 3: refused. 4: nobody can say. 1: could not be held.
    """
    if last:
        return run(_show_last, as_json=as_json)
    if scenario != INCIDENT and not Path(scenario).is_file():
        raise CommandFailed(f"no drill: --scenario {scenario!r} is neither {INCIDENT} nor a file")
    who = operator_of(operator)
    return run(lambda session: _hold(session, who, reason, scenario, timeout), as_json=as_json)


async def _hold(session: Session, operator: str, reason: str, scenario: str, within_s: float) -> int:
    # Importing the exchange library costs more than everything else together: only who needs it pays.
    from flatctl.drilling.holding import Wish, hold  # noqa: PLC0415
    from flatctl.drilling.views import CODES, show_result  # noqa: PLC0415

    screen, settings = session.screen, session.settings
    drill_id = f"drill-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
    screen.line(settings.banner, style="bold")
    screen.line(f"DRILL {drill_id}: on a simulator of its own. Account {settings.account} is NOT touched", "bold")
    wish = Wish(drill_id=drill_id, operator=operator, reason=reason, scenario=scenario, within_s=within_s)
    completed = await hold(session, wish)
    screen.json(completed)
    show_result(screen, completed)
    return CODES[completed.outcome]


async def _show_last(session: Session) -> int:
    from flatctl.drilling.record import past_drills  # noqa: PLC0415 - as above
    from flatctl.drilling.views import CODES, show_past  # noqa: PLC0415

    screen = session.screen
    screen.line(session.settings.banner, style="bold")
    past = await past_drills(session.redis, session.settings.keys)
    screen.json(past)
    show_past(screen, past, unix_ms(await raw(session.redis, "TIME")))
    return exits.UNKNOWN if past.last is None else CODES[past.last.outcome]
