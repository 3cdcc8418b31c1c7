"""Prices and depth: mark prices, the best bid and ask around them, and how much an order can take."""

from decimal import Decimal
from typing import Literal

import msgspec
from msgspec import Struct

from exchange_sim.core.errors import refusal
from exchange_sim.core.instruments import Instrument
from exchange_sim.core.numbers import ZERO, floor_to
from exchange_sim.core.universe import Universe
from exchange_sim.core.words import Side

DEEP = Decimal("1e12")
"""Depth of a book that nobody thinned out."""


class Depth(Struct, kw_only=True, forbid_unknown_fields=True):
    """A book that differs from the usual one. Missing prices follow the mark, missing quantities are deep."""

    symbol: str
    bid: Decimal | None = None
    ask: Decimal | None = None
    bid_qty: Decimal | None = None
    ask_qty: Decimal | None = None
    qty: Decimal | None = None
    """Both sides at once."""
    replenish: bool = True
    """Every order meets the full quantity again; else what is taken is gone."""
    expire_as: Literal["EXPIRED", "EXPIRED_IN_MATCH"] = "EXPIRED"
    """How an order ends that finds too little (EXPIRED_IN_MATCH: self-trade prevention)."""


class Market:
    """All books. Marks are in quote units, quantities in base units."""

    def __init__(self, universe: Universe) -> None:
        self.instruments: dict[str, Instrument] = dict(universe.instruments)
        self.marks: dict[str, Decimal] = dict(universe.marks)
        self._depths: dict[str, Depth] = {}

    def instrument(self, symbol: str) -> Instrument:
        """Return the instrument, or refuse with -1121."""
        found = self.instruments.get(symbol)
        if found is None:
            raise refusal(-1121)
        return found

    def thin(self, depth: Depth) -> None:
        """Replace the book of one symbol."""
        self.instrument(depth.symbol)
        self._depths[depth.symbol] = msgspec.structs.replace(
            depth,
            bid_qty=depth.qty if depth.bid_qty is None else depth.bid_qty,
            ask_qty=depth.qty if depth.ask_qty is None else depth.ask_qty,
        )

    def best(self, symbol: str) -> tuple[Decimal, Decimal]:
        """Return best bid and best ask."""
        tick, depth = self.instruments[symbol].tick, self._depths.get(symbol)
        bid = max(floor_to(self.marks[symbol], tick), tick)
        if depth is None:
            return bid, bid + tick
        return bid if depth.bid is None else depth.bid, bid + tick if depth.ask is None else depth.ask

    def quantities(self, symbol: str) -> tuple[Decimal, Decimal]:
        """Return what bid and ask can absorb."""
        depth = self._depths.get(symbol)
        if depth is None:
            return DEEP, DEEP
        return DEEP if depth.bid_qty is None else depth.bid_qty, DEEP if depth.ask_qty is None else depth.ask_qty

    def counter_price(self, symbol: str, side: Side) -> Decimal:
        """Return the price that an order of this side trades at."""
        bid, ask = self.best(symbol)
        return ask if side == "BUY" else bid

    def available(self, symbol: str, side: Side) -> Decimal:
        """Return how much an order of this side finds."""
        bid, ask = self.quantities(symbol)
        return ask if side == "BUY" else bid

    def take(self, symbol: str, side: Side, quantity: Decimal) -> None:
        """Remove what was traded from a book that does not replenish."""
        depth = self._depths.get(symbol)
        if depth is None or depth.replenish:
            return
        if side == "BUY" and depth.ask_qty is not None:
            depth.ask_qty = max(ZERO, depth.ask_qty - quantity)
        elif side == "SELL" and depth.bid_qty is not None:
            depth.bid_qty = max(ZERO, depth.bid_qty - quantity)

    def expire_status(self, symbol: str) -> str:
        """Return how an order ends that finds too little."""
        depth = self._depths.get(symbol)
        return "EXPIRED" if depth is None else depth.expire_as

    def set_mark(self, symbol: str, mark: Decimal) -> None:
        """Move a mark price. Raises the venue's -1121 for an unknown symbol."""
        self.instrument(symbol)
        self.marks[symbol] = mark

    def set_status(self, symbol: str, status: str) -> None:
        """Move an instrument to another state of its life."""
        self.instruments[symbol] = self.instrument(symbol).with_status(status)
