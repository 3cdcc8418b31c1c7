"""An arm for symbols by name: what does not exist is refused before anything is armed."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from contracts.arming import ArmRequested
from support.flatctl_process import Flatctl
from support.scribe import Scribe
from support.snapshots import a_snapshot, leg

MARKS = {"ETHUSDT": Decimal(3446), "BTCUSDT": Decimal(90_000)}


async def listed(scribe: Scribe, age_ms: int = 0) -> None:
    now_ms = await scribe.now_ms()
    await scribe.tell(replace(a_snapshot(leg(symbol="XRPUSDT")), marks=MARKS, taken_at_ms=now_ms - age_ms))


@pytest.mark.parametrize("how", ["text", "json"])
async def test_a_mistyped_symbol_is_refused_with_the_nearest_one_and_nothing_is_armed(
    flatctl: Flatctl, scribe: Scribe, how: str
) -> None:
    await listed(scribe)
    said = await flatctl("arm", "--yes", "--symbols", "XRPUSDT,ETHUSD", *(["--json"] if how == "json" else []))

    assert said.code == 3
    assert said.err == "flatctl: not armed: ETHUSD is not listed; did you mean ETHUSDT?\n"
    assert await scribe.events(ArmRequested) == []


async def test_listed_symbols_are_armed(flatctl: Flatctl, scribe: Scribe) -> None:
    await listed(scribe)
    said = await flatctl("arm", "--yes", "--symbols", "xrpusdt,ETHUSDT", "--timeout", "1")

    (event,) = await scribe.events(ArmRequested)
    assert event.scope.symbols == ("XRPUSDT", "ETHUSDT")
    assert "cannot be checked" not in said.out


@pytest.mark.parametrize("age_ms", [None, 3_600_000])
async def test_without_a_fresh_reading_it_is_said_that_nobody_can_tell(
    flatctl: Flatctl, scribe: Scribe, age_ms: int | None
) -> None:
    if age_ms is not None:
        await listed(scribe, age_ms)
    said = await flatctl("arm", "--yes", "--symbols", "ETHUSD", "--timeout", "1")

    assert "the symbols cannot be checked" in said.out
    assert len(await scribe.events(ArmRequested)) == 1
