"""What may be traded and under which filters, read from a row of `exchangeInfo`."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec
from msgspec import Struct


class LotRule(Struct, frozen=True):
    """LOT_SIZE or MARKET_LOT_SIZE: bounds and step of an order's quantity, in base units."""

    minimum: Decimal
    maximum: Decimal
    step: Decimal


class Instrument(Struct, frozen=True, kw_only=True):
    """One symbol. `listing` is its row of `exchangeInfo` as it is served."""

    symbol: str
    status: str
    quantity_places: int
    price_places: int
    lot: LotRule
    market_lot: LotRule
    tick: Decimal
    minimum_price: Decimal
    multiplier_up: Decimal
    multiplier_down: Decimal
    minimum_notional: Decimal
    margin_asset: str
    listing: dict[str, object]

    def with_status(self, status: str) -> "Instrument":
        """Return the same instrument in another state of its life."""
        return msgspec.structs.replace(self, status=status, listing={**self.listing, "status": status})


class _Filter(Struct, rename="camel"):
    """Any filter; the fields that this kind does not have stay empty."""

    filter_type: str
    min_qty: str = "0"
    max_qty: str = "0"
    step_size: str = "1"
    tick_size: str = "1"
    min_price: str = "0"
    notional: str = "0"
    multiplier_up: str = "100"
    multiplier_down: str = "0"


class _Listing(Struct, rename="camel"):
    symbol: str
    status: str
    margin_asset: str
    quantity_precision: int
    price_precision: int
    filters: list[_Filter]


def from_listing(row: Mapping[str, object]) -> Instrument:
    """Read one row of `symbols`. Raises ValueError that names the symbol and what is missing."""
    name = row.get("symbol", "?")
    try:
        listing = msgspec.convert(row, _Listing)
        filters = {entry.filter_type: entry for entry in listing.filters}
        price, percent = filters["PRICE_FILTER"], filters["PERCENT_PRICE"]
        return Instrument(
            symbol=listing.symbol,
            status=listing.status,
            quantity_places=listing.quantity_precision,
            price_places=listing.price_precision,
            lot=_lot(filters["LOT_SIZE"], listing.quantity_precision),
            market_lot=_lot(filters["MARKET_LOT_SIZE"], listing.quantity_precision),
            tick=_step(price.tick_size, listing.price_precision),
            minimum_price=Decimal(price.min_price),
            multiplier_up=Decimal(percent.multiplier_up),
            multiplier_down=Decimal(percent.multiplier_down),
            minimum_notional=Decimal(filters["MIN_NOTIONAL"].notional),
            margin_asset=listing.margin_asset,
            listing=dict(row),
        )
    except KeyError as error:
        raise ValueError(f"exchangeInfo: {name} has no filter {error.args[0]}") from error
    except (msgspec.ValidationError, ArithmeticError) as error:
        raise ValueError(f"exchangeInfo: {name}: {error}") from error


def _lot(entry: _Filter, places: int) -> LotRule:
    return LotRule(Decimal(entry.min_qty), Decimal(entry.max_qty), _step(entry.step_size, places))


def _step(text: str, places: int) -> Decimal:
    """Read a step; 0 switches the rule off (the venue's documentation), then only the digits count."""
    return Decimal(text) or Decimal(1).scaleb(-places)
