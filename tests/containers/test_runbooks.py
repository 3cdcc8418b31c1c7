"""Every command of a runbook that takes Docker Compose is typed as it stands, in a terminal, on the staging stack."""

import pytest

from support.runbooks import STEPS
from support.situation import PROMPTS
from support.staging import Staging
from support.terminal import in_a_terminal
from support.tree import ROOT

COMMANDS = tuple(
    dict.fromkeys(step.text for steps in STEPS.values() for step in steps if step.text.startswith("docker "))
)


@pytest.mark.parametrize("text", COMMANDS)
async def test_every_command_that_takes_containers_is_done(incident: Staging, text: str) -> None:
    command = ("sh", "-c", f"cd '{ROOT}' && {text}")
    seen = await in_a_terminal(*command, environ=incident.environ, columns=160, typed=PROMPTS)

    assert seen.code == 0, seen.text
    incident.up()  # what was restarted is ready before the next one
