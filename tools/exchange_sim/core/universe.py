"""The instruments and their first mark prices: generated, the same for the same seed, or read from `exchangeInfo`."""

from collections.abc import Mapping
from decimal import Decimal
from random import Random
from typing import Final

import msgspec
from msgspec import Struct

from exchange_sim.core.instruments import Instrument, from_listing
from exchange_sim.core.numbers import MARK_PLACES, floor_to, plain
from exchange_sim.core.words import CONDITIONAL_TYPES

ETH_INCIDENT_MARK: Final = Decimal("3446.26373626")
"""9.1 ETH at this mark are 31,361.00 USD."""

_FIXED: Final = (
    # symbol, mark, tick, quantity places, largest limit quantity, largest market quantity, minimum notional
    ("BTCUSDT", "89214.30000000", "0.10", 3, "1000", "120", "100"),
    ("ETHUSDT", str(ETH_INCIDENT_MARK), "0.01", 3, "10000", "2000", "20"),
    ("XRPUSDT", "1.91240000", "0.0001", 1, "10000000", "1000000", "5"),
    ("ADAUSDT", "0.35710000", "0.00010", 0, "20000000", "5000000", "5"),
)
_DATED: Final = ("BTCUSDT_270326", "ETHUSDT_270326")
_NOT_TRADING: Final = ("SETTLING", "PENDING_TRADING", "SETTLING", "CLOSE", "PENDING_TRADING", "PRE_SETTLE")
_NOT_TRADING_EVERY: Final = 41
_ODD_STEP_EVERY: Final = 131
_LARGER_MARKET_EVERY: Final = 113
_SYLLABLES: Final = ("BA", "CO", "DRI", "FEN", "GLO", "HUR", "KAV", "LUM", "MOX", "NIR", "PEL", "QUA", "RUN", "SOL")
_TAILS: Final = ("A", "IO", "X", "ON", "IS", "EX", "UM", "AR", "ETH", "IC", "OR", "Y")
_ONBOARD_MS: Final = 1_600_000_000_000
_PERPETUAL_DELIVERY_MS: Final = 4_133_404_800_000
_DATED_DELIVERY_MS: Final = 1_806_048_000_000
_SMALL: Final = Decimal("0.1")


class Universe(Struct, frozen=True, kw_only=True):
    """Everything that is listed, in listing order, and what it is worth at the start."""

    instruments: dict[str, Instrument]
    marks: dict[str, Decimal]


class _Spec(Struct, frozen=True, kw_only=True):
    symbol: str
    mark: Decimal
    tick: str
    places: int
    step: str
    largest: str
    largest_market: str
    minimum_notional: str
    status: str = "TRADING"
    dated: bool = False


def generate(count: int, seed: int) -> Universe:
    """Make `count` plausible instruments (at least the four named ones and two dated contracts)."""
    random = Random(seed)  # noqa: S311 - a deterministic universe, not a secret
    specs = [_fixed(*row) for row in _FIXED]
    specs += [msgspec.structs.replace(specs[index], symbol=name, dated=True) for index, name in enumerate(_DATED)]
    names = {spec.symbol for spec in specs}
    while len(specs) < count:
        name = _name(random)
        if name not in names:
            names.add(name)
            specs.append(_random_spec(name, len(specs), random))
    specs = specs[: max(count, len(_FIXED))]
    instruments = {spec.symbol: from_listing(_listing(spec)) for spec in specs}
    return Universe(instruments=instruments, marks={spec.symbol: spec.mark for spec in specs})


def load(document: object, seed: int) -> Universe:
    """Read an answer of `exchangeInfo`; marks are made up inside each price filter. Raises ValueError."""
    rows = document.get("symbols") if isinstance(document, Mapping) else None
    if not isinstance(rows, list) or not rows:
        raise ValueError("exchangeInfo: no `symbols` array; expected the answer of GET /fapi/v1/exchangeInfo")
    random = Random(seed)  # noqa: S311 - deterministic prices, not a secret
    instruments = {instrument.symbol: instrument for instrument in map(from_listing, rows)}
    known = {str(row[0]): Decimal(str(row[1])) for row in _FIXED}
    made_up = {symbol: _plausible_mark(instrument, random) for symbol, instrument in instruments.items()}
    marks = {symbol: known.get(symbol, mark) for symbol, mark in made_up.items()}
    return Universe(instruments=instruments, marks=marks)


def _plausible_mark(instrument: Instrument, random: Random) -> Decimal:
    """Return some 2,000 to 9,000 ticks: four significant digits, as venues choose ticks; above the minimum."""
    ticks = Decimal(random.randint(2000, 9000))
    lowest = max(instrument.minimum_price * 2, instrument.tick)
    return max(ticks * instrument.tick, floor_to(lowest, instrument.tick)) + instrument.tick / 4


def _name(random: Random) -> str:
    stem = "".join(random.sample(_SYLLABLES, random.randint(1, 2))) + random.choice(_TAILS)
    scale = random.choices(("", "1000", "1000000"), (40, 3, 1))[0]
    return f"{scale}{stem}{random.choices(('USDT', 'USDC'), (19, 1))[0]}"


def _fixed(*row: str | int) -> _Spec:
    symbol, mark, tick, places, largest, largest_market, minimum = (str(value) for value in row)
    step = plain(Decimal(1).scaleb(-int(places)), int(places))
    return _Spec(
        symbol=symbol,
        mark=Decimal(mark),
        tick=tick,
        places=int(places),
        step=step,
        largest=largest,
        largest_market=largest_market,
        minimum_notional=minimum,
    )


def _random_spec(name: str, index: int, random: Random) -> _Spec:
    digits = random.randint(1000, 9999)
    magnitude = random.choices(range(-7, 0), (4, 10, 25, 35, 16, 8, 2))[0]
    mark = Decimal(digits).scaleb(magnitude)
    places = max(0, min(3, magnitude + 5))
    step = Decimal(1).scaleb(-places)
    if index % _ODD_STEP_EVERY == 0:
        step *= 10 if places else 5
    largest = floor_to(Decimal(random.randint(2, 60)) * 100_000 / mark, step) + step
    part = Decimal("1.5") if index % _LARGER_MARKET_EVERY == 0 else 1 / Decimal(random.choice((10, 4, 2, 2, 1)))
    status = _NOT_TRADING[index // _NOT_TRADING_EVERY % len(_NOT_TRADING)] if index % _NOT_TRADING_EVERY == 0 else ""
    return _Spec(
        symbol=name,
        mark=mark + Decimal(random.randint(0, 9999)).scaleb(magnitude - 4),
        tick=plain(Decimal(1).scaleb(magnitude), -magnitude),
        places=places,
        step=plain(step, places),
        largest=plain(largest, places),
        largest_market=plain(max(step, floor_to(largest * part, step)), places),
        minimum_notional="5",
        status=status or "TRADING",
    )


def _listing(spec: _Spec) -> dict[str, object]:
    pair = spec.symbol.partition("_")[0]
    base, quote = pair[:-4], pair[-4:]
    price_places = max(len(spec.tick.partition(".")[2]), 1)
    lot = {"minQty": spec.step, "stepSize": spec.step}
    return {
        "symbol": spec.symbol,
        "pair": pair,
        "contractType": "NEXT_QUARTER" if spec.dated else "PERPETUAL",
        "deliveryDate": _DATED_DELIVERY_MS if spec.dated else _PERPETUAL_DELIVERY_MS,
        "onboardDate": _ONBOARD_MS,
        "status": spec.status,
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": base,
        "quoteAsset": quote,
        "marginAsset": quote,
        "pricePrecision": price_places,
        "quantityPrecision": spec.places,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.015000",
        "marketTakeBound": "0.10",
        "maxMoveOrderLimit": 10000,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": spec.tick,
                "maxPrice": plain(spec.mark * 100, price_places),
                "tickSize": spec.tick,
            },
            {"filterType": "LOT_SIZE", "maxQty": spec.largest, **lot},
            {"filterType": "MARKET_LOT_SIZE", "maxQty": spec.largest_market, **lot},
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 10},
            {"filterType": "MIN_NOTIONAL", "notional": spec.minimum_notional},
            {
                "filterType": "PERCENT_PRICE",
                "multiplierUp": "1.0500" if spec.mark > _SMALL else "1.1500",
                "multiplierDown": "0.9500" if spec.mark > _SMALL else "0.8500",
                "multiplierDecimal": "4",
            },
            {"filterType": "POSITION_RISK_CONTROL", "positionControlSide": "NONE"},
        ],
        "orderTypes": ["LIMIT", "MARKET", *CONDITIONAL_TYPES],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
    }


def mark_text(mark: Decimal) -> str:
    """Format a mark price as the venue does, eight digits after the point."""
    return plain(mark, MARK_PLACES)
