"""Binance USD-M futures behind the two ports that only look. Nothing in here can send anything."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from exchange import binance_decode as decode
from exchange.binance_calls import BinanceCalls
from exchange.binance_instruments import Catalogue, catalogue, listed
from exchange.binance_pace import pace
from exchange.binance_wire import (
    EXCHANGE_INFO,
    MARKS,
    OPEN_ALGO_ORDERS,
    OPEN_ORDERS,
    POSITION_MODE,
    POSITIONS,
    BinanceWire,
)
from exchange.budget import OrderLimits, Pace, RateBudget
from exchange.config import ExchangeConfig
from exchange.errors import ExchangeError
from exchange.model import Listings, PositionMode, PositionReading, ReducingOrder, RestingOrder
from exchange.sharing import Shared, together

INSTRUMENTS_MAX_AGE_S: Final = 300


class BinanceReader:
    """Looks at one account: a `PositionReader`. Clocks are in milliseconds, Unix time and monotonic.

    It has no call that sends, and its connection carries none, unless `reads_only` is taken from it.
    """

    def __init__(
        self,
        config: ExchangeConfig,
        *,
        now_ms: Callable[[], int],
        monotonic_ms: Callable[[], int],
        reads_only: bool = True,
    ) -> None:
        self._monotonic_ms = monotonic_ms
        self._calls = BinanceCalls(
            BinanceWire(config, now_ms, reads_only=reads_only),
            RateBudget(monotonic_ms),
            now_ms=now_ms,
            monotonic_ms=monotonic_ms,
        )
        self._shown: set[str] = set()

    @property
    def symbols_shown(self) -> frozenset[str]:
        """Symbols that had a row in any reading of positions so far."""
        return frozenset(self._shown)

    async def positions(self) -> PositionReading:
        """Every position row of the account, all symbols, zero rows included."""
        reply = await self._calls.read(POSITIONS)
        positions, unreadable = decode.positions(reply.body)
        self._shown.update(row.symbol for row in positions)
        return PositionReading(
            positions=positions, unreadable=unreadable, started_at_ms=reply.started_at_ms, read_ms=reply.read_ms
        )

    async def marks(self) -> Mapping[str, Decimal]:
        """Mark prices by symbol, in quote units; a symbol without a readable price is left out."""
        return decode.marks((await self._calls.read(MARKS)).body)

    async def listed(self) -> frozenset[str]:
        """Symbols that take closing orders, as the exchange lists them: each must have its row in `positions`."""
        return listed((await self._calls.read(EXCHANGE_INFO)).body)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._calls.aclose()


class BinanceAccountReader(BinanceReader):
    """Looks at everything that a flatten decides on: an `AccountReader`."""

    def __init__(
        self,
        config: ExchangeConfig,
        *,
        now_ms: Callable[[], int],
        monotonic_ms: Callable[[], int],
        reads_only: bool = True,
    ) -> None:
        super().__init__(config, now_ms=now_ms, monotonic_ms=monotonic_ms, reads_only=reads_only)
        self._catalogue: Catalogue | None = None
        self._catalogue_read_ms = 0
        self._catalogue_reading = Shared(self._read_catalogue)

    async def instruments(self) -> Listings:
        """What each symbol demands of an order, read again after `INSTRUMENTS_MAX_AGE_S`. Callers share one reading.

        When that fails, what was read before still serves: an old rule is no reason to leave a position open.
        """
        try:
            return (await self._catalogue_not_older_than(INSTRUMENTS_MAX_AGE_S)).listings
        except ExchangeError:
            if self._catalogue is None:
                raise
            return self._catalogue.listings

    async def position_mode(self) -> PositionMode:
        """One-way or hedge mode, as the exchange says now."""
        return decode.position_mode((await self._calls.read(POSITION_MODE)).body)

    async def resting_orders(self, *, in_order: bool = False) -> tuple[RestingOrder, ...]:
        """Every waiting order of the account, conditional ones too. Both kinds or an error, never one alone.

        `in_order`: conditional ones are read first, so that one which triggers meanwhile is in one of the answers.
        """
        if in_order:
            conditional = await self._calls.read(OPEN_ALGO_ORDERS)
            plain = await self._calls.read(OPEN_ORDERS)
        else:
            plain, conditional = await together(self._calls.read(OPEN_ORDERS), self._calls.read(OPEN_ALGO_ORDERS))
        return (*decode.open_orders(plain.body), *decode.open_algo_orders(conditional.body))

    def pace(self, orders: Sequence[ReducingOrder]) -> Pace:
        """How these orders would leave under the limits that `instruments` read; the published ones before."""
        return pace(orders, self._catalogue.limits if self._catalogue is not None else OrderLimits())

    async def aclose(self) -> None:
        """Close the connections."""
        await self._catalogue_reading.aclose()
        await super().aclose()

    async def _catalogue_not_older_than(self, age_max_s: float) -> Catalogue:
        age_ms = self._monotonic_ms() - self._catalogue_read_ms
        if self._catalogue is not None and age_ms < age_max_s * 1000:
            return self._catalogue
        return await self._catalogue_reading.get()

    async def _read_catalogue(self) -> Catalogue:
        reply = await self._calls.read(EXCHANGE_INFO)
        read = catalogue(reply.body)
        self._calls.budget.set_limits(read.limits)
        self._catalogue = read
        self._catalogue_read_ms = self._monotonic_ms()
        return read
