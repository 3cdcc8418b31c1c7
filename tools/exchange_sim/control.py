"""The simulator's own API under `/sim/`: arrange a situation, make things go wrong, read what happened. All JSON.

Arrange (each answers `{"ok": true}`, or 400 with `{"error": …}` and nothing changed):

- `POST /sim/reset`: back to how the simulator started; faults, latency, clock skew, limits and evidence are gone too.
- `POST /sim/scenario`: start from a flat account with `{positions: [{symbol, qty, position_side?, entry_price?,
  mark?}], marks: {symbol: price}, hedge_mode, resting_orders: [{symbol, side, type, qty, price, trigger_price,
  reduce_only, close_position, position_side, client_order_id}], book: [as /sim/book], statuses: {symbol: status},
  balance, clock_offset_ms}`, everything optional. Evidence stays. Where `hedge_mode` changes, open positions move to
  the matching leg.
- `POST /sim/change`: the same body, but only what it names is changed; `cancel_open_orders: [symbol]` too.
- `POST /sim/position` `{symbol, qty, position_side?, …}`: someone else changes a position.
- `POST /sim/price` `{symbol, mark}`: the price moves; resting and conditional orders that it reaches trade.
- `POST /sim/book` `{symbol, qty | bid_qty, ask_qty, bid, ask, replenish, expire_as}`: what the book holds. A market
  order that finds too little ends EXPIRED; a best price outside PERCENT_PRICE is -4131.
- `POST /sim/latency` `{round_trip_ms}`: half before and half after execution of every request.
- `POST /sim/clock` `{offset_ms}`: the venue's clock is ahead (or behind, negative).
- `POST /sim/limits` `{weight_1m, orders_10s, orders_1m, tolerated_429, ban_s}`: counting starts anew.

Go wrong: `POST /sim/faults` takes a list of `{action, match: {method, path, symbol, client_order_id_prefix, order_type,
side, position_side, api_key, nth}, times, effect, execute, …}`; `DELETE /sim/faults` drops the plan and cuts what is
held back; `GET /sim/faults` says how often each was met. `POST /sim/proceed` ends every `hold_ms` that runs: what waits
goes on as if its time were over, so that something can be held back for just as long as it takes to do something else.
`nth`: first match to go wrong (1), `times` how many (1; 0 all). `effect` is a body of `/sim/change`, applied just
before. `execute` overrides whether the request still takes effect.

Many HTTP clients resend a GET or DELETE by themselves when its connection is reset: `times: 2` makes the loss felt.

| action | what happens | executed |
| --- | --- | --- |
| `none` | only the `effect` | yes |
| `code` (`code`, `msg?`) | refuses one order, also inside a batch; with `status` the whole request | no |
| `ack` | one order is answered as NEW with nothing filled, whatever it did | yes |
| `status` (`status`, `body`, `retry_after_s?`) | this HTTP answer; body as JSON or, a string, as it is | no |
| `drop_before`, `drop_after` | the connection is reset before or after execution | no, yes |
| `timeout_before`, `timeout_after` (`hold_ms`) | no answer for so long, then reset | no, yes |
| `hang` | no answer until the faults are dropped | no |
| `delay` (`hold_ms`) | executed and answered that much later, even if the client is gone | yes |
| `late` (`status`, `body`, `hold_ms`) | this answer at once; executed later, inside the receive window | yes |
| `truncate_body` | connection closed in the middle of the body | yes |
| `truncated_json` | a whole answer with half the JSON in it | yes |
| `empty_200` | 200 and no body | yes |
| `nan_quantity` | positionAmt is NaN in the rows of `match.symbol` | yes |
| `missing_mark` | `match.symbol`: no row in premiumIndex, mark price 0 in positionRisk | yes |
| `drop_row` | `match.symbol`: no row at all, as in an answer that is not whole | yes |
| `patch` (`patch`) | rows of `match.symbol` in `match.path` with these fields overwritten (null removes) | yes |

Read: `GET /sim/state` (positions, open orders, conditional orders, order log, request counts), `GET /sim/orders` (the
order log; `?wait_for=N&timeout_s=` waits until N orders came), `GET /sim/requests` (the request log), and
`GET /sim/wait` with `orders=N`, `filled=N`, `requests=N[&method=&path=]` (at least N) or `open_positions=N` (at most N)
and `timeout_s=`, which answers `{"met": bool}` as soon as it holds.
"""

import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Final, TypeVar

import msgspec
from aiohttp import web
from msgspec import Struct

from exchange_sim.core import state
from exchange_sim.core.errors import VenueError
from exchange_sim.core.faults import Fault
from exchange_sim.core.limits import Limits
from exchange_sim.core.market import Depth
from exchange_sim.core.scenario import Scenario, ScenarioPosition
from exchange_sim.core.venue import Venue
from exchange_sim.gateway import Gateway
from exchange_sim.watch import Watch

TIMEOUT_S_DEFAULT: Final = 10.0

Body = TypeVar("Body")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Latency(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `/sim/latency`."""

    round_trip_ms: float


class Clock(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `/sim/clock`."""

    offset_ms: int


class Price(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `/sim/price`."""

    symbol: str
    mark: Decimal


class Control:
    """The handlers of `/sim/`."""

    def __init__(self, venue: Venue, gateway: Gateway, watch: Watch) -> None:
        self._venue = venue
        self._gateway = gateway
        self._watch = watch

    def routes(self) -> list[web.RouteDef]:
        """Return every route of `/sim/`."""
        changes: dict[str, Handler] = {
            "reset": self._reset,
            "scenario": self._changing(Scenario, self._venue.load),
            "change": self._changing(Scenario, self._venue.apply),
            "position": self._changing(
                ScenarioPosition, lambda body, now: self._venue.apply(Scenario(positions=[body]), now)
            ),
            "price": self._changing(
                Price, lambda body, now: self._venue.apply(Scenario(marks={body.symbol: body.mark}), now)
            ),
            "book": self._changing(Depth, lambda body, now: self._venue.apply(Scenario(book=[body]), now)),
            "latency": self._changing(Latency, self._set_latency),
            "clock": self._changing(Clock, self._set_clock),
            "limits": self._changing(Limits, lambda body, _now: self._venue.set_limits(body)),
            "faults": self._changing(list[Fault], lambda body, _now: self._venue.plan(body)),
        }
        return [
            *(web.post(f"/sim/{name}", handler) for name, handler in changes.items()),
            web.post("/sim/proceed", self._proceed),
            web.delete("/sim/faults", self._drop_faults),
            web.get("/sim/faults", self._list_faults),
            web.get("/sim/state", self._state),
            web.get("/sim/orders", self._orders),
            web.get("/sim/requests", self._requests),
            web.get("/sim/wait", self._wait),
        ]

    def _changing(self, kind: type[Body], change: Callable[[Body, int], None]) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            try:
                change(msgspec.json.decode(await request.read(), type=kind), self._now_ms())
            except (msgspec.DecodeError, ValueError, VenueError) as error:
                return _json({"error": str(error)}, status=400)
            self._watch.changed()
            return _json({"ok": True})

        return handle

    async def _reset(self, _request: web.Request) -> web.Response:
        self._venue.reset(time.time_ns() // 1_000_000)
        self._gateway.release()
        self._watch.changed()
        return _json({"ok": True})

    async def _drop_faults(self, _request: web.Request) -> web.Response:
        self._venue.faults.planned.clear()
        self._gateway.release()
        return _json({"ok": True})

    async def _proceed(self, _request: web.Request) -> web.Response:
        self._gateway.proceed()
        return _json({"ok": True})

    async def _list_faults(self, _request: web.Request) -> web.Response:
        return _json(
            [
                {"name": entry.name, "matched": entry.matched, "fired": entry.fired}
                for entry in self._venue.faults.planned
            ]
        )

    async def _state(self, _request: web.Request) -> web.Response:
        self._venue.advance(self._now_ms())
        return _json(state.snapshot(self._venue))

    async def _orders(self, request: web.Request) -> web.Response:
        wanted = int(_number(request, "wait_for", 0))
        log = self._venue.evidence
        await self._watch.until(lambda: len(log.orders) >= wanted, _timeout_s(request))
        return _json(state.order_log(self._venue))

    async def _requests(self, _request: web.Request) -> web.Response:
        return _json(list(self._venue.evidence.requests))

    async def _wait(self, request: web.Request) -> web.Response:
        query = request.query
        least = {name: _number(request, name, 0) for name in ("orders", "filled", "requests") if name in query}
        most = {name: _number(request, name, 0) for name in ("open_positions",) if name in query}
        if not least | most:
            return _json({"error": "wait for what? give orders, filled, requests or open_positions"}, status=400)
        method, path = query.get("method"), query.get("path")

        def holds() -> bool:
            reached = state.progress(self._venue, method, path)
            return all(reached[name] >= goal for name, goal in least.items()) and all(
                reached[name] <= goal for name, goal in most.items()
            )

        met = await self._watch.until(holds, _timeout_s(request))
        return _json({"met": met, **state.progress(self._venue, method, path)})

    def _set_latency(self, body: Latency, _now_ms: int) -> None:
        if body.round_trip_ms < 0:
            raise ValueError(f"round_trip_ms must not be negative, got {body.round_trip_ms}")
        self._venue.round_trip_ms = body.round_trip_ms

    def _set_clock(self, body: Clock, _now_ms: int) -> None:
        self._venue.clock_offset_ms = body.offset_ms

    def _now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self._venue.clock_offset_ms


def _timeout_s(request: web.Request) -> float:
    return _number(request, "timeout_s", TIMEOUT_S_DEFAULT)


def _number(request: web.Request, name: str, default: float) -> float:
    text = request.query.get(name, str(default))
    try:
        return float(text)
    except ValueError as error:
        raise web.HTTPBadRequest(text=f"{name}: expected a number, got {text!r}") from error


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")
