"""Resting orders out of the way: cancelled, and confirmed gone by a new reading of the exchange."""

import asyncio
from collections.abc import Iterable

from contracts.resting import RestingCancelled
from exchange.errors import ExchangeError
from exchange.model import RestingOrder
from exchange.ports import OrderGateway
from flatten_executor.concurrency import within
from flatten_executor.lease import RunLease
from flatten_executor.observe import Observer
from flatten_executor.permit import Permit
from runtime.clock import Clock

ATTEMPTS = 3
CANCEL_S = 3.0
"""How long one attempt waits for answers to its cancels, a stop or not, and then for the reading of what is gone."""
PATIENCE_S = 5.0
"""How long all attempts take at most: a waiting order that cannot be cancelled is no reason to keep positions open."""
_PAUSE_S = 0.1


async def cancel_and_confirm(
    resting: Iterable[RestingOrder],
    gateway: OrderGateway,
    lease: RunLease,
    permit: Permit,
    *,
    clock: Clock,
    observer: Observer,
    deadline_s: float,
) -> int:
    """Cancel these orders, and those that turn up in the same symbols meanwhile, while the run may send; how many went.

    What is confirmed gone is on record. A failed cancel is tried again, for `PATIENCE_S` or until `deadline_s`
    (monotonic); a close is attempted all the same.
    """
    until_s = min(deadline_s, clock.monotonic_s() + PATIENCE_S)
    left = {_identity(order): order for order in resting}
    symbols = {order.symbol for order in left.values()}
    gone: dict[tuple[str, bool], RestingOrder] = {}
    for attempt in range(ATTEMPTS):
        await permit.sleep(_PAUSE_S * attempt)
        if not left or permit.reason:
            break
        lease.require()
        wanted = sorted({(order.symbol, order.conditional) for order in left.values()})
        await within(min(CANCEL_S, until_s - clock.monotonic_s()), _cancel_all(wanted, gateway, observer))
        shown = await within(min(CANCEL_S, until_s - clock.monotonic_s()), _read(gateway, observer))
        if shown is None:
            continue
        now = {_identity(order): order for order in shown if order.symbol in symbols}
        gone.update({identity: order for identity, order in left.items() if identity not in now})
        left = now
    await _put_on_record(gone.values(), lease, clock)
    return len(gone)


async def cancel_unseen(
    symbols: Iterable[str], gateway: OrderGateway, lease: RunLease, permit: Permit, observer: Observer
) -> None:
    """Cancel whatever may wait in these symbols, where nobody can see what does: it could refuse the close."""
    if permit.reason:
        return
    lease.require()
    wanted = [(symbol, conditional) for symbol in sorted(symbols) for conditional in (False, True)]
    await within(CANCEL_S, _cancel_all(wanted, gateway, observer))


async def _cancel_all(wanted: Iterable[tuple[str, bool]], gateway: OrderGateway, observer: Observer) -> None:
    await asyncio.gather(
        *(_cancel(gateway, observer, symbol, conditional=conditional) for symbol, conditional in wanted)
    )


async def _read(gateway: OrderGateway, observer: Observer) -> tuple[RestingOrder, ...] | None:
    try:
        return await gateway.resting_orders()
    except ExchangeError as error:
        observer.reading_failed("resting orders after cancelling", error)
        return None


async def _cancel(gateway: OrderGateway, observer: Observer, symbol: str, *, conditional: bool) -> None:
    try:
        await gateway.cancel_resting(symbol, conditional=conditional)
    except ExchangeError as error:
        observer.cancel_failed(symbol, error)


async def _put_on_record(gone: Iterable[RestingOrder], lease: RunLease, clock: Clock) -> None:
    by_symbol: dict[str, list[str]] = {}
    for order in gone:
        by_symbol.setdefault(order.symbol, []).append(order.order_id)
    if not by_symbol:
        return
    now_ms = clock.now_ms()
    events = [
        RestingCancelled(
            request_id=lease.request_id,
            fence=lease.fence,
            symbol=symbol,
            order_ids=tuple(order_ids),
            cancelled_at_ms=now_ms,
        )
        for symbol, order_ids in by_symbol.items()
    ]
    await lease.record(events=events)


def _identity(order: RestingOrder) -> tuple[str, bool]:
    return order.order_id, order.conditional
