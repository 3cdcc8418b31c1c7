"""Orders that wait at the exchange: what became of them, and what is left."""

from decimal import Decimal
from typing import ClassVar

from msgspec import Struct

from contracts.base import Event, require_finite
from contracts.vocabulary import OrderSide


class RestingLeft(Struct, frozen=True, kw_only=True):
    """An order that still waits at the exchange after the run, inside its scope."""

    symbol: str
    order_id: str
    kind: str
    """The venue's order type, e.g. LIMIT or STOP_MARKET."""
    side: OrderSide
    quantity: Decimal
    reduce_only: bool
    """Whether it surely can open nothing. One that may forbids `flat`."""
    conditional: bool

    def __post_init__(self) -> None:
        """Refuse what is not a number."""
        require_finite(self.symbol, quantity=self.quantity)


class RestingCancelled(Event, frozen=True, kw_only=True, tag="resting.cancelled.v1"):
    """Waiting orders of a symbol were cancelled and are confirmed gone."""

    stream: ClassVar[str] = "flatten.audit"

    request_id: str
    fence: int
    symbol: str
    order_ids: tuple[str, ...]
    cancelled_at_ms: int
