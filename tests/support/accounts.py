"""Readings of a whole account, as `plan` and `verify` take them."""

from collections.abc import Sequence
from decimal import Decimal

from contracts.arming import Scope
from contracts.vocabulary import OrderSide
from exchange.binance_pace import pace
from exchange.budget import OrderLimits, Pace
from exchange.model import (
    Instrument,
    Listings,
    Position,
    PositionMode,
    ReducingOrder,
    RestingOrder,
    UnreadableRow,
)
from flatctl.account import Account
from flatctl.plan import Plan
from flatctl.planning import make_plan
from flatctl.settings import FlatctlSettings
from support.exchange_builders import instrument, reading


def an_account(
    *rows: Position,
    listed: Sequence[Instrument] | None = None,
    unreadable: tuple[UnreadableRow, ...] = (),
    resting: tuple[RestingOrder, ...] = (),
    resting_trouble: str = "",
    mode: PositionMode = PositionMode.ONE_WAY,
) -> Account:
    """Every symbol that has a row is listed, unless it is said."""
    rules = [instrument(row.symbol) for row in rows] if listed is None else listed
    return Account(
        reading=reading(*rows, unreadable=unreadable),
        marks={},
        listings=Listings(instruments={each.symbol: each for each in rules}, unreadable={}),
        mode=mode,
        resting=resting,
        resting_trouble=resting_trouble,
        read_ms=20,
    )


def a_plan(account: Account, *, scope: Scope | None = None, settings: FlatctlSettings | None = None) -> Plan:
    assert account.listings is not None
    return make_plan(account, account.listings, settings or FlatctlSettings(), scope or Scope(), paced)


def paced(orders: Sequence[ReducingOrder]) -> Pace:
    """Under the limits that are published."""
    return pace(orders, OrderLimits())


def a_resting_order(symbol: str = "ETHUSDT", order_id: str = "17", *, reduce_only: bool = False) -> RestingOrder:
    return RestingOrder(
        symbol=symbol,
        order_id=order_id,
        client_order_id=f"theirs-{order_id}",
        conditional=False,
        kind="LIMIT",
        side=OrderSide.BUY,
        quantity=Decimal(1),
        reduce_only=reduce_only,
    )
