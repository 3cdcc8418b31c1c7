"""The proof fails as soon as any of its three ways disagrees."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from contracts.base import Event
from contracts.flattening import OrderResolved, OrderState, RunVerdict
from contracts.positions import (
    AllocationCheck,
    AllocationStateChanged,
    AllocationVerdict,
    OpenPosition,
    PositionSnapshot,
    UnreadablePosition,
)
from contracts.vocabulary import Environment, PositionSide
from evidence.three_ways import ALLOCATION, AUDIT, EXCHANGE, DirectReading, Evidence, Holding, Proof, judge
from support.run_events import (
    ARM_ID,
    T0_MS,
    VERIFIED_MS,
    accepted,
    completed,
    intended,
    refused,
    residual,
    resolved,
    two_closed,
    whole_run,
)

ETH = Holding(symbol="ETHUSDT", position_side=PositionSide.BOTH, quantity=Decimal("9.100"), notional_usd=Decimal(31361))
BTC = Holding(symbol="BTCUSDT", position_side=PositionSide.BOTH, quantity=Decimal("-0.002"), notional_usd=Decimal(178))
BEFORE = DirectReading(started_at_ms=T0_MS - 1_000, rows_seen=3, holdings=(ETH, BTC), unreadable=0, missing=0)
AFTER = DirectReading(started_at_ms=VERIFIED_MS + 300, rows_seen=3, holdings=(), unreadable=0, missing=0)


def a_check(symbol: str, verdict: AllocationVerdict) -> AllocationStateChanged:
    check = AllocationCheck(symbol=symbol, verdict=verdict, position_usd=None)
    return AllocationStateChanged(check=check, previous=None, snapshot_id="s", checked_at_ms=T0_MS)


CHECKS = (
    a_check("ETHUSDT", AllocationVerdict.BREACH),
    a_check("BTCUSDT", AllocationVerdict.WITHIN_BURST),
    a_check("ETHUSDT", AllocationVerdict.FLAT),
    a_check("BTCUSDT", AllocationVerdict.FLAT),
)
SNAPSHOT = PositionSnapshot(
    snapshot_id="s-2",
    venue="binanceusdm",
    environment=Environment.SIM,
    account="main",
    sequence=2,
    taken_at_ms=VERIFIED_MS + 200,
    read_ms=5,
    symbols_seen=3,
    positions=(),
    marks={},
)
AGREEING = Evidence(
    arm_id=ARM_ID,
    before=BEFORE,
    after=AFTER,
    audit=whole_run(),
    completed=(completed(),),
    armed=None,
    active=None,
    last_ts=str(T0_MS // 1000),
    checks=CHECKS,
    snapshot=SNAPSHOT,
)


def tampered(**changes: Any) -> Proof:
    return judge(replace(AGREEING, **changes))


def failing(proof: Proof) -> set[str]:
    return {part.name for part in proof.parts if not part.passed}


def audit_without(drop: Callable[[Event], bool]) -> tuple[Event, ...]:
    return tuple(event for event in whole_run() if not drop(event))


def is_answer(event: Event, symbol: str) -> bool:
    return isinstance(event, OrderResolved) and event.symbol == symbol


def test_evidence_that_agrees_is_a_proof() -> None:
    proof = judge(AGREEING)

    assert proof.disagreements == ()
    assert proof.agreed


def test_a_position_that_is_still_open_on_the_exchange_disproves() -> None:
    proof = tampered(after=replace(AFTER, holdings=(BTC,)))

    assert failing(proof) == {EXCHANGE}
    assert [finding.found for finding in proof.disagreements] == ["BTCUSDT -0.002"]


def test_a_reading_of_the_exchange_from_before_the_verification_disproves() -> None:
    assert failing(tampered(after=replace(AFTER, started_at_ms=VERIFIED_MS))) == {EXCHANGE}


@pytest.mark.parametrize(
    "after", [replace(AFTER, rows_seen=2), replace(AFTER, unreadable=1), replace(AFTER, missing=1)]
)
def test_a_partial_reading_of_the_exchange_disproves(after: DirectReading) -> None:
    assert failing(tampered(after=after)) == {EXCHANGE}


def test_an_order_without_an_answer_disproves() -> None:
    assert AUDIT in failing(tampered(audit=audit_without(lambda event: is_answer(event, "BTCUSDT"))))


@pytest.mark.parametrize("state", [state for state in OrderState if state is not OrderState.FILLED])
def test_an_order_that_did_not_fill_disproves(state: OrderState) -> None:
    audit = (*audit_without(lambda event: is_answer(event, "ETHUSDT")), resolved("ETHUSDT", "9.1", state=state))

    assert failing(tampered(audit=audit)) == {AUDIT}


def test_a_fill_that_is_off_by_the_last_digit_disproves() -> None:
    audit = (*audit_without(lambda event: is_answer(event, "ETHUSDT")), resolved("ETHUSDT", "9.09999999"))
    proof = tampered(audit=audit)

    assert failing(proof) == {AUDIT}
    assert [finding.found for finding in proof.disagreements] == ["ETHUSDT"]


def test_an_order_on_the_wrong_side_disproves() -> None:
    audit = audit_without(lambda event: getattr(event, "client_order_id", "") == "BTCUSDT-0")
    audit = (*audit, intended("BTCUSDT", "0.002"), resolved("BTCUSDT", "0.002"))

    assert failing(tampered(audit=audit)) == {AUDIT}


def test_an_order_in_a_symbol_that_held_nothing_disproves() -> None:
    audit = (*whole_run(), intended("XRPUSDT", "5"), resolved("XRPUSDT", "5"))

    assert failing(tampered(audit=audit)) == {AUDIT}


def test_an_answer_to_an_order_that_was_never_intended_disproves() -> None:
    assert failing(tampered(audit=(*whole_run(), resolved("XRPUSDT", "0")))) == {AUDIT}


@pytest.mark.parametrize("more", [accepted(), accepted("req-2"), refused()])
def test_an_arm_that_was_decided_twice_disproves(more: Event) -> None:
    assert failing(tampered(audit=(*whole_run(), more))) == {AUDIT}


def test_an_arm_that_was_never_accepted_disproves() -> None:
    assert failing(tampered(arm_id="another")) == {AUDIT}


@pytest.mark.parametrize(
    "changes",
    [
        {"armed": ARM_ID},
        {"active": "req-1"},
        {"last_ts": None},
        {"last_ts": "soon"},
        {"last_ts": str(T0_MS // 1000 - 1)},
        {"last_ts": str(T0_MS // 1000 + 60)},
    ],
)
def test_an_arm_that_is_not_used_up_or_a_cooldown_that_has_not_begun_disproves(changes: dict[str, Any]) -> None:
    assert failing(tampered(**changes)) == {AUDIT}


@pytest.mark.parametrize("verdict", [verdict for verdict in RunVerdict if verdict is not RunVerdict.FLAT])
def test_any_verdict_but_flat_disproves(verdict: RunVerdict) -> None:
    assert failing(tampered(completed=(completed(verdict),))) == {AUDIT}


def test_a_residual_disproves_whatever_the_verdict_says() -> None:
    assert failing(tampered(completed=(completed(left=(residual("ETHUSDT", "1"),)),))) == {AUDIT}


def test_no_verdict_or_two_disprove_everything_that_rests_on_it() -> None:
    assert failing(tampered(completed=())) == {AUDIT, ALLOCATION, EXCHANGE}
    assert failing(tampered(completed=(completed(), completed()))) == {AUDIT, ALLOCATION, EXCHANGE}


def test_a_run_that_never_read_the_exchange_again_proves_nothing() -> None:
    assert failing(tampered(completed=(completed(verified_at_ms=None),))) == {ALLOCATION, EXCHANGE}


@pytest.mark.parametrize(
    "counts",
    [
        two_closed(seen=4, zero=2),
        two_closed(seen=4, nonzero=3, dust=1),
        two_closed(sent=1, ok=1),
        two_closed(ok=1),
        two_closed(orders_sent=3, errors=1),
        two_closed(orders_ok=1, errors=1),
    ],
)
def test_counts_that_the_record_does_not_bear_out_disprove(counts: Any) -> None:
    assert failing(tampered(completed=(completed(counts=counts),))) == {AUDIT}


def test_a_snapshot_from_before_the_verification_disproves() -> None:
    assert failing(tampered(snapshot=replace(SNAPSHOT, taken_at_ms=VERIFIED_MS))) == {ALLOCATION}
    assert failing(tampered(snapshot=None)) == {ALLOCATION}


def test_a_snapshot_with_a_position_or_an_unreadable_row_disproves() -> None:
    position = OpenPosition(
        symbol="ETHUSDT", position_side=PositionSide.BOTH, quantity=Decimal(1), entry_price=None, mark_price=None
    )
    row = UnreadablePosition(symbol="ETHUSDT", field="positionAmt", problem="NaN")

    assert failing(tampered(snapshot=replace(SNAPSHOT, positions=(position,)))) == {ALLOCATION}
    assert failing(tampered(snapshot=replace(SNAPSHOT, unreadable=(row,)))) == {ALLOCATION}


@pytest.mark.parametrize("verdict", [AllocationVerdict.BREACH, AllocationVerdict.STALE, AllocationVerdict.UNREADABLE])
def test_a_symbol_beyond_its_cap_or_unknown_disproves(verdict: AllocationVerdict) -> None:
    assert failing(tampered(checks=(*CHECKS, a_check("BTCUSDT", verdict)))) == {ALLOCATION}


def test_a_p29_check_that_never_found_the_breach_proves_nothing() -> None:
    assert failing(tampered(checks=CHECKS[2:])) == {ALLOCATION}
    assert failing(tampered(checks=())) == {ALLOCATION}


def test_an_account_that_was_flat_before_proves_nothing() -> None:
    assert {AUDIT, EXCHANGE} <= failing(tampered(before=replace(BEFORE, holdings=())))
