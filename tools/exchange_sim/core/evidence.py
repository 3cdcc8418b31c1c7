"""What happened: every order that reached the venue with the position around it, and every request.

This is what tests hold invariants against: reduce-only or position side (I5), position before and after (I6), client
order ids (I7), quantities exactly as sent (I13). Times are Unix microseconds of the real clock, not the skewed one.
"""

from collections import Counter, deque
from decimal import Decimal
from typing import Final

from msgspec import Struct

from exchange_sim.core.errors import VenueError
from exchange_sim.core.parameters import Params

REQUESTS_KEPT: Final = 20_000
_NOT_EVIDENCE: Final = ("signature", "batchOrders")


class RequestRecord(Struct, kw_only=True):
    """One HTTP request. `status` is None while it is not answered, and stays so when the connection was cut."""

    index: int
    method: str
    path: str
    api_key: str
    received_us: int
    symbol: str | None = None
    """The `symbol` parameter, where the request has one."""
    status: int | None = None
    answered_us: int | None = None
    fault: str | None = None


class OrderRecord(Struct, kw_only=True):
    """One order as received. Decimals as strings; `params` is the order exactly as it was sent."""

    index: int
    request: int
    path: str
    received_us: int
    executed_us: int | None = None
    symbol: str
    side: str
    kind: str
    client_order_id: str
    quantity: str
    reduce_only: str | None
    position_side: str | None
    params: dict[str, str]
    outcome: str = "not_executed"
    """`accepted`, `refused`, or `not_executed` when a fault kept the order from the matching engine. Without positions
    around it, the whole request was refused (key, signature, limits)."""
    code: int | None = None
    msg: str | None = None
    order_id: int | None = None
    status: str | None = None
    executed_qty: str = "0"
    position_before: str | None = None
    position_after: str | None = None
    reused_client_id: bool = False
    """An earlier accepted order had the same client order id."""
    live_duplicate: bool = False
    """An order with the same client order id was open when this one came: refused with -4116."""
    fault: str | None = None


class Evidence:
    """The log of one simulator, from the last reset on."""

    def __init__(self) -> None:
        self.orders: list[OrderRecord] = []
        self.requests: deque[RequestRecord] = deque(maxlen=REQUESTS_KEPT)
        self.counts: Counter[str] = Counter()
        self._request_count = 0

    def request(self, method: str, path: str, api_key: str, received_us: int) -> RequestRecord:
        """Open the record of a request."""
        self.counts[f"{method} {path}"] += 1
        self._request_count += 1
        record = RequestRecord(
            index=self._request_count, method=method, path=path, api_key=api_key, received_us=received_us
        )
        self.requests.append(record)
        return record

    def knows_orders_of(self, request: RequestRecord) -> bool:
        """Whether an order of this request, the newest that carried any, is on record."""
        return bool(self.orders) and self.orders[-1].request == request.index

    def order(self, params: Params, request: RequestRecord) -> OrderRecord:
        """Open the record of an order, whatever will become of it."""
        record = OrderRecord(
            index=len(self.orders) + 1,
            request=request.index,
            path=request.path,
            received_us=request.received_us,
            symbol=params.get("symbol", ""),
            side=params.get("side", ""),
            kind=params.get("type", ""),
            client_order_id=params.get("newClientOrderId") or params.get("clientAlgoId") or "",
            quantity=params.get("quantity", ""),
            reduce_only=params.get("reduceOnly"),
            position_side=params.get("positionSide"),
            params={name: value for name, value in params.items() if name not in _NOT_EVIDENCE},
        )
        self.orders.append(record)
        return record


def refused(record: OrderRecord, error: VenueError, position: Decimal) -> None:
    """Note that the venue refused the order and nothing moved."""
    record.outcome, record.code, record.msg = "refused", error.code, error.msg
    record.position_before = record.position_after = str(position)
    record.live_duplicate = error.code == -4116  # noqa: PLR2004 - the venue's code is its name
