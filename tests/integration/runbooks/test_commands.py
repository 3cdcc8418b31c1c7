"""Every command of every runbook is typed as it is written, in the situation that its page is about.

What takes Docker Compose itself is typed in `tests/containers/test_runbooks.py`, and nowhere else.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from support.redis_server import choose_own
from support.runbooks import PAGES, STEPS, Step
from support.situation import Situation
from support.terminal import Seen

Happening = Callable[[Situation], Awaitable[None]]
BEFORE: dict[tuple[str, str], Happening] = {
    ("by-hand.md", "flatctl verify"): Situation.somebody_closes_by_hand,
    ("dead-letter.md", "flatctl dead list"): Situation.a_dead_letter,
    ("dead-letter.md", 'flatctl dead drop 1769571479200-0 --reason "armed again"'): Situation.it_is_dead_again,
    ("emergency-flatten.md", 'flatctl abort --reason "nobody asked for this"'): Situation.a_run_in_flight,
    ("emergency-flatten.md", 'flatctl ess activate --reason "P2.9 breach"'): Situation.calm,
    ("executor-stuck.md", 'flatctl abort --reason "closing by hand"'): Situation.a_run_in_flight,
    ("key-revoked.md", 'flatctl abort --reason "its key was revoked"'): Situation.a_run_in_flight,
    ("signature-refused.md", 'flatctl abort --reason "not by an operator"'): Situation.a_run_in_flight,
    ("redis-lost.md", "flatctl doctor redis"): Situation.redis_is_lost,
    ("redis-lost.md", "flatctl status"): Situation.redis_is_back,
    ("refused-arm.md", "flatctl status"): Situation.a_refused_arm,
    ("residual-left.md", "flatctl watch"): Situation.a_residual,
    ("residual-left.md", "flatctl ess status"): Situation.calm,
}
"""What happens before a command, when it comes for the first time on its page."""
ENDS: dict[tuple[str, str, int], tuple[int, str]] = {
    ("by-hand.md", "flatctl verify", 1): (0, "FLAT: nothing is open"),
    ("drill.md", "flatctl drill --last", 1): (4, "no drill is on record"),
    ("drill.md", "flatctl drill --last", 2): (0, "verdict=flat"),
    ("emergency-flatten.md", 'flatctl abort --reason "nobody asked for this"', 1): (4, "STILL OPEN: 25 positions"),
    ("executor-stuck.md", 'flatctl abort --reason "closing by hand"', 1): (4, "STILL OPEN: 25 positions"),
    ("key-revoked.md", 'flatctl abort --reason "its key was revoked"', 1): (4, "STILL OPEN: 25 positions"),
    ("signature-refused.md", 'flatctl abort --reason "not by an operator"', 1): (4, "STILL OPEN: 25 positions"),
    ("redis-lost.md", "flatctl doctor redis", 1): (3, "NOT FIT"),
    ("residual-left.md", "flatctl watch", 1): (2, "STILL OPEN: 1 positions"),
    ("residual-left.md", "flatctl verify", 1): (2, "ETHUSDT"),
}
"""How a command ends on its page, and what it says then, where it is not 0."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def situation(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Situation]:
    directory = tmp_path_factory.mktemp("runbooks")
    server = choose_own(os.environ, directory / "redis")
    server.start()
    try:
        async with Situation(server, directory) as here:
            yield here
    finally:
        server.close()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("page", [page for page in PAGES if STEPS[page]])
async def test_every_command_does_what_its_page_says(situation: Situation, page: str) -> None:
    await situation.calm()
    for step in STEPS[page]:
        if step.needs_compose:
            continue
        if step.nth == 1 and (happening := BEFORE.get((page, step.text))):
            await happening(situation)
        ended_as_expected(step, await situation.run(step))


def ended_as_expected(step: Step, seen: Seen) -> None:
    code, words = ENDS.get((step.page, step.text, step.nth), (0, ""))

    assert seen.code == code, f"$ {step.text}\n{seen.text}"
    assert words in seen.text, f"$ {step.text}\n{seen.text}"
    assert "(error)" not in seen.text, f"$ {step.text}\n{seen.text}"  # of redis-cli, which ends with 0 all the same


def test_what_is_said_of_a_command_here_is_said_of_one_that_there_is() -> None:
    there = {(page, step.text, step.nth) for page, steps in STEPS.items() for step in steps}

    assert ENDS.keys() <= there
    assert BEFORE.keys() <= {(page, text) for page, text, _ in there}
