"""What the governor shows of the present, and does not show any more."""

import math
from decimal import Decimal

from contracts.arming import Gate, GateVerdict
from contracts.positions import AllocationCheck, AllocationVerdict
from governor.core.case import Seen
from governor.core.outlook import Outlook
from governor.gauges import AllocationGauges, OutlookGauges
from runtime.metrics import Metrics


def check(symbol: str, verdict: AllocationVerdict, usd: str | None = "31361") -> AllocationCheck:
    return AllocationCheck(
        symbol=symbol,
        verdict=verdict,
        position_usd=None if usd is None else Decimal(usd),
        target_usd=Decimal(1820),
        burst_cap_usd=Decimal(3640),
    )


def test_a_symbol_is_shown_with_its_amounts_and_forgotten_when_it_is_flat() -> None:
    metrics = Metrics()
    gauges, value = AllocationGauges(metrics), metrics.registry.get_sample_value

    gauges.show([check("ETHUSDT", AllocationVerdict.BREACH), check("BTCUSDT", AllocationVerdict.STALE)])

    assert value("gov_p29_position_usd", {"symbol": "ETHUSDT"}) == 31361
    assert value("gov_p29_target_usd", {"symbol": "ETHUSDT"}) == 1820
    assert value("gov_p29_burst_cap_usd", {"symbol": "ETHUSDT"}) == 3640
    assert value("gov_p29_verdict", {"symbol": "ETHUSDT", "verdict": "breach"}) == 1
    assert value("gov_p29_symbols", {"verdict": "breach"}) == 1

    gauges.show([check("ETHUSDT", AllocationVerdict.FLAT, "0"), check("BTCUSDT", AllocationVerdict.UNPRICED, None)])

    assert value("gov_p29_position_usd", {"symbol": "ETHUSDT"}) is None
    assert value("gov_p29_target_usd", {"symbol": "ETHUSDT"}) is None
    assert value("gov_p29_verdict", {"symbol": "ETHUSDT", "verdict": "breach"}) is None
    assert value("gov_p29_verdict", {"symbol": "BTCUSDT", "verdict": "stale_target"}) is None
    assert value("gov_p29_symbols", {"verdict": "breach"}) == 0


def test_a_notional_that_is_not_known_is_not_shown_as_nothing() -> None:
    metrics = Metrics()

    AllocationGauges(metrics).show([check("BTCUSDT", AllocationVerdict.UNPRICED, None)])

    assert metrics.registry.get_sample_value("gov_p29_position_usd", {"symbol": "BTCUSDT"}) is None
    assert metrics.registry.get_sample_value("gov_p29_verdict", {"symbol": "BTCUSDT", "verdict": "unpriced"}) == 1


def test_before_the_first_look_no_gate_is_said_to_pass_or_to_fail() -> None:
    metrics = Metrics()

    OutlookGauges(metrics)

    assert [metrics.registry.get_sample_value("gov_gate_passes", {"gate": gate}) for gate in Gate] == [None] * 8


def test_what_cannot_be_read_is_no_number() -> None:
    metrics = Metrics()
    verdicts = tuple(
        GateVerdict(gate=gate, passed=passed, observed="", required="")
        for gate, passed in ((Gate.COOLDOWN, False), (Gate.ESS_LATCH, True))
    )

    OutlookGauges(metrics).show(
        Outlook(verdicts=verdicts, armed=Seen(), active=Seen(), cooldown_left_ms=None, in_flight_since_ms=1_500)
    )

    value = metrics.registry.get_sample_value
    assert value("gov_gate_passes", {"gate": "cooldown"}) == 0
    assert value("gov_gate_passes", {"gate": "ess_latch"}) == 1
    assert math.isnan(value("gov_cooldown_left_seconds") or 0)
    assert value("gov_run_in_flight_timestamp_seconds") == 1.5
