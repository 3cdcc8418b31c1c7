"""What `/sim/state` shows: where the account stands and what led there."""

import msgspec

from exchange_sim.core import shapes
from exchange_sim.core.evidence import OrderRecord
from exchange_sim.core.numbers import short
from exchange_sim.core.venue import Venue


def snapshot(venue: Venue) -> dict[str, object]:
    """Return everything as one JSON object. Quantities and prices are strings."""
    account, market = venue.account, venue.market
    return {
        "symbols": len(market.instruments),
        "hedge_mode": account.hedge_mode,
        "clock_offset_ms": venue.clock_offset_ms,
        "round_trip_ms": venue.round_trip_ms,
        "positions": [
            {
                "symbol": symbol,
                "position_side": side,
                "qty": short(leg.quantity),
                "entry_price": short(leg.entry_price),
                "mark": short(market.marks[symbol]),
                "notional": short(abs(leg.quantity * market.marks[symbol])),
            }
            for (symbol, side), leg in account.open_legs()
        ],
        "open_orders": [shapes.queried(order, market.instruments[order.symbol]) for order in account.open.values()],
        "algo_orders": [shapes.algo(order, market.instruments[order.symbol]) for order in venue.algo.open()],
        "trades": [shapes.trade(trade, market.instruments[trade.symbol]) for trade in account.trades],
        "orders": order_log(venue),
        "requests": dict(venue.evidence.counts),
        "limits": venue.limiter.limits,
    }


def order_log(venue: Venue) -> list[OrderRecord]:
    """Return the order log, status and fills as they are now."""
    return [_current(venue, record) for record in venue.evidence.orders]


def progress(venue: Venue, method: str | None, path: str | None) -> dict[str, int]:
    """Count orders received, orders filled, open positions, and requests (of one method and path, where given)."""
    counts = venue.evidence.counts
    wanted = [
        amount
        for name, amount in counts.items()
        if (method is None or name.startswith(f"{method} ")) and (path is None or name.endswith(f" {path}"))
    ]
    return {
        "orders": len(venue.evidence.orders),
        "filled": sum(_current(venue, record).status == "FILLED" for record in venue.evidence.orders),
        "open_positions": sum(1 for _ in venue.account.open_legs()),
        "requests": sum(wanted),
    }


def _current(venue: Venue, record: OrderRecord) -> OrderRecord:
    order = venue.account.orders.get(record.order_id) if record.order_id is not None else None
    if order is None:
        return record
    return msgspec.structs.replace(record, status=order.status, executed_qty=short(order.executed))
