"""A state of the account and the market to start from, or a change to it: the body of `POST /sim/scenario`."""

from decimal import Decimal
from random import Random
from typing import Final, Literal

from msgspec import Struct

from exchange_sim.core.instruments import Instrument
from exchange_sim.core.market import Depth
from exchange_sim.core.numbers import floor_to
from exchange_sim.core.universe import ETH_INCIDENT_MARK, Universe
from exchange_sim.core.words import PositionSide, Side

INCIDENT_OTHERS: Final = 40


class ScenarioPosition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One position, signed quantity. Any quantity is taken, dust below one step too."""

    symbol: str
    qty: Decimal
    position_side: PositionSide | None = None
    """BOTH in one-way mode; in hedge mode LONG or SHORT by the sign when it is left out."""
    entry_price: Decimal | None = None
    """The mark price when it is left out."""
    mark: Decimal | None = None


class RestingOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An order that waits already. LIMIT rests in the book, the conditional types in the algo service."""

    symbol: str
    side: Side
    type: Literal["LIMIT", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"] = "LIMIT"
    qty: Decimal = Decimal(0)
    price: Decimal = Decimal(0)
    trigger_price: Decimal = Decimal(0)
    reduce_only: bool = False
    close_position: bool = False
    position_side: PositionSide = "BOTH"
    client_order_id: str | None = None


class Scenario(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is set. What is left out stays as it was; as a whole scenario it starts from a flat account."""

    positions: list[ScenarioPosition] = []
    marks: dict[str, Decimal] = {}
    hedge_mode: bool | None = None
    resting_orders: list[RestingOrder] = []
    cancel_open_orders: list[str] = []
    """Symbols whose resting and conditional orders disappear (someone else cancelled them)."""
    book: list[Depth] = []
    statuses: dict[str, str] = {}
    balance: Decimal | None = None
    clock_offset_ms: int | None = None
    """How far the venue's clock is ahead from now on."""


def incident(universe: Universe, seed: int) -> Scenario:
    """Return the incident: 44 positions, 40 of them made up, long and short, each worth at least 5 USD.

    Raises ValueError when the universe is too small for it.
    """
    named = [
        ScenarioPosition(symbol="ETHUSDT", qty=Decimal("9.1"), mark=ETH_INCIDENT_MARK),
        ScenarioPosition(symbol="BTCUSDT", qty=Decimal("0.002")),
        ScenarioPosition(symbol="XRPUSDT", qty=Decimal("1830.4")),
        ScenarioPosition(symbol="ADAUSDT", qty=Decimal("9599.0")),
    ]
    taken = {position.symbol for position in named}
    missing = taken - universe.instruments.keys()
    if missing:
        raise ValueError(f"scenario incident: the universe has no {', '.join(sorted(missing))}")
    random = Random(seed)  # noqa: S311 - deterministic positions, not a secret
    others = [
        instrument
        for instrument in universe.instruments.values()
        if instrument.status == "TRADING" and instrument.symbol not in taken and "_" not in instrument.symbol
    ]
    if len(others) < INCIDENT_OTHERS:
        raise ValueError(f"scenario incident: needs {INCIDENT_OTHERS} more trading symbols, found {len(others)}")
    made_up = [
        _some_position(instrument, universe.marks[instrument.symbol], random)
        for instrument in sorted(random.sample(others, INCIDENT_OTHERS), key=lambda entry: entry.symbol)
    ]
    return Scenario(positions=named + made_up)


def _some_position(instrument: Instrument, mark: Decimal, random: Random) -> ScenarioPosition:
    worth = Decimal(random.randint(500, 90_000)) / 100
    step = max(instrument.lot.step, instrument.market_lot.step)
    most = min(instrument.lot.maximum, instrument.market_lot.maximum)
    quantity = min(floor_to(worth / mark, step) + step, floor_to(most, step))
    return ScenarioPosition(symbol=instrument.symbol, qty=quantity * random.choice((1, -1)))
