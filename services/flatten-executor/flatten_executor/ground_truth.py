"""What the exchange itself shows, read whole: positions, position mode, resting orders. Never a partial answer."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from functools import partial
from itertools import count
from typing import TypeVar

from msgspec import Struct

from closing.modes import of_one_mode, shown_mode
from exchange.errors import KeyRejected, ReadFailed, ReadUnusable
from exchange.model import Listings, PositionMode, PositionReading, RestingOrder
from exchange.ports import OrderGateway
from flatten_executor.observe import Observer
from flatten_executor.permit import Permit
from runtime.clock import Clock

RESTING_PATIENCE_S = 5.0
MODE_PATIENCE_S = 5.0
MODE_ANSWER_S = 1.5
"""How long one question for the mode may take before it is asked again: it is small, and everything waits for it."""
STOPPED_PATIENCE_S = 5.0
"""How long a run that was stopped goes on reading: whoever stopped it waits for its word."""
_MODE_TRIES = 3
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
    mode_trouble: str = ""
    """Why the mode could not be read, and is what the rows show; empty when it could."""
    resting: tuple[RestingOrder, ...]
    resting_trouble: str = ""
    """Why the resting orders could not be read and are done without; empty when they could."""
    in_order: bool = False
    """Whether positions were read after resting orders: what triggered or filled meanwhile is not missed."""

    @property
    def may_hide(self) -> bool:
        """Whether what could not be read may be an order that opens a position, or a leg."""
        return bool(self.resting_trouble) or (bool(self.mode_trouble) and self.mode is PositionMode.ONE_WAY)


class Unreadable(Exception):
    """The exchange could not be read before the deadline, or refuses the key: nobody knows what is open."""


class TruthReader:
    """Reads everything, again and again. Once the run is stopped, only for `STOPPED_PATIENCE_S` more."""

    def __init__(self, gateway: OrderGateway, clock: Clock, observer: Observer, permit: Permit) -> None:
        self._gateway = gateway
        self._clock = clock
        self._observer = observer
        self._permit = permit

    async def read(self, deadline_s: float, *, in_order: bool) -> GroundTruth:
        """One reading, by `deadline_s` (monotonic). Raises Unreadable.

        At the same time, which is fast: enough to act on. Or `in_order`, the way that a waiting order takes:
        conditional ones, the others, positions. Only that can show that nothing is open and nothing can open it.
        Resting orders get less patience than positions: not knowing them is no reason to keep positions open.
        """
        tries = count(1)
        return await self._persistently(
            "positions", lambda: self._once(deadline_s, in_order=in_order, strict=next(tries) < _MODE_TRIES), deadline_s
        )

    async def _persistently(self, what: str, read: Callable[[], Awaitable[T]], deadline_s: float) -> T:
        """Call `read` until it gives an answer. Raises Unreadable when it is too late, or at once for a refused key."""
        pause_s, stopped = _FIRST_PAUSE_S, False
        while True:
            try:
                return await read()
            except KeyRejected as error:
                raise Unreadable(f"the exchange refuses the key: {error}") from error
            except (ReadFailed, ReadUnusable) as error:
                if self._permit.reason and not stopped:
                    stopped, deadline_s = True, min(deadline_s, self._clock.monotonic_s() + STOPPED_PATIENCE_S)
                left_s = deadline_s - self._clock.monotonic_s()
                if left_s <= 0:
                    raise Unreadable(f"{what} could not be read: {error}") from error
                self._observer.reading_failed(what, error)
                wanted_s = max(pause_s, error.retry_after_ms / 1000 if isinstance(error, ReadFailed) else 0)
            if stopped:
                await self._clock.sleep(min(wanted_s, left_s))
            else:
                await self._permit.sleep(min(wanted_s, left_s))
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _once(self, deadline_s: float, *, in_order: bool, strict: bool) -> GroundTruth:
        gateway = self._gateway
        resting: Awaitable[Waiting] = self._resting(deadline_s, in_order=in_order)
        if in_order:
            resting = _already(await resting)
        reading, listings, (mode, mode_trouble), (orders, trouble) = await _together(
            gateway.positions(), gateway.instruments(), self._mode(deadline_s), resting
        )
        mode = mode or shown_mode(reading)
        reading = of_one_mode(reading, mode, strict=strict)
        return GroundTruth(
            reading=reading,
            marks=await _missing_marks(gateway, self._observer, reading),
            listings=listings,
            mode=mode,
            mode_trouble=mode_trouble,
            resting=orders,
            resting_trouble=trouble,
            in_order=in_order,
        )

    async def _mode(self, deadline_s: float) -> tuple[PositionMode | None, str]:
        """The mode, or why it is not known: no reason to keep positions open whose rows show it."""

        async def read() -> PositionMode:
            try:
                async with asyncio.timeout(MODE_ANSWER_S):
                    return await self._gateway.position_mode()
            except TimeoutError:
                raise ReadFailed(f"no answer within {MODE_ANSWER_S:g} s") from None

        try:
            deadline_s = min(deadline_s, self._clock.monotonic_s() + MODE_PATIENCE_S)
            return await self._persistently("the position mode", read, deadline_s), ""
        except Unreadable as error:
            return None, str(error)

    async def _resting(self, deadline_s: float, *, in_order: bool) -> Waiting:
        deadline_s = min(deadline_s, self._clock.monotonic_s() + RESTING_PATIENCE_S)
        read = partial(self._gateway.resting_orders, in_order=in_order)
        try:
            async with asyncio.timeout(RESTING_PATIENCE_S):
                return await self._persistently("resting orders", read, deadline_s), ""
        except Unreadable as error:
            return (), str(error)
        except TimeoutError:
            return (), f"resting orders could not be read: no answer within {RESTING_PATIENCE_S:g} s"


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


async def _missing_marks(gateway: OrderGateway, observer: Observer, reading: PositionReading) -> Mapping[str, Decimal]:
    """Mark prices for open rows without one. That nobody has one is no reason to keep a position open."""
    if all(position.mark_price is not None for position in reading.positions if position.quantity):
        return {}
    try:
        return await gateway.marks()
    except (ReadFailed, ReadUnusable) as error:
        observer.reading_failed("mark prices", error)
        return {}
