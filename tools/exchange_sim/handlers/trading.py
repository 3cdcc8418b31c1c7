"""Orders: place, look up, list, cancel; plain ones and conditional ones."""

from exchange_sim.core import desk, matching, parameters, shapes
from exchange_sim.core.errors import VenueError, refusal
from exchange_sim.core.orders import Order
from exchange_sim.core.venue import Venue
from exchange_sim.handlers.ask import Ask, batch_orders, encode
from exchange_sim.handlers.market import symbol_of

_ALL_CANCELLED = {"code": 200, "msg": "The operation of cancel all open order is done."}


def place(venue: Venue, ask: Ask) -> bytes:
    """POST /fapi/v1/order."""
    venue.limiter.charge_orders(1, 1, ask.now_ms)
    return encode(desk.submit(venue, ask.params, ask.submission()))


def place_batch(venue: Venue, ask: Ask) -> bytes:
    """POST /fapi/v1/batchOrders: answers in request order, an order or `{code, msg}` for each."""
    orders = batch_orders(ask)
    venue.limiter.charge_orders(5, 1, ask.now_ms)
    submission = ask.submission()
    answers: list[shapes.Row] = []
    for params in orders:
        try:
            answers.append(desk.submit(venue, params, submission))
        except VenueError as error:
            answers.append(error.body())
    return encode(answers)


def query(venue: Venue, ask: Ask) -> bytes:
    """GET /fapi/v1/order."""
    return encode(_queried(venue, _found(venue, ask, -2013)))


def cancel(venue: Venue, ask: Ask) -> bytes:
    """DELETE /fapi/v1/order."""
    order = _found(venue, ask, -2011)
    matching.cancel(order, venue.account, ask.now_ms)
    return encode(shapes.placed(order, venue.market.instruments[order.symbol], as_new=False))


def open_orders(venue: Venue, ask: Ask) -> bytes:
    """GET /fapi/v1/openOrders."""
    symbol = symbol_of(venue, ask)
    return encode([_queried(venue, order) for order in venue.account.open.values() if symbol in (None, order.symbol)])


def cancel_all(venue: Venue, ask: Ask) -> bytes:
    """DELETE /fapi/v1/allOpenOrders: one symbol; conditional orders stay."""
    venue.cancel_symbol(parameters.required(ask.params, "symbol"), ask.now_ms)
    return encode(_ALL_CANCELLED)


def place_algo(venue: Venue, ask: Ask) -> bytes:
    """POST /fapi/v1/algoOrder."""
    venue.limiter.charge_orders(1, 1, ask.now_ms)
    return encode(desk.submit_algo(venue, ask.params, ask.submission()))


def query_algo(venue: Venue, ask: Ask) -> bytes:
    """GET /fapi/v1/algoOrder."""
    order = venue.algo.find(ask.params)
    return encode(shapes.algo(order, venue.market.instruments[order.symbol]))


def open_algo_orders(venue: Venue, ask: Ask) -> bytes:
    """GET /fapi/v1/openAlgoOrders."""
    orders = venue.algo.open(symbol_of(venue, ask))
    return encode([shapes.algo(order, venue.market.instruments[order.symbol]) for order in orders])


def cancel_algo(venue: Venue, ask: Ask) -> bytes:
    """DELETE /fapi/v1/algoOrder."""
    order = venue.algo.find(ask.params)
    venue.algo.cancel(order, ask.now_ms)
    return encode({"algoId": order.algo_id, "clientAlgoId": order.client_algo_id, "code": "200", "msg": "success"})


def cancel_all_algo(venue: Venue, ask: Ask) -> bytes:
    """DELETE /fapi/v1/algoOpenOrders: one symbol."""
    venue.cancel_algo_symbol(parameters.required(ask.params, "symbol"), ask.now_ms)
    return encode(_ALL_CANCELLED)


def countdown(venue: Venue, ask: Ask) -> bytes:
    """POST /fapi/v1/countdownCancelAll: a dead-man timer for one symbol's orders."""
    symbol = parameters.required(ask.params, "symbol")
    parameters.required(ask.params, "countdownTime")
    countdown_ms = parameters.integer(ask.params, "countdownTime") or 0
    venue.start_countdown(symbol, countdown_ms, ask.now_ms)
    return encode({"symbol": symbol, "countdownTime": str(countdown_ms)})


def _found(venue: Venue, ask: Ask, missing_code: int) -> Order:
    symbol = parameters.required(ask.params, "symbol")
    venue.market.instrument(symbol)
    order_id, client_id = parameters.integer(ask.params, "orderId"), ask.params.get("origClientOrderId")
    if order_id is None and not client_id:
        raise refusal(-1102, "orderId")
    order = venue.account.find(symbol, order_id, client_id)
    if order is None:
        raise refusal(missing_code)
    return order


def _queried(venue: Venue, order: Order) -> shapes.Row:
    return shapes.queried(order, venue.market.instruments[order.symbol])
