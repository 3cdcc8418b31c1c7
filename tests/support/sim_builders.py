"""Small venues for unit tests of the simulator's core."""

from decimal import Decimal
from typing import Any

import msgspec

from exchange_sim.core.desk import Submission, submit
from exchange_sim.core.evidence import RequestRecord
from exchange_sim.core.faults import Call
from exchange_sim.core.instruments import from_listing
from exchange_sim.core.scenario import Scenario
from exchange_sim.core.signing import ApiKey
from exchange_sim.core.universe import Universe
from exchange_sim.core.venue import Venue

NOW_MS = 1_769_571_479_000
TRADER = ApiKey(key="sim-key", secret="sim-secret", may_trade=True)
READER = ApiKey(key="sim-read-key", secret="sim-read-secret", may_trade=False)


def listing(symbol: str = "ETHUSDT", **changes: Any) -> dict[str, Any]:
    """One row of exchangeInfo: step 0.001, at most 100 by limit and 20 by market order, price band 5 %."""
    filters = {
        "PRICE_FILTER": {"minPrice": "0.01", "maxPrice": "100000", "tickSize": "0.01"},
        "LOT_SIZE": {"minQty": "0.001", "maxQty": "100", "stepSize": "0.001"},
        "MARKET_LOT_SIZE": {"minQty": "0.001", "maxQty": "20", "stepSize": "0.001"},
        "MIN_NOTIONAL": {"notional": "20"},
        "PERCENT_PRICE": {"multiplierUp": "1.0500", "multiplierDown": "0.9500", "multiplierDecimal": "4"},
    }
    for name, values in changes.pop("filters", {}).items():
        filters[name] = {**filters[name], **values}
    return {
        "symbol": symbol,
        "status": "TRADING",
        "baseAsset": symbol[:-4],
        "quoteAsset": symbol[-4:],
        "marginAsset": "USDT",
        "quantityPrecision": 3,
        "pricePrecision": 2,
        "filters": [{"filterType": name, **values} for name, values in filters.items()],
        **changes,
    }


def venue(*rows: dict[str, Any], mark: str = "2000", **scenario: Any) -> Venue:
    """A venue with these listings (ETHUSDT and BTCUSDT by default), all at one mark, in this scenario."""
    listings = rows or (listing("ETHUSDT"), listing("BTCUSDT"))
    instruments = {instrument.symbol: instrument for instrument in map(from_listing, listings)}
    universe = Universe(instruments=instruments, marks=dict.fromkeys(instruments, Decimal(mark)))
    return Venue(universe, {key.key: key for key in (TRADER, READER)}, scene(**scenario))


def scene(**fields: Any) -> Scenario:
    """A scenario from plain JSON values."""
    return msgspec.convert(fields, Scenario)


def holding(qty: str, symbol: str = "ETHUSDT", **more: Any) -> list[dict[str, Any]]:
    """The positions of a scenario with one position."""
    return [{"symbol": symbol, "qty": qty, **more}]


def market_order(side: str, quantity: str, symbol: str = "ETHUSDT", **more: str) -> dict[str, str]:
    """Parameters of a market order, RESULT."""
    return {
        "symbol": symbol,
        "side": side,
        "type": "MARKET",
        "quantity": quantity,
        "newOrderRespType": "RESULT",
        **more,
    }


def limit_order(side: str, quantity: str, price: str, symbol: str = "ETHUSDT", **more: str) -> dict[str, str]:
    """Parameters of a limit order, GTC, RESULT."""
    return {
        **market_order(side, quantity, symbol),
        "type": "LIMIT",
        "price": price,
        "timeInForce": "GTC",
        **more,
    }


def send(target: Venue, order: dict[str, str], now_ms: int = NOW_MS) -> dict[str, object]:
    """Place one order as `POST /fapi/v1/order` does; raises the venue's refusal."""
    record = RequestRecord(index=1, method="POST", path="/fapi/v1/order", api_key="sim-key", received_us=now_ms * 1000)
    call = Call(method="POST", path="/fapi/v1/order", orders=(order,), params=order)
    return submit(target, order, Submission(call=call, record=record, now_ms=now_ms, now_us=now_ms * 1000))


def quantity(target: Venue, symbol: str = "ETHUSDT", side: Any = "BOTH") -> Decimal:
    """What is open."""
    return target.account.leg(symbol, side).quantity
