"""Builders: the events of one run, as the record holds them."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from contracts.arming import ArmAccepted, ArmRefused, Gate, GateVerdict
from contracts.base import Event
from contracts.flattening import (
    Counts,
    FlattenCompleted,
    OrderIntended,
    OrderResolved,
    OrderState,
    Residual,
    RunStarted,
    RunVerdict,
    RunVerified,
    Timings,
)
from contracts.resting import RestingLeft
from contracts.vocabulary import Environment, OrderSide, PositionSide

REQUEST_ID = "req-1"
ARM_ID = "arm-1"
T0_MS = 1_769_571_479_000
VERIFIED_MS = T0_MS + 400


def gates(*failed: Gate) -> tuple[GateVerdict, ...]:
    return tuple(
        GateVerdict(gate=gate, passed=gate not in failed, observed=f"{gate} as seen", required=f"{gate} as it must be")
        for gate in Gate
    )


def accepted(request_id: str = REQUEST_ID, arm_id: str = ARM_ID) -> ArmAccepted:
    return ArmAccepted(
        arm_id=arm_id, request_id=request_id, operator="alice", reason="drill", gates=gates(), decided_at_ms=T0_MS
    )


def refused(*failed: Gate, arm_id: str = ARM_ID) -> ArmRefused:
    return ArmRefused(arm_id=arm_id, operator="alice", reason="drill", gates=gates(*failed), decided_at_ms=T0_MS)


def started(request_id: str = REQUEST_ID, *, fence: int = 1) -> RunStarted:
    return RunStarted(
        request_id=request_id,
        executor="executor-1",
        fence=fence,
        resumed=fence > 1,
        software_version="0.1.0",
        started_at_ms=T0_MS + 10,
    )


def verified(round_number: int, *, seen: int = 3, still_open: int = 0, request_id: str = REQUEST_ID) -> RunVerified:
    return RunVerified(
        request_id=request_id,
        fence=1,
        round_number=round_number,
        rows_seen=seen,
        still_open=still_open,
        unreadable=0,
        read_started_at_ms=T0_MS + 20,
    )


def intended(symbol: str, position: str, *, quantity: str = "", chunk: int = 0, **more: Any) -> OrderIntended:
    """An order that closes `position`, or `quantity` of it."""
    held = Decimal(position)
    return OrderIntended(
        request_id=more.get("request_id", REQUEST_ID),
        client_order_id=f"{symbol}-{chunk}",
        fence=1,
        symbol=symbol,
        position_side=PositionSide.BOTH,
        order_side=OrderSide.SELL if held > 0 else OrderSide.BUY,
        quantity=Decimal(quantity) if quantity else abs(held),
        position_quantity=held,
        mark_price=Decimal(100),
        round_number=1,
        chunk=chunk,
        intended_at_ms=T0_MS + 30,
    )


def resolved(symbol: str, filled: str, *, state: OrderState = OrderState.FILLED, chunk: int = 0) -> OrderResolved:
    return OrderResolved(
        request_id=REQUEST_ID,
        client_order_id=f"{symbol}-{chunk}",
        fence=1,
        symbol=symbol,
        position_side=PositionSide.BOTH,
        state=state,
        exchange_order_id="4711",
        filled_quantity=Decimal(filled),
        detail="" if state is OrderState.FILLED else "the exchange said so",
        resolved_at_ms=T0_MS + 40,
    )


def residual(
    symbol: str, quantity: str | None, notional_usd: str | None = "100", reason: str = "still open"
) -> Residual:
    return Residual(
        symbol=symbol,
        position_side=PositionSide.BOTH,
        quantity=None if quantity is None else Decimal(quantity),
        notional_usd=None if notional_usd is None else Decimal(notional_usd),
        reason=reason,
    )


def waiting(symbol: str, *, reduce_only: bool = False) -> RestingLeft:
    """A resting order that would not go."""
    return RestingLeft(
        symbol=symbol,
        order_id="17",
        kind="LIMIT",
        side=OrderSide.BUY,
        quantity=Decimal(100),
        reduce_only=reduce_only,
        conditional=False,
    )


def completed(
    verdict: RunVerdict = RunVerdict.FLAT,
    *,
    counts: Counts | None = None,
    left: Sequence[Residual] = (),
    request_id: str = REQUEST_ID,
    arm_id: str = ARM_ID,
    abort_reason: str = "",
    verified_at_ms: int | None = VERIFIED_MS,
    resting_left: Sequence[RestingLeft] = (),
) -> FlattenCompleted:
    """A verdict over three symbols of which two held a position."""
    return FlattenCompleted(
        request_id=request_id,
        arm_id=arm_id,
        account="main",
        environment=Environment.SIM,
        verdict=verdict,
        abort_reason=abort_reason,
        counts=counts or two_closed(),
        outcomes=(),
        residual=tuple(left),
        resting_left=tuple(resting_left),
        residual_notional_usd=sum((row.notional_usd or Decimal(0) for row in left), Decimal(0)),
        rounds=1,
        timings=Timings(
            armed_at_ms=T0_MS - 5,
            requested_at_ms=T0_MS,
            started_at_ms=T0_MS + 10,
            first_order_at_ms=T0_MS + 30,
            last_order_at_ms=T0_MS + 40,
            verified_at_ms=verified_at_ms,
            finished_at_ms=T0_MS + 410,
        ),
        software_version="0.1.0",
    )


def two_closed(**changes: int) -> Counts:
    values = {"seen": 3, "zero": 1, "nonzero": 2, "filtered": 2, "sent": 2, "ok": 2, "orders_sent": 2, "orders_ok": 2}
    return Counts(**{**values, **changes})


def whole_run() -> tuple[Event, ...]:
    """The audit of a run that closed a long and a short."""
    return (
        accepted(),
        started(),
        verified(0, still_open=2),
        intended("ETHUSDT", "9.1"),
        intended("BTCUSDT", "-0.002"),
        resolved("ETHUSDT", "9.1"),
        resolved("BTCUSDT", "0.002"),
        verified(1),
    )
