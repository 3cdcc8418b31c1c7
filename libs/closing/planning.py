"""From what is to be closed to the orders that close it. The same input gives the same orders, ids included."""

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from hashlib import blake2b

from msgspec import Struct

from closing.filters import PositionKey, Sifted
from closing.quantities import closable_quantity, split
from exchange.instruments import band_limit
from exchange.model import Instrument, ReducingOrder


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
    at_band: Collection[PositionKey] = (),
) -> tuple[PlannedOrder, ...]:
    """The orders of one round: opposite side, floored to the step, split at the maximum (I5, I6, I13).

    Largest notional first, and before all others what has no known notional: it may be the largest. Positions
    `at_band` get limit orders at the edge of the venue's price band, where it can be worked out.
    """
    return tuple(
        planned
        for sifted in sorted(to_close, key=_rank)
        for planned in _orders(
            sifted, instruments[sifted.position.symbol], request_id, round_number, at_band=sifted.key in at_band
        )
    )


def _rank(sifted: Sifted) -> tuple[bool, Decimal, PositionKey]:
    return sifted.notional_usd is not None, -(sifted.notional_usd or Decimal(0)), sifted.key


def _orders(
    sifted: Sifted, instrument: Instrument, request_id: str, round_number: int, *, at_band: bool
) -> tuple[PlannedOrder, ...]:
    position, mark = sifted.position, sifted.mark_price
    quantity = closable_quantity(abs(position.quantity), instrument)
    if quantity == 0:
        return ()
    limit_price = band_limit(mark, instrument, selling=position.quantity > 0) if at_band and mark is not None else None
    return tuple(
        PlannedOrder(
            order=ReducingOrder.closing(
                position, chunk_quantity, client_order_id(request_id, sifted.key, round_number, chunk), limit_price
            ),
            position_quantity=position.quantity,
            mark_price=mark,
            round_number=round_number,
            chunk=chunk,
        )
        for chunk, chunk_quantity in enumerate(split(quantity, instrument))
    )
