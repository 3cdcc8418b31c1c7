"""What the exchange itself shows, read whole: positions, position mode, resting orders. Never a partial answer."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import TypeVar

from msgspec import Struct

from contracts.vocabulary import PositionSide
from exchange.errors import KeyRejected, ReadFailed, ReadUnusable
from exchange.model import Listings, PositionMode, PositionReading, RestingOrder
from exchange.ports import OrderGateway
from flatten_executor.observe import Observer
from runtime.clock import Clock

RESTING_PATIENCE_S = 5.0
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0

T = TypeVar("T")
Waiting = tuple[tuple[RestingOrder, ...], str]
"""Resting orders, or why they are not known."""


class GroundTruth(Struct, frozen=True, kw_only=True):
    """One reading of everything that a round decides on."""

    reading: PositionReading
    marks: Mapping[str, Decimal]
    """Only read when a row carries no mark price of its own; otherwise empty."""
    listings: Listings
    mode: PositionMode
    resting: tuple[RestingOrder, ...]
    resting_trouble: str = ""
    """Why the resting orders could not be read and are done without; empty when they could."""
    in_order: bool = False
    """Whether positions were read after resting orders: what triggered or filled meanwhile is not missed."""


class Unreadable(Exception):
    """The exchange could not be read before the deadline, or refuses the key: nobody knows what is open."""


async def read_ground_truth(
    gateway: OrderGateway, clock: Clock, observer: Observer, deadline_s: float, *, in_order: bool
) -> GroundTruth:
    """Read everything, again and again until `deadline_s` (monotonic). Raises Unreadable.

    At the same time, which is fast: enough to act on. Or `in_order`, the way that a waiting order takes: conditional
    ones, the others, positions. Only that can show that nothing is open and nothing can open it.
    Resting orders get less patience than positions: not knowing them is no reason to keep positions open.
    """
    read = partial(_read_once, gateway, clock, observer, deadline_s, in_order=in_order)
    return await persistently("positions", read, clock, observer, deadline_s)


async def persistently(
    what: str, read: Callable[[], Awaitable[T]], clock: Clock, observer: Observer, deadline_s: float
) -> T:
    """Call `read` until it gives an answer. Raises Unreadable at the deadline, or at once when the key is refused."""
    pause_s = _FIRST_PAUSE_S
    while True:
        try:
            return await read()
        except KeyRejected as error:
            raise Unreadable(f"the exchange refuses the key: {error}") from error
        except (ReadFailed, ReadUnusable) as error:
            left_s = deadline_s - clock.monotonic_s()
            if left_s <= 0:
                raise Unreadable(f"{what} could not be read: {error}") from error
            observer.reading_failed(what, error)
            wanted_s = max(pause_s, error.retry_after_ms / 1000 if isinstance(error, ReadFailed) else 0)
        await clock.sleep(min(wanted_s, left_s))
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)


async def _read_once(
    gateway: OrderGateway, clock: Clock, observer: Observer, deadline_s: float, *, in_order: bool
) -> GroundTruth:
    resting: Awaitable[Waiting] = _resting(gateway, clock, observer, deadline_s, in_order=in_order)
    if in_order:
        resting = _already(await resting)
    reading, listings, mode, (orders, trouble) = await _together(
        gateway.positions(), gateway.instruments(), gateway.position_mode(), resting
    )
    _require_one_mode(reading, mode)
    return GroundTruth(
        reading=reading,
        marks=await _missing_marks(gateway, observer, reading),
        listings=listings,
        mode=mode,
        resting=orders,
        resting_trouble=trouble,
        in_order=in_order,
    )


async def _already(answer: T) -> T:
    return answer


A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")


async def _together(
    first: Awaitable[A], second: Awaitable[B], third: Awaitable[C], fourth: Awaitable[D]
) -> tuple[A, B, C, D]:
    """All four at once. Waits for all; then raises the first failure, if any, but a refused key before any other."""
    answers = await asyncio.gather(first, second, third, fourth, return_exceptions=True)
    failures = [answer for answer in answers if isinstance(answer, BaseException)]
    for failure in sorted(failures, key=lambda failure: not isinstance(failure, KeyRejected)):
        raise failure
    return answers  # type: ignore[return-value]  # mypy cannot see that the failures are gone


async def _resting(
    gateway: OrderGateway, clock: Clock, observer: Observer, deadline_s: float, *, in_order: bool
) -> Waiting:
    deadline_s = min(deadline_s, clock.monotonic_s() + RESTING_PATIENCE_S)
    try:
        read = partial(gateway.resting_orders, in_order=in_order)
        return await persistently("resting orders", read, clock, observer, deadline_s), ""
    except Unreadable as error:
        return (), str(error)


async def _missing_marks(gateway: OrderGateway, observer: Observer, reading: PositionReading) -> Mapping[str, Decimal]:
    """Mark prices for open rows without one. That nobody has one is no reason to keep a position open."""
    if all(position.mark_price is not None for position in reading.positions if position.quantity):
        return {}
    try:
        return await gateway.marks()
    except (ReadFailed, ReadUnusable) as error:
        observer.reading_failed("mark prices", error)
        return {}


def _require_one_mode(reading: PositionReading, mode: PositionMode) -> None:
    """Raise ReadUnusable when an open row does not fit the mode: it may have changed between the two answers."""
    legs = {PositionSide.BOTH} if mode is PositionMode.ONE_WAY else {PositionSide.LONG, PositionSide.SHORT}
    odd = [row.symbol for row in reading.positions if row.quantity and row.side not in legs]
    if odd:
        raise ReadUnusable("positions", f"the mode is {mode}, but the rows of {', '.join(odd[:3])} are not")
