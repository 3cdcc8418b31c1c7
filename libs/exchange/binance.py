"""Binance USD-M futures behind the port that also reduces."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from exchange.binance_orders import UnreadableOrder, order_state
from exchange.binance_reader import INSTRUMENTS_MAX_AGE_S, BinanceAccountReader
from exchange.binance_sender import OrderSender
from exchange.binance_wire import CANCEL_ALL, CANCEL_ALL_ALGO, PING, QUERY_ORDER
from exchange.codes import NO_SUCH_ORDER, NOTHING_TO_CANCEL
from exchange.config import ExchangeConfig
from exchange.errors import ReadFailed, ReadUnusable
from exchange.model import LookupResult, NotFound, ReducingOrder, SendResult
from exchange.ports import always
from exchange.sharing import together

CLOCK_ERROR_MAX_MS: Final = 1_000
"""The venue refuses orders whose time is further ahead of its own clock than this; ours is set by its clock."""


class BinanceGateway(BinanceAccountReader):
    """Looks at one account and reduces its positions: an `OrderGateway`. Clocks and sleep are handed in."""

    def __init__(
        self,
        config: ExchangeConfig,
        *,
        now_ms: Callable[[], int],
        monotonic_ms: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        super().__init__(config, now_ms=now_ms, monotonic_ms=monotonic_ms, reads_only=False)
        self.order_lifetime_ms = config.recv_window_ms + CLOCK_ERROR_MAX_MS
        """How long after an order left the venue may still accept it: the receive window, and the clocks' error."""
        self._sender = OrderSender(self._calls, monotonic_ms, sleep, lifetime_ms=self.order_lifetime_ms)
        self._warm_connections = config.warm_connections

    async def renew_instruments(self) -> None:
        """Read again what each symbol demands, however young what is known."""
        await self._catalogue_reading.get()

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

    async def _ping(self) -> None:
        await self._calls.read(PING)

    async def _read_ahead(self) -> None:
        await self._catalogue_not_older_than(INSTRUMENTS_MAX_AGE_S / 2)
