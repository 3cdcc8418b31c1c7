"""The simulator on a real list of instruments: positions across all of it can be closed by its rules."""

from decimal import ROUND_DOWN, Decimal
from typing import Any

import msgspec

from support.shared_data import shared_file
from support.sim import Simulator
from support.venue_client import VenueClient, closing

POSITIONS = 240


def rules_of(listing: dict[str, Any]) -> tuple[Decimal, Decimal]:
    """Step and largest quantity of a market order: the stricter of both lot rules."""
    filters = {entry["filterType"]: entry for entry in listing["filters"]}
    lots = filters["LOT_SIZE"], filters["MARKET_LOT_SIZE"]
    return max(Decimal(lot["stepSize"]) for lot in lots), min(Decimal(lot["maxQty"]) for lot in lots)


async def test_positions_across_a_real_list_are_closed_by_floored_and_split_orders() -> None:
    path = shared_file("fapi_exchange_info_660.json")
    listings = [row for row in msgspec.json.decode(path.read_bytes())["symbols"] if row["status"] == "TRADING"]
    chosen = listings[:: max(1, len(listings) // POSITIONS)]
    rules = {row["symbol"]: rules_of(row) for row in chosen}
    held = {
        # Every third position is larger than one market order may be; every second is short.
        symbol: (most * Decimal("1.5") if index % 3 == 0 else step * (7 + index)) * (1 if index % 2 else -1)
        for index, (symbol, (step, most)) in enumerate(rules.items())
    }

    async with Simulator("--exchange-info", str(path)) as simulator, VenueClient(simulator.base_url) as client:
        await simulator.limits(orders_10s=10_000, orders_1m=10_000)
        await simulator.scenario(positions=[{"symbol": symbol, "qty": str(qty)} for symbol, qty in held.items()])
        assert len(await simulator.positions()) == len(held) > 200

        orders = [order for symbol, qty in held.items() for order in closes(symbol, qty, *rules[symbol])]
        replies = [await client.batch(orders[start : start + 5]) for start in range(0, len(orders), 5)]

        answers = [answer for reply in replies for answer in reply.json]
        assert {answer.get("status", str(answer)) for answer in answers} == {"FILLED"}
        left = await simulator.positions()
        assert all(abs(quantity) < rules[symbol][0] for (symbol, _), quantity in left.items())


def closes(symbol: str, position: Decimal, step: Decimal, most: Decimal) -> list[dict[str, str]]:
    """Split a close into orders that the venue takes."""
    left = (abs(position) / step).to_integral_value(ROUND_DOWN) * step
    orders = []
    while left > 0:
        part = min(left, most // step * step)
        orders.append(closing(symbol, part.copy_sign(position), quantity=format(part, "f")))
        left -= part
    return orders
