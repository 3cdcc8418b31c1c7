"""Binance USD-M futures behind the two ports."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from exchange import binance_decode as decode
from exchange.binance_calls import BinanceCalls
from exchange.binance_instruments import Catalogue, catalogue, listed
from exchange.binance_orders import UnreadableOrder, order_state
from exchange.binance_sender import OrderSender
from exchange.binance_wire import (
    CANCEL_ALL,
    CANCEL_ALL_ALGO,
    EXCHANGE_INFO,
    MARKS,
    OPEN_ALGO_ORDERS,
    OPEN_ORDERS,
    PING,
    POSITION_MODE,
    POSITIONS,
    QUERY_ORDER,
    BinanceWire,
)
from exchange.budget import RateBudget
from exchange.codes import NO_SUCH_ORDER, NOTHING_TO_CANCEL
from exchange.config import ExchangeConfig
from exchange.errors import ExchangeError, ReadFailed, ReadUnusable
from exchange.model import (
    Listings,
    LookupResult,
    NotFound,
    PositionMode,
    PositionReading,
    ReducingOrder,
    RestingOrder,
    SendResult,
)
from exchange.ports import always
from exchange.sharing import Shared, together

INSTRUMENTS_MAX_AGE_S: Final = 300
CLOCK_ERROR_MAX_MS: Final = 1_000
"""The venue refuses orders whose time is further ahead of its own clock than this; ours is set by its clock."""


class BinanceReader:
    """Looks at one account: a `PositionReader`. Clocks are in milliseconds, Unix time and monotonic."""

    def __init__(self, config: ExchangeConfig, *, now_ms: Callable[[], int], monotonic_ms: Callable[[], int]) -> None:
        self._calls = BinanceCalls(
            BinanceWire(config, now_ms), RateBudget(monotonic_ms), now_ms=now_ms, monotonic_ms=monotonic_ms
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


class BinanceGateway(BinanceReader):
    """Looks at one account and reduces its positions: an `OrderGateway`. Clocks and sleep are handed in."""

    def __init__(
        self,
        config: ExchangeConfig,
        *,
        now_ms: Callable[[], int],
        monotonic_ms: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        super().__init__(config, now_ms=now_ms, monotonic_ms=monotonic_ms)
        self.order_lifetime_ms = config.recv_window_ms + CLOCK_ERROR_MAX_MS
        """How long after an order left the venue may still accept it: the receive window, and the clocks' error."""
        self._sender = OrderSender(self._calls, monotonic_ms, sleep, lifetime_ms=self.order_lifetime_ms)
        self._warm_connections = config.warm_connections
        self._monotonic_ms = monotonic_ms
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

    async def renew_instruments(self) -> None:
        """Read again what each symbol demands, however young what is known."""
        await self._catalogue_reading.get()

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

    async def cancel_resting(self, symbol: str, *, conditional: bool) -> None:
        """Cancel a symbol's waiting orders of one kind. The caller confirms by reading."""
        try:
            await self._calls.read(CANCEL_ALL_ALGO if conditional else CANCEL_ALL, {"symbol": symbol})
        except ReadFailed as failed:
            if failed.code != NOTHING_TO_CANCEL:
                raise

    async def place_reducing(
        self, orders: Sequence[ReducingOrder], *, may_send: Callable[[], bool] = always
    ) -> tuple[SendResult, ...]:
        """Send orders concurrently inside the venue's order budget; one result per order, in the same order.

        Waits up to `exchange.binance_sender.BUDGET_WAIT_MAX_MS` for the budget; what would wait longer is `Unsent`,
        with the wait, and so is, without one, an order that must never reach a venue.
        """
        return await self._sender.place(orders, may_send)

    async def look_up(self, symbol: str, client_order_id: str) -> LookupResult:
        """What became of an order. Raises as a reading does when the exchange cannot say."""
        try:
            reply = await self._calls.read(QUERY_ORDER, {"symbol": symbol, "origClientOrderId": client_order_id})
        except ReadFailed as failed:
            if failed.code == NO_SUCH_ORDER:
                return NotFound(client_order_id=client_order_id)
            raise
        try:
            found = order_state(reply.body)
        except UnreadableOrder as problem:
            raise ReadUnusable(QUERY_ORDER.name, str(problem)) from None
        if found.client_order_id != client_order_id:
            raise ReadUnusable(QUERY_ORDER.name, "the answer speaks of another order", field="clientOrderId")
        return found

    async def warm(self) -> None:
        """Open connections, set the clock and read instruments, so that a flatten pays for none of them.

        One question needs the key, so that a key which the venue refuses shows now: then it raises KeyRejected.

        Connections close after some idle time: call it every `exchange.transport.KEEP_ALIVE_S / 3` or so. Instruments
        are read again only once they are half as old as they may get.
        """
        await together(
            self._calls.synchronise_clock(),
            self._read_ahead(),
            *(self._ping() for _ in range(self._warm_connections)),
        )
        await self.position_mode()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._catalogue_reading.aclose()
        await super().aclose()

    async def _ping(self) -> None:
        await self._calls.read(PING)

    async def _read_ahead(self) -> None:
        await self._catalogue_not_older_than(INSTRUMENTS_MAX_AGE_S / 2)

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
