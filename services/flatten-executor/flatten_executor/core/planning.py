"""From what is to be closed to the orders that close it. The same input gives the same orders, ids included."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from hashlib import blake2b

from msgspec import Struct

from exchange.model import Instrument, ReducingOrder
from flatten_executor.core.filters import PositionKey, Sifted
from flatten_executor.core.quantities import closable_quantity, split


class PlannedOrder(Struct, frozen=True, kw_only=True):
    """One order of a round, and what it was planned against."""

    order: ReducingOrder
    position_quantity: Decimal
    """The position as last read, signed."""
    mark_price: Decimal | None
    round_number: int
    chunk: int

    @property
    def key(self) -> PositionKey:
        """The position that the order reduces."""
        return PositionKey(self.order.symbol, self.order.position_side)


def client_order_id(request_id: str, key: PositionKey, round_number: int, chunk: int) -> str:
    """36 characters, one for each (request, symbol, leg, round, chunk) (I7).

    `fg-`, eight digits that all orders of one request share, so that a person finds them on the venue's screen, and
    96 bits over everything. Binance takes `^[.A-Z:/a-z0-9_-]{1,36}$`.
    """
    request = blake2b(request_id.encode(), digest_size=4).hexdigest()
    parts = "\x1f".join((request_id, key.symbol, key.side, str(round_number), str(chunk)))
    return f"fg-{request}-{blake2b(parts.encode(), digest_size=12).hexdigest()}"


def plan_round(
    to_close: Iterable[Sifted],
    instruments: Mapping[str, Instrument],
    *,
    request_id: str,
    round_number: int,
) -> tuple[PlannedOrder, ...]:
    """The orders of one round: opposite side, floored to the step, split at the maximum (I5, I6, I13).

    Largest notional first, and before all others what has no known notional: it may be the largest.
    """
    ranked = sorted(to_close, key=_rank)
    return tuple(
        planned
        for sifted in ranked
        for planned in _orders(sifted, instruments[sifted.position.symbol], request_id, round_number)
    )


def _rank(sifted: Sifted) -> tuple[bool, Decimal, PositionKey]:
    return sifted.notional_usd is not None, -(sifted.notional_usd or Decimal(0)), sifted.key


def _orders(sifted: Sifted, instrument: Instrument, request_id: str, round_number: int) -> tuple[PlannedOrder, ...]:
    position = sifted.position
    quantity = closable_quantity(abs(position.quantity), instrument)
    if quantity == 0:
        return ()
    return tuple(
        PlannedOrder(
            order=ReducingOrder.closing(
                position, chunk_quantity, client_order_id(request_id, sifted.key, round_number, chunk)
            ),
            position_quantity=position.quantity,
            mark_price=sifted.mark_price,
            round_number=round_number,
            chunk=chunk,
        )
        for chunk, chunk_quantity in enumerate(split(quantity, instrument))
    )
