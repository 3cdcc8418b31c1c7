"""An account to close: so many positions on the simulator's 674 symbols, always the same."""

from decimal import Decimal
from typing import Any

from bench.stack import SYMBOLS
from exchange_sim.core.universe import generate
from exchange_sim.settings import Settings

_WORTH_USD = (20, 80, 300, 900)


def some_positions(count: int) -> list[dict[str, Any]]:
    """Positions for `/sim/scenario`: long and short in turn, one order each, spread over the listing."""
    universe = generate(SYMBOLS, Settings().seed)
    trading = [
        instrument
        for instrument in universe.instruments.values()
        if instrument.status == "TRADING" and "_" not in instrument.symbol
    ]
    chosen = trading[:: len(trading) // count][:count]
    found = []
    for number, instrument in enumerate(chosen):
        step = max(instrument.lot.step, instrument.market_lot.step)
        steps = Decimal(_WORTH_USD[number % len(_WORTH_USD)]) / universe.marks[instrument.symbol] // step + 1
        quantity = min(steps * step, instrument.market_lot.maximum // step * step)
        found.append({"symbol": instrument.symbol, "qty": str(quantity if number % 2 else -quantity)})
    return found
