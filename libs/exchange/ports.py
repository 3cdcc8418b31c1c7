"""The ports: who may look, who may also reduce, who asks about a key. None can express an order that adds exposure."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from exchange.budget import Pace
from exchange.model import (
    ClockReading,
    KeyPermissions,
    Listings,
    LookupResult,
    PositionMode,
    PositionReading,
    ReducingOrder,
    RestingOrder,
    SendResult,
)


def always() -> bool:
    """Send whatever comes."""
    return True


class PositionReader(Protocol):
    """Reads an account.

    Every method raises `exchange.errors.ReadFailed` (try again), `ReadUnusable` (the answer cannot be trusted) or
    `KeyRejected` (key or signature; stop), and never returns a partial answer as whole (I14).
    """

    async def positions(self) -> PositionReading:
        """Every position row of the account, all symbols, zero rows included."""
        ...

    async def marks(self) -> Mapping[str, Decimal]:
        """Mark prices by symbol, in quote units; a symbol without a readable price is left out."""
        ...

    async def listed(self) -> frozenset[str]:
        """Symbols that take closing orders, as the exchange lists them: each must have its row in `positions`."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


class KeyInspector(Protocol):
    """Asks the exchange about a key and about its clock. Every method raises as those of `PositionReader` do."""

    async def clock(self) -> ClockReading:
        """How far the exchange's clock is from ours."""
        ...

    async def try_key(self) -> None:
        """One question that needs the key. Raises KeyRejected when the exchange refuses it."""
        ...

    async def permissions(self) -> KeyPermissions | None:
        """What the key may do, as the exchange says; nothing where the environment has nobody to ask."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


class AccountReader(PositionReader, Protocol):
    """Reads everything that a flatten decides on, and can send nothing."""

    async def instruments(self) -> Listings:
        """What each symbol demands of an order; read once and kept for `INSTRUMENTS_MAX_AGE_S`, then read again."""
        ...

    async def position_mode(self) -> PositionMode:
        """One-way or hedge mode, as the exchange says now."""
        ...

    async def resting_orders(self, *, in_order: bool = False) -> tuple[RestingOrder, ...]:
        """Every waiting order of the account, conditional ones too.

        `in_order`: conditional ones are read first, then the others, so that one which triggers meanwhile is in one
        of the answers. Without it both are read at the same time, which is faster, and can miss that one.
        """
        ...

    def pace(self, orders: Sequence[ReducingOrder]) -> Pace:
        """How these orders would leave under the limits that the exchange states. Sends nothing, asks nothing."""
        ...


class OrderGateway(AccountReader, Protocol):
    """Reads an account and reduces its positions."""

    @property
    def order_lifetime_ms(self) -> int:
        """How long after an order left the venue may still accept it, our clock's error included."""
        ...

    @property
    def symbols_shown(self) -> frozenset[str]:
        """Symbols that had a row in any reading of positions so far."""
        ...

    async def renew_instruments(self) -> None:
        """Read again what each symbol demands, however young what is known. Raises as a reading does."""
        ...

    async def cancel_resting(self, symbol: str, *, conditional: bool) -> None:
        """Cancel a symbol's waiting orders of one kind. Raises as a reading does; the caller confirms by reading."""
        ...

    async def place_reducing(
        self, orders: Sequence[ReducingOrder], *, may_send: Callable[[], bool] = always
    ) -> tuple[SendResult, ...]:
        """Send orders concurrently inside the venue's order budget; one result per order, in the same order.

        `may_send` is asked right before orders leave, and again and again while they wait for the budget: from the
        first no on, what has not left is `Unsent`, and what has left is still answered for.

        Never raises for what the venue or the network does to an order: that is what `SendResult` says. Sends
        nothing twice by itself.
        """
        ...

    async def look_up(self, symbol: str, client_order_id: str) -> LookupResult:
        """What became of an order. Raises as a reading does when the exchange cannot say."""
        ...

    async def warm(self) -> None:
        """Open connections, read instruments and try the key, so that a flatten pays for none of it.

        Raises as a reading does.
        """
        ...
