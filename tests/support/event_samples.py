"""One exact event of every type, as `tests/contract/samples` has it on the wire. A sample is never changed."""

from decimal import Decimal

from contracts.arming import (
    AbortRequested,
    ArmAccepted,
    ArmAwaitingApproval,
    ArmDisarmed,
    ArmRefused,
    ArmRepeated,
    ArmRequested,
    DisarmRequested,
    FlattenRequested,
    Gate,
    GateVerdict,
    Scope,
)
from contracts.base import Event
from contracts.flattening import (
    Counts,
    FlattenCompleted,
    OrderIntended,
    OrderResolved,
    OrderState,
    PositionFate,
    PositionOutcome,
    Residual,
    RunFinished,
    RunStarted,
    RunVerdict,
    RunVerified,
    Timings,
)
from contracts.positions import (
    AllocationCheck,
    AllocationMode,
    AllocationStateChanged,
    AllocationVerdict,
    OpenPosition,
    PositionSnapshot,
    UnreadablePosition,
)
from contracts.resting import RestingCancelled
from contracts.vocabulary import Environment, OrderSide, PositionSide
from support.drill_samples import DRILL_COMPLETED, DRILL_STARTED
from support.settled_sample import SETTLED

T0_MS = 1_769_571_479_123
REQUEST = "req-1f2e3d4c5b6a79880716"
ORDER = "fg-0a1b2c3d-00112233445566778899aabb"

_ARM = ArmRequested(
    arm_id="arm-20260128T033759Z-5f3a9c01",
    operator="alice",
    reason="runaway governor",
    environment=Environment.TESTNET,
    account="main",
    scope=Scope(symbols=("ETHUSDT", "BTCUSDT")),
    issued_at_ms=T0_MS,
    expires_at_ms=T0_MS + 60_000,
)
_PASSED = GateVerdict(gate=Gate.FORCE_FLAG, passed=True, observed="GOV_TESTNET_FORCE_FLATTEN=true", required="true")
_FAILED = GateVerdict(gate=Gate.COOLDOWN, passed=False, observed="12.3s", required=">= 60s")
_BREACH = AllocationCheck(
    symbol="ETHUSDT",
    verdict=AllocationVerdict.BREACH,
    position_usd=Decimal("31361.00"),
    target_usd=Decimal(1820),
    burst_cap_usd=Decimal(3640),
    ratio=Decimal("17.23"),
    mode=AllocationMode.ENFORCE,
)
_COUNTS = Counts(
    seen=674,
    zero=630,
    unreadable=1,
    nonzero=43,
    dust=1,
    below_step=1,
    untradable=1,
    out_of_scope=1,
    filtered=39,
    sent=38,
    ok=37,
    orders_sent=41,
    orders_ok=38,
    errors=2,
    unknown=1,
    resting_cancelled=3,
)

EVENT_SAMPLES: dict[str, Event] = {
    event.event_type(): event
    for event in (
        PositionSnapshot(
            snapshot_id="position-oracle-1-1769571479000-42",
            venue="binanceusdm",
            environment=Environment.TESTNET,
            account="main",
            sequence=42,
            taken_at_ms=T0_MS - 123,
            read_ms=31,
            symbols_seen=674,
            positions=(
                OpenPosition(
                    symbol="ETHUSDT",
                    position_side=PositionSide.BOTH,
                    quantity=Decimal("9.100"),
                    entry_price=Decimal("3401.55"),
                    mark_price=Decimal("3446.26373626"),
                ),
                OpenPosition(
                    symbol="DOGEUSDT",
                    position_side=PositionSide.SHORT,
                    quantity=Decimal("-0.00000001"),
                    entry_price=None,
                    mark_price=None,
                ),
            ),
            marks={"ETHUSDT": Decimal("3446.26373626"), "BTCUSDT": Decimal("97000.10")},
            unreadable=(UnreadablePosition(symbol="XRPUSDT", field="positionAmt", problem="'NaN' is not a number"),),
        ),
        AllocationStateChanged(
            check=_BREACH,
            previous=AllocationVerdict.WITHIN_BURST,
            snapshot_id="position-oracle-1-1769571479000-42",
            checked_at_ms=T0_MS,
        ),
        _ARM,
        DisarmRequested(
            arm_id=_ARM.arm_id,
            operator="bob",
            reason="false alarm",
            environment=Environment.TESTNET,
            account="main",
            issued_at_ms=T0_MS + 500,
        ),
        AbortRequested(
            request_id=REQUEST,
            operator="bob",
            reason="the venue is halted",
            environment=Environment.TESTNET,
            account="main",
            issued_at_ms=T0_MS + 800,
        ),
        FlattenRequested(
            request_id=REQUEST,
            arm=_ARM,
            gates=(_PASSED,),
            breaches=(_BREACH,),
            snapshot_id="position-oracle-1-1769571479000-42",
            snapshot_age_ms=140,
            requested_at_ms=T0_MS + 17,
        ),
        ArmAccepted(
            arm_id=_ARM.arm_id,
            request_id=REQUEST,
            operator="alice",
            reason="runaway governor",
            gates=(_PASSED,),
            decided_at_ms=T0_MS + 17,
        ),
        ArmRefused(
            arm_id=_ARM.arm_id,
            operator="alice",
            reason="runaway governor",
            gates=(_PASSED, _FAILED),
            decided_at_ms=T0_MS + 17,
        ),
        ArmAwaitingApproval(
            arm_id=_ARM.arm_id,
            operator="alice",
            reason="runaway governor",
            signed_by=("alice",),
            needed=2,
            expires_at_ms=T0_MS + 60_000,
            seen_at_ms=T0_MS + 17,
            not_counted=("key '0123456789abcdef' is bob's and was revoked",),
        ),
        ArmRepeated(arm_id=_ARM.arm_id, operator="alice", first_outcome="fired", seen_at_ms=T0_MS + 900),
        ArmDisarmed(
            arm_id=_ARM.arm_id, operator="bob", reason="false alarm", first_outcome="", disarmed_at_ms=T0_MS + 501
        ),
        RunStarted(
            request_id=REQUEST,
            executor="flatten-executor-1",
            fence=2,
            resumed=True,
            software_version="0.1.0",
            started_at_ms=T0_MS + 20,
        ),
        OrderIntended(
            request_id=REQUEST,
            client_order_id=ORDER,
            fence=2,
            symbol="ETHUSDT",
            position_side=PositionSide.BOTH,
            order_side=OrderSide.SELL,
            quantity=Decimal("9.100"),
            position_quantity=Decimal("9.1"),
            mark_price=Decimal("3446.26373626"),
            round_number=1,
            chunk=0,
            intended_at_ms=T0_MS + 40,
        ),
        OrderResolved(
            request_id=REQUEST,
            client_order_id=ORDER,
            fence=2,
            symbol="ETHUSDT",
            position_side=PositionSide.BOTH,
            state=OrderState.FILLED,
            exchange_order_id="8389765",
            filled_quantity=Decimal("9.100"),
            detail="FILLED",
            resolved_at_ms=T0_MS + 95,
        ),
        RestingCancelled(
            request_id=REQUEST, fence=2, symbol="BTCUSDT", order_ids=("8389001", "8389002"), cancelled_at_ms=T0_MS + 70
        ),
        RunVerified(
            request_id=REQUEST,
            fence=2,
            round_number=1,
            rows_seen=674,
            still_open=2,
            unreadable=1,
            read_started_at_ms=T0_MS + 100,
        ),
        RunFinished(
            request_id=REQUEST,
            fence=2,
            verdict=RunVerdict.NOT_FLAT,
            counts=_COUNTS,
            residual_notional_usd=Decimal("812.40"),
            finished_at_ms=T0_MS + 900,
        ),
        FlattenCompleted(
            request_id=REQUEST,
            arm_id=_ARM.arm_id,
            account="main",
            environment=Environment.TESTNET,
            verdict=RunVerdict.NOT_FLAT,
            abort_reason="",
            counts=_COUNTS,
            outcomes=(
                PositionOutcome(
                    symbol="ETHUSDT",
                    position_side=PositionSide.BOTH,
                    quantity_before=Decimal("9.1"),
                    quantity_after=Decimal(0),
                    mark_price=Decimal("3446.26373626"),
                    notional_usd=Decimal("31360.999999966"),
                    fate=PositionFate.CLOSED,
                    order_side=OrderSide.SELL,
                    client_order_ids=(ORDER,),
                    exchange_order_ids=("8389765",),
                    filled_quantity=Decimal("9.100"),
                ),
                PositionOutcome(
                    symbol="OLDUSDT",
                    position_side=PositionSide.BOTH,
                    quantity_before=Decimal(-20),
                    quantity_after=None,
                    mark_price=None,
                    notional_usd=None,
                    fate=PositionFate.UNTRADABLE,
                    why="status SETTLING",
                ),
            ),
            residual=(
                Residual(
                    symbol="OLDUSDT",
                    position_side=PositionSide.BOTH,
                    quantity=Decimal(-20),
                    notional_usd=Decimal("812.40"),
                    reason="untradable: status SETTLING",
                ),
            ),
            residual_notional_usd=Decimal("812.40"),
            residual_unpriced=1,
            rounds=3,
            timings=Timings(
                armed_at_ms=T0_MS,
                requested_at_ms=T0_MS + 17,
                started_at_ms=T0_MS + 20,
                first_order_at_ms=T0_MS + 40,
                last_order_at_ms=T0_MS + 95,
                verified_at_ms=T0_MS + 130,
                finished_at_ms=T0_MS + 900,
            ),
            software_version="0.1.0",
            notes=("resting order 8389003 in BTCUSDT could not be cancelled",),
        ),
        SETTLED,
        DRILL_STARTED,
        DRILL_COMPLETED,
    )
}
