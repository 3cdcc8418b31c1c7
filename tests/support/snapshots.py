"""Builders: positions, snapshots, and the incident of which the P2.9 check was born."""

from collections.abc import Mapping
from decimal import Decimal

from contracts.positions import OpenPosition, PositionSnapshot, UnreadablePosition
from contracts.vocabulary import Environment, PositionSide

TAKEN_AT_MS = 1_769_571_479_000


def leg(
    symbol: str = "ETHUSDT",
    quantity: str | Decimal = "9.1",
    mark: str | Decimal | None = "3446.2637362637363",
    side: PositionSide = PositionSide.BOTH,
) -> OpenPosition:
    """The incident's position, but for what is given: 31,361 USD."""
    return OpenPosition(
        symbol=symbol,
        position_side=side,
        quantity=Decimal(quantity),
        entry_price=None,
        mark_price=None if mark is None else Decimal(mark),
    )


def a_snapshot(
    *positions: OpenPosition,
    unreadable: tuple[UnreadablePosition, ...] = (),
    marks: Mapping[str, Decimal] | None = None,
    snapshot_id: str = "snap-1",
    taken_at_ms: int = TAKEN_AT_MS,
    account: str = "main",
) -> PositionSnapshot:
    return PositionSnapshot(
        snapshot_id=snapshot_id,
        venue="binanceusdm",
        environment=Environment.SIM,
        account=account,
        sequence=1,
        taken_at_ms=taken_at_ms,
        read_ms=20,
        symbols_seen=674,
        positions=positions,
        marks=dict(marks or {}),
        unreadable=unreadable,
    )
