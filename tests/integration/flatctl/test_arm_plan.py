"""Arming by a plan: its hash goes into the arm, it must be of this account and fresh, and its notional is typed."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace

from contracts.arming import ArmRequested, Scope
from contracts.vocabulary import Environment
from flatctl.exits import CommandFailed
from flatctl.plan import sealed
from flatctl.plan_command import plan_now
from flatctl.plan_file import load_plan, save_plan
from flatctl.screen import Screen
from flatctl.session import load_settings
from runtime.redaction import Redactor
from support.flatctl_process import Flatctl, Said, finish
from support.run_events import accepted
from support.scribe import Scribe
from support.sim import Simulator
from support.terminal import in_a_terminal

ETH = {"symbol": "ETHUSDT", "qty": "9.1", "entry_price": "3000", "mark": "3400.05"}
BTC = {"symbol": "BTCUSDT", "qty": "-1", "entry_price": "90000", "mark": "90000"}
NOTIONAL = "120940"
"""Of both, $120,940.46, in whole dollars."""


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator() as simulator:
        await simulator.scenario(positions=[ETH, BTC])
        yield simulator


@pytest.fixture
def flatctl(flatctl: Flatctl, sim: Simulator) -> Flatctl:
    """With a key that may only read."""
    flatctl.environ |= {
        "EXCHANGE_BASE_URL": sim.base_url,
        "EXCHANGE_API_KEY": sim.read_key,
        "EXCHANGE_API_SECRET": sim.read_secret,
    }
    return flatctl


@pytest_asyncio.fixture
async def path(flatctl: Flatctl, tmp_path: Path) -> str:
    """Where a plan of both positions is."""
    path = str(tmp_path / "plan.json")
    said = await flatctl("plan", "--save", path)
    assert said.code == 0, said
    return path


async def judged(flatctl: Flatctl, scribe: Scribe, *arguments: str, typed: str = "") -> Said:
    """Arm, and accept the arm as soon as it is published."""
    process = await flatctl.start("arm", "--arm-id", "arm-1", *arguments, typed=bool(typed))
    ended = asyncio.create_task(finish(process, typed))
    await scribe.wait_for(ArmRequested)
    await scribe.tell(accepted())
    return await ended


async def test_the_arm_carries_the_plans_hash_and_the_plan_is_summed_up_before_it_is_confirmed(
    flatctl: Flatctl, scribe: Scribe, path: str
) -> None:
    said = await judged(flatctl, scribe, "--plan", path, typed=f"main {NOTIONAL}\n")

    plan = load_plan(Path(path))
    (arm,) = await scribe.events(ArmRequested)
    assert said.code == 0, said
    assert arm.plan_hash == plan.plan_hash
    before, _, _ = said.out.partition("armed: ")
    assert f"plan {plan.plan_hash} of " in before
    assert " ago: would close 2 positions, $120,940.46, with 2 orders\n" in before
    asked = f"Type the account's name and the notional in whole dollars (main {NOTIONAL}) to flatten it: "
    assert said.err == asked


async def test_what_is_no_longer_as_planned_is_told_before_it_is_confirmed(
    flatctl: Flatctl, scribe: Scribe, sim: Simulator, path: str
) -> None:
    await sim.position("BTCUSDT", "-3")
    await sim.position("XRPUSDT", "100", mark="2")
    await sim.position("ETHUSDT", "0")

    said = await flatctl("arm", "--plan", path, typed="no\n")

    moved = "ETHUSDT was 9.100, is 0, XRPUSDT was 0, is 100.0, BTCUSDT was -1.000, is -3.000"
    (warning,) = [line for line in said.out.splitlines() if "NOT AS PLANNED" in line]
    assert sorted(warning.removeprefix("WARNING: NOT AS PLANNED: ").split(", ")) == sorted(moved.split(", "))
    assert "an arm closes what is open then: now $270,200.00" in said.out
    assert said.code == 3
    assert await scribe.events(ArmRequested) == []


async def test_an_exchange_that_tells_nothing_stops_no_arm_by_a_plan(
    flatctl: Flatctl, scribe: Scribe, path: str
) -> None:
    flatctl.environ["EXCHANGE_API_KEY"] = "unknown-key"

    said = await judged(flatctl, scribe, "--plan", path, typed=f"main {NOTIONAL}\n")

    assert said.code == 0, said
    assert "NOT COMPARED with what is open now: " in said.out


@pytest.mark.parametrize("typed", ["main\n", NOTIONAL, "main 120,940\n", "main 120941\n", f"Main {NOTIONAL}\n", "\n"])
async def test_what_is_typed_must_be_account_and_notional(
    flatctl: Flatctl, scribe: Scribe, path: str, typed: str
) -> None:
    said = await flatctl("arm", "--plan", path, typed=typed)

    assert said.code == 3
    assert f"nothing was done: {typed.strip()!r} is not 'main {NOTIONAL}'" in said.err
    assert await scribe.events(ArmRequested) == []


async def test_what_would_stay_open_and_what_would_be_cancelled_is_in_the_summary(
    flatctl: Flatctl, scribe: Scribe, sim: Simulator, tmp_path: Path
) -> None:
    await sim.scenario(
        positions=[ETH, BTC], resting_orders=[{"symbol": "ETHUSDT", "side": "BUY", "qty": "1", "price": "1"}]
    )
    flatctl.environ["MIN_FLATTEN_NOTIONAL_USD"] = "50000"
    path, scope = str(tmp_path / "plan.json"), ("--symbols", "ethusdt")
    await flatctl("plan", "--save", path, *scope)

    said = await flatctl("arm", "--plan", path, *scope)

    assert "would close 0 positions, $0.00" in said.out
    assert "would cancel 1 waiting orders\n" in said.out
    assert "would not be touched, outside the scope: BTCUSDT\n" in said.out
    assert "WOULD STAY OPEN: 1 positions, dust: ETHUSDT\n" in said.out
    assert await scribe.events(ArmRequested) == []


@pytest.mark.parametrize(
    ("changed", "arguments", "words"),
    [
        ({"account": "other"}, (), "is for account other in sim, namespace test:"),
        ({"environment": Environment.DEMO}, (), "is for account main in demo"),
        ({"namespace": "ns:other"}, (), "namespace ns:other, and this is environment SIM"),
        ({}, ("--symbols", "ETHUSDT"), "is of the whole account, and this arm of only ETHUSDT; arm without --symbols"),
        (
            {"scope": Scope(symbols=("ETHUSDT", "BTCUSDT"))},
            (),
            "arm with --symbols ETHUSDT,BTCUSDT, or make another plan",
        ),
        (
            {"scope": Scope(symbols=("ETHUSDT",))},
            ("--symbols", "BTCUSDT"),
            "is of only ETHUSDT, and this arm of only B",
        ),
        ({"taken_at_ms": -300_100}, (), " old, and counts for 5 min 0 s; make a new one: flatctl plan --save"),
        ({"taken_at_ms": +60_000}, (), "from now, by this machine's clock; set the clocks right"),
    ],
)
async def test_a_plan_of_something_else_or_of_another_time_arms_nothing(
    flatctl: Flatctl, scribe: Scribe, path: str, changed: dict[str, Any], arguments: tuple[str, ...], words: str
) -> None:
    plan = load_plan(Path(path))
    if "taken_at_ms" in changed:
        changed = {"taken_at_ms": plan.taken_at_ms + changed["taken_at_ms"]}
    save_plan(Path(path), sealed(replace(plan, **changed)))

    said = await flatctl("arm", "--yes", "--plan", path, *arguments)

    assert (said.code, said.err.count("\n")) == (3, 1), said
    assert said.err.startswith(f"flatctl: not armed: plan {path} ")
    assert words in said.err
    assert await scribe.events(ArmRequested) == []


PROMPT_ALL_NIGHT = """
from flatctl import arm_plan, confirming, main
ask = confirming._ask
def asked_all_night(*words):
    ask(*words)
    arm_plan.PLAN_AGE_MAX_MS = -1
confirming._ask = asked_all_night
main.main()
"""


@pytest.mark.parametrize("with_file", [True, False])
async def test_what_became_too_old_while_nobody_typed_arms_nothing(
    flatctl: Flatctl, scribe: Scribe, path: str, *, with_file: bool
) -> None:
    arguments = ("arm", *(("--plan", path) if with_file else ()))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROMPT_ALL_NIGHT, *arguments, env=flatctl.environ, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    said = await finish(process, f"main {NOTIONAL}\n")

    assert said.code == 3, said
    assert f"not armed: {f'plan {path}' if with_file else 'what was shown'} is " in said.err
    assert await scribe.events(ArmRequested) == []


async def test_the_order_of_the_symbols_does_not_matter(flatctl: Flatctl, scribe: Scribe, path: str) -> None:
    await flatctl("plan", "--save", path, "--symbols", "BTCUSDT,ETHUSDT")

    said = await judged(flatctl, scribe, "--yes", "--plan", path, "--symbols", "ethusdt,btcusdt")

    assert said.code == 0, said


async def test_a_plan_that_was_changed_is_one_line_and_arms_nothing(
    flatctl: Flatctl, scribe: Scribe, path: str
) -> None:
    Path(path).write_text(Path(path).read_text().replace("-1", "-2"))

    said = await flatctl("arm", "--yes", "--plan", path)

    assert (said.code, said.err.count("\n")) == (1, 1), said
    assert "changed after it was made" in said.err
    assert await scribe.events(ArmRequested) == []


async def test_without_a_plan_the_exchange_is_asked_for_the_notional(flatctl: Flatctl, scribe: Scribe) -> None:
    said = await judged(flatctl, scribe, typed=f"main {NOTIONAL}\n")

    (arm,) = await scribe.events(ArmRequested)
    assert said.code == 0, said
    assert "by the exchange now: would close 2 positions, $120,940.46, with 2 orders\n" in said.out
    assert arm.plan_hash == "", "nobody has seen a whole plan"


async def test_in_a_terminal_both_are_typed_on_one_line(flatctl: Flatctl, scribe: Scribe) -> None:
    arm = ("-m", "flatctl.main", "arm", "--timeout", "1")
    typed = [(f"(main {NOTIONAL}) to flatten it", f" main  {NOTIONAL} ")]

    seen = await in_a_terminal(sys.executable, *arm, environ=flatctl.environ, columns=200, typed=typed)

    assert seen.code == 4, seen.text
    assert len(await scribe.events(ArmRequested)) == 1


async def test_a_symbol_that_the_exchange_does_not_list_is_refused(flatctl: Flatctl, scribe: Scribe) -> None:
    said = await flatctl("arm", "--symbols", "ETHUSD", typed="main 0\n")

    assert said.code == 3
    assert "not armed: no plan: ETHUSD is not listed; did you mean ETHUSDT?" in said.err
    assert await scribe.events(ArmRequested) == []


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"EXCHANGE_API_KEY": "", "EXCHANGE_API_SECRET": ""}, "EXCHANGE_API_KEY and EXCHANGE_API_SECRET are not set"),
        ({"EXCHANGE_API_SECRET": "a-wrong-one"}, "rejects the key"),
        ({"EXCHANGE_BASE_URL": "http://127.0.0.1:1"}, "could not be read"),
    ],
)
async def test_where_the_exchange_tells_nothing_the_accounts_name_is_enough_and_that_is_said(
    flatctl: Flatctl, scribe: Scribe, changed: dict[str, str], why: str
) -> None:
    flatctl.environ |= changed

    said = await judged(flatctl, scribe, typed="main\n")

    assert said.code == 0, said
    (line,) = [line for line in said.out.splitlines() if line.startswith("THE NOTIONAL CANNOT BE SHOWN")]
    assert why in line
    assert "Type the account's name (main) to flatten it" in said.err


async def test_an_exchange_that_does_not_answer_is_not_waited_for(
    flatctl: Flatctl, sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("EXCHANGE_BASE_URL", "EXCHANGE_API_KEY", "EXCHANGE_API_SECRET"):
        monkeypatch.setenv(name, flatctl.environ[name])
    await sim.latency(60_000)

    with pytest.raises(CommandFailed, match=r"did not answer within 0\.1 s"):
        await plan_now(Screen(Redactor()), load_settings(), Scope(), within_s=0.1)


async def test_who_need_not_confirm_asks_no_exchange(flatctl: Flatctl, scribe: Scribe, sim: Simulator) -> None:
    said = await judged(flatctl, scribe, "--yes")

    assert said.code == 0, said
    assert await sim.requests() == []
