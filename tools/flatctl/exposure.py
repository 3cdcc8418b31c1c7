"""The direct reading of the exchange: what is open, what it is worth, and what could not be read."""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from contracts.vocabulary import PositionSide
from exchange.errors import ExchangeError, KeyRejected
from exchange.factory import ExchangeConfig, open_reader
from exchange.model import Position, PositionReading, UnreadableRow
from flatctl.exits import UNKNOWN, CommandFailed
from flatctl.settings import FlatctlSettings


class OpenPosition(Struct, frozen=True, kw_only=True):
    """One open position."""

    symbol: str
    position_side: PositionSide
    quantity: Decimal
    """Signed: negative is short."""
    mark_price: Decimal | None
    notional_usd: Decimal | None
    """Absolute."""


class Exposure(Struct, frozen=True, kw_only=True):
    """One complete reading."""

    rows_seen: int
    started_at_ms: int
    """When the request was sent."""
    positions: tuple[OpenPosition, ...]
    """Largest notional first; those without a price before all."""
    total_usd: Decimal
    unpriced: int
    unreadable: tuple[UnreadableRow, ...]


async def read_exposure(settings: FlatctlSettings) -> Exposure:
    """Ask the exchange itself. Raises CommandFailed with one line; a key or secret is in none of them."""
    config = ExchangeConfig(
        exchange_id=settings.exchange_id,
        environment=settings.exchange_env,
        base_url=settings.exchange_base_url or None,
        api_key=settings.exchange_api_key.reveal(),
        api_secret=settings.exchange_api_secret.reveal(),
    )
    where = settings.exchange_base_url or f"{settings.exchange_id} ({settings.exchange_env})"
    try:
        reader = open_reader(config)
    except ValueError as error:
        raise CommandFailed(str(error)) from error
    try:
        reading = await reader.positions()
        unpriced = any(row.quantity != 0 and row.mark_price is None for row in reading.positions)
        marks = await reader.marks() if unpriced else {}
    except KeyRejected as error:
        raise CommandFailed(
            f"{where} rejects the key: {error}; check EXCHANGE_API_KEY and EXCHANGE_API_SECRET"
        ) from error
    except ExchangeError as error:
        raise CommandFailed(
            f"{where} could not be read: {error}; nothing is known about what is open", UNKNOWN
        ) from error
    finally:
        await reader.aclose()
    return exposure_of(reading, marks)


def exposure_of(reading: PositionReading, marks: Mapping[str, Decimal]) -> Exposure:
    """Every row whose quantity is not exactly zero, dust included."""
    rows = [_open(row, marks) for row in reading.positions if row.quantity != 0]
    rows.sort(key=lambda row: (row.notional_usd is not None, -(row.notional_usd or Decimal(0)), row.symbol))
    known = [row.notional_usd for row in rows if row.notional_usd is not None]
    return Exposure(
        rows_seen=reading.rows_seen,
        started_at_ms=reading.started_at_ms,
        positions=tuple(rows),
        total_usd=sum(known, Decimal(0)),
        unpriced=len(rows) - len(known),
        unreadable=reading.unreadable,
    )


def _open(row: Position, marks: Mapping[str, Decimal]) -> OpenPosition:
    mark = row.mark_price if row.mark_price is not None else marks.get(row.symbol)
    return OpenPosition(
        symbol=row.symbol,
        position_side=row.side,
        quantity=row.quantity,
        mark_price=mark,
        notional_usd=None if mark is None else abs(row.quantity) * mark,
    )
