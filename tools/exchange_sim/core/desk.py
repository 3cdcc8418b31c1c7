"""One order from its parameters to its answer: evidence, planned faults, matching."""

from collections.abc import Callable
from decimal import Decimal

from msgspec import Struct

from exchange_sim.core import evidence, shapes
from exchange_sim.core.errors import STATUSES, TEXTS, VenueError
from exchange_sim.core.evidence import OrderRecord, RequestRecord
from exchange_sim.core.faults import Call, Fault
from exchange_sim.core.numbers import ZERO, short
from exchange_sim.core.orders import read_request
from exchange_sim.core.parameters import Params
from exchange_sim.core.venue import Venue
from exchange_sim.core.words import POSITION_SIDES


class Submission(Struct, frozen=True, kw_only=True):
    """The request that carries the orders, and when it is executed: venue's clock and real clock."""

    call: Call
    record: RequestRecord
    now_ms: int
    now_us: int


def submit(venue: Venue, params: Params, submission: Submission) -> shapes.Row:
    """Place one order and return the venue's answer. Raises the venue's refusal."""
    return _guarded(venue, params, submission, _place)


def submit_algo(venue: Venue, params: Params, submission: Submission) -> shapes.Row:
    """Place one conditional order and return the venue's answer. Raises the venue's refusal."""
    return _guarded(venue, params, submission, _place_algo)


def note_unexecuted(venue: Venue, call: Call, record: RequestRecord, error: VenueError | None = None) -> None:
    """Keep evidence of orders that never reached the matching engine: held back by a fault, or refused as a request."""
    for params in call.orders:
        order = venue.evidence.order(params, record)
        order.fault = record.fault
        if error is not None:
            order.outcome, order.code, order.msg = "refused", error.code, error.msg


def fault_refusal(fault: Fault) -> VenueError:
    """Build the refusal that a `code` fault asks for."""
    code = fault.code if fault.code is not None else -1000
    status = fault.status if fault.status is not None else STATUSES.get(code, 400)
    msg = fault.msg if fault.msg is not None else TEXTS.get(code, "Simulated refusal.")
    return VenueError(code, msg, http_status=status, retry_after_s=fault.retry_after_s)


Placing = Callable[[Venue, Params, OrderRecord, Submission, Fault | None], shapes.Row]


def _guarded(venue: Venue, params: Params, submission: Submission, placing: Placing) -> shapes.Row:
    record = venue.evidence.order(params, submission.record)
    planned = venue.faults.on_order(submission.call, params)
    if planned is None:
        record.fault = submission.record.fault
        return _executed(venue, params, record, submission, placing)
    fault, record.fault = planned.fault, planned.name
    if fault.effect is not None:
        venue.apply(fault.effect, submission.now_ms)
    if fault.action != "code":
        return _executed(venue, params, record, submission, placing, fault)
    error = fault_refusal(fault)
    if fault.executes:
        _executed(venue, params, record, submission, placing)
    else:
        evidence.refused(record, error, _position(venue, params))
    raise error


def _executed(
    venue: Venue,
    params: Params,
    record: OrderRecord,
    submission: Submission,
    placing: Placing,
    fault: Fault | None = None,
) -> shapes.Row:
    before = _position(venue, params)
    record.reused_client_id = venue.account.knows_client_id(record.client_order_id)
    record.executed_us = submission.now_us
    try:
        row = placing(venue, params, record, submission, fault)
    except VenueError as error:
        evidence.refused(record, error, before)
        raise
    record.outcome = "accepted"
    record.position_before, record.position_after = str(before), str(_position(venue, params))
    return row


def _place(
    venue: Venue, params: Params, record: OrderRecord, submission: Submission, fault: Fault | None
) -> shapes.Row:
    request = read_request(params)
    order = venue.place(request, submission.now_ms)
    record.order_id, record.status, record.executed_qty = order.order_id, order.status, short(order.executed)
    record.client_order_id = order.client_order_id
    hidden = not request.wants_result or (fault is not None and fault.action == "ack")
    return shapes.placed(order, venue.market.instruments[order.symbol], as_new=hidden)


def _place_algo(
    venue: Venue, params: Params, record: OrderRecord, submission: Submission, _fault: Fault | None
) -> shapes.Row:
    order = venue.place_algo(params, submission.now_ms)
    record.order_id, record.status, record.client_order_id = order.algo_id, order.status, order.client_algo_id
    return shapes.algo(order, venue.market.instruments[order.symbol])


def _position(venue: Venue, params: Params) -> Decimal:
    """Return the position that the order is about, zero where the order names none."""
    for side in POSITION_SIDES:
        if side == (params.get("positionSide") or "BOTH"):
            return venue.account.leg(params.get("symbol", ""), side).quantity
    return ZERO
