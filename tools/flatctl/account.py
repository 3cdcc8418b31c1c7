"""Everything at the exchange that a flatten decides on, read with a connection that can send nothing."""

import asyncio
import time
from collections.abc import Awaitable, Iterator, Mapping
from decimal import Decimal
from typing import TypeVar

from msgspec import Struct

from closing.modes import of_one_mode, shown_mode
from exchange.errors import ExchangeError, KeyRejected
from exchange.model import Listings, PositionMode, PositionReading, RestingOrder
from exchange.ports import AccountReader
from flatctl.asking import asking

T = TypeVar("T")


class Account(Struct, frozen=True, kw_only=True):
    """One reading. Positions are always in it; what else could not be read is one of its troubles."""

    reading: PositionReading
    marks: Mapping[str, Decimal]
    """Only read when an open row carries no mark price of its own; otherwise empty."""
    listings: Listings | None
    listings_trouble: str = ""
    mode: PositionMode
    mode_trouble: str = ""
    """Why the mode could not be read, and is what the rows show."""
    resting: tuple[RestingOrder, ...]
    resting_trouble: str = ""
    """Why waiting orders are not known."""
    read_ms: int
    """How long all of it took."""

    @property
    def troubles(self) -> tuple[str, ...]:
        """What is not known besides positions, one line each."""
        return tuple(self._troubles())

    def _troubles(self) -> Iterator[str]:
        if self.listings_trouble:
            why = self.listings_trouble
            yield f"nobody knows whether rows are missing, which symbols there are could not be read: {why}"
        if self.mode_trouble:
            yield f"the position mode could not be read, the rows show {self.mode}: {self.mode_trouble}"
        if self.resting_trouble:
            yield f"which orders wait could not be read: {self.resting_trouble}"


async def read_account(exchange: AccountReader, where: str, *, in_order: bool) -> Account:
    """Ask the exchange. Raises CommandFailed with one line when positions cannot be read, or the key is refused.

    At the same time, as a run's first reading; or `in_order`, the way that a waiting order takes: conditional ones, the
    others, positions. Only that can show that nothing is open and nothing can open it.
    """
    began_s = time.monotonic()
    with asking(where):
        listed: Awaitable[Listings | ExchangeError] = _or_why(exchange.instruments())
        resting: Awaitable[tuple[RestingOrder, ...] | ExchangeError] = _or_why(
            exchange.resting_orders(in_order=in_order)
        )
        if in_order:
            # The exchange's own limits come first: all that use this address may have used up more than the usual ones.
            listed = _already(await listed)
            resting = _already(await resting)
        waiting, reading, listings, mode = await asyncio.gather(
            resting, _or_why(exchange.positions()), listed, _or_why(exchange.position_mode())
        )
        for answer in (waiting, reading, listings, mode):
            if isinstance(answer, KeyRejected):
                raise answer
        if isinstance(reading, ExchangeError):
            raise reading
        known_mode = shown_mode(reading) if isinstance(mode, ExchangeError) else mode
        reading = of_one_mode(reading, known_mode, strict=False)
        unpriced = any(row.quantity != 0 and row.mark_price is None for row in reading.positions)
        marks = await _or_why(exchange.marks()) if unpriced else {}
    return Account(
        reading=reading,
        marks={} if isinstance(marks, ExchangeError) else marks,
        listings=None if isinstance(listings, ExchangeError) else listings,
        listings_trouble=_why(listings),
        mode=known_mode,
        mode_trouble=_why(mode),
        resting=() if isinstance(waiting, ExchangeError) else waiting,
        resting_trouble=_why(waiting),
        read_ms=round((time.monotonic() - began_s) * 1000),
    )


async def _or_why(answer: Awaitable[T]) -> T | ExchangeError:
    """The answer, or why there is none: one that fails cuts off none of the others."""
    try:
        return await answer
    except ExchangeError as error:
        return error


async def _already(answer: T) -> T:
    return answer


def _why(answer: object) -> str:
    return str(answer) if isinstance(answer, ExchangeError) else ""
