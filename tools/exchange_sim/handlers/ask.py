"""What a handler gets."""

from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct

from exchange_sim.core.desk import Submission
from exchange_sim.core.errors import refusal
from exchange_sim.core.evidence import RequestRecord
from exchange_sim.core.faults import Call
from exchange_sim.core.parameters import Params
from exchange_sim.core.signing import ApiKey
from exchange_sim.core.venue import Venue

encode = msgspec.json.encode


class Ask(Struct, frozen=True, kw_only=True):
    """One authorised request. `now_ms` is the venue's clock, `now_us` the real one."""

    params: Params
    call: Call
    record: RequestRecord
    key: ApiKey | None
    now_ms: int
    now_us: int

    def submission(self) -> Submission:
        """Return what the order desk needs to know of the request."""
        return Submission(call=self.call, record=self.record, now_ms=self.now_ms, now_us=self.now_us)


Handler = Callable[[Venue, Ask], bytes]


def orders_in(path: str, method: str, params: Params) -> Sequence[Params]:
    """Return the orders that a request carries; none where it carries none or they cannot be read."""
    if method != "POST":
        return ()
    if path in ("/fapi/v1/order", "/fapi/v1/algoOrder"):
        return (params,)
    if path == "/fapi/v1/batchOrders":
        try:
            rows = msgspec.json.decode(params.get("batchOrders", "[]"), type=list[dict[str, str | int | float | bool]])
        except msgspec.DecodeError:
            return ()  # the handler refuses it with the venue's code
        return tuple({name: _text(value) for name, value in row.items()} for row in rows)
    return ()


def batch_orders(ask: Ask) -> Sequence[Params]:
    """Return the one to five orders of a batch, or refuse with -1102 or -4082."""
    raw = ask.params.get("batchOrders", "")
    if not raw or (not ask.call.orders and raw.replace(" ", "") != "[]"):
        raise refusal(-1102, "batchOrders")
    if not 1 <= len(ask.call.orders) <= 5:  # noqa: PLR2004 - the venue's limit
        raise refusal(-4082)
    return ask.call.orders


def _text(value: str | float | bool) -> str:  # noqa: FBT001 - a JSON value
    return str(value).lower() if isinstance(value, bool) else str(value)
