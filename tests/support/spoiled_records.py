"""What may never stand in a record: each function spoils one that is good, in one way."""

from collections.abc import Callable
from decimal import Decimal

from msgspec.structs import replace

from contracts.arming import ArmDisarmed, Gate
from contracts.flattening import OrderState
from contracts.vocabulary import Environment, OrderSide, PositionSide
from evidence.history import Entry
from support.records import Record, a_request, a_verdict, an_acceptance, an_entry, cooled, finished
from support.run_events import T0_MS, intended, refused, resolved, two_closed, verified

Spoil = Callable[[Record], None]


def a_second_request(record: Record) -> None:
    record.requests.append(record.requests[0])


def a_second_acceptance(record: Record) -> None:
    record.audit.insert(1, an_acceptance("req-2"))


def an_expired_arm(record: Record) -> None:
    record.arms[0] = replace(record.arms[0], expires_at_ms=T0_MS - 100)
    record.requests[0] = a_request(record.arms[0])


def an_arm_from_the_future(record: Record) -> None:
    record.arms[0] = replace(record.arms[0], issued_at_ms=T0_MS + 5_001)
    record.requests[0] = a_request(record.arms[0])


def an_arm_that_was_refused(record: Record) -> None:
    record.audit.insert(0, refused(Gate.ESS_LATCH))


def an_arm_that_was_taken_back(record: Record) -> None:
    record.audit.insert(
        0, ArmDisarmed(arm_id="arm-1", operator="bob", reason="", first_outcome="", disarmed_at_ms=T0_MS)
    )


def an_arm_that_nobody_asked_for(record: Record) -> None:
    record.arms = []


def an_arm_that_was_asked_for_otherwise(record: Record) -> None:
    record.arms[0] = replace(record.arms[0], reason="another one")


def an_unsigned_arm_of_an_exchange(record: Record) -> None:
    record.arms[0] = replace(record.arms[0], environment=Environment.TESTNET)
    record.requests[0] = a_request(record.arms[0])


def a_gate_that_failed(record: Record) -> None:
    gates = tuple(replace(gate, passed=gate.gate is not Gate.ESS_LATCH) for gate in cooled())
    record.requests[0] = a_request(record.arms[0], gates=gates)


def a_gate_without_a_verdict(record: Record) -> None:
    record.audit[0] = replace(an_acceptance(), gates=cooled()[1:])


def orders_without_a_request(record: Record) -> None:
    record.requests = []


def orders_without_a_decision(record: Record) -> None:
    del record.audit[0]


def a_decision_after_the_orders(record: Record) -> None:
    record.audit.append(record.audit.pop(0))


def two_arms_too_soon(record: Record) -> None:
    record.audit.append(an_acceptance("req-2", "arm-2"))


def an_order_on_the_same_side(record: Record) -> None:
    record.audit[3] = replace(intended("ETHUSDT", "9.1"), order_side=OrderSide.BUY)


def an_order_for_no_position(record: Record) -> None:
    record.audit[3] = replace(intended("ETHUSDT", "9.1"), position_quantity=Decimal(0))


def an_order_for_a_leg_that_is_none(record: Record) -> None:
    record.audit[3] = replace(intended("ETHUSDT", "9.1"), position_side=PositionSide.SHORT)


def more_than_the_position(record: Record) -> None:
    record.audit[3] = intended("ETHUSDT", "9.1", quantity="9.2")


def chunks_that_are_more_than_the_position(record: Record) -> None:
    record.audit.insert(4, intended("ETHUSDT", "9.1", quantity="0.1", chunk=1))


def a_fill_beyond_the_order(record: Record) -> None:
    record.audit[5] = resolved("ETHUSDT", "9.2")


def a_sign_that_changed(record: Record) -> None:
    outcome = replace(record.completed[0].outcomes[0], quantity_after=Decimal(-1), filled_quantity=Decimal("10.1"))
    record.completed[0] = a_verdict(outcomes=(outcome, record.completed[0].outcomes[1]))


def one_id_for_two_orders(record: Record) -> None:
    record.audit[4] = replace(intended("BTCUSDT", "-0.002"), client_order_id="ETHUSDT-0")


def two_ids_for_one_order(record: Record) -> None:
    record.audit.insert(4, replace(intended("ETHUSDT", "9.1", quantity="0"), client_order_id="another"))


def a_new_order_while_one_is_in_doubt(record: Record) -> None:
    record.audit[5] = resolved("ETHUSDT", "0", state=OrderState.UNKNOWN)
    record.audit.insert(6, replace(intended("ETHUSDT", "9.1", chunk=1), round_number=2))


def a_new_order_before_the_first_was_heard_of(record: Record) -> None:
    record.audit.insert(5, replace(intended("ETHUSDT", "9.1", chunk=1), round_number=2))


def counts_that_are_not_the_audits(record: Record) -> None:
    record.audit[-1] = finished(counts=two_closed(ok=1))


def fewer_positions_than_counted(record: Record) -> None:
    record.completed[0] = a_verdict(outcomes=record.completed[0].outcomes[:1])


def more_filled_than_on_record(record: Record) -> None:
    record.audit[5] = resolved("ETHUSDT", "9.1", state=OrderState.REFUSED)


def more_sent_than_intended(record: Record) -> None:
    counts = two_closed(orders_sent=3, errors=1)
    record.audit[-1], record.completed[0] = finished(counts=counts), a_verdict(counts=counts)


def counts_that_do_not_sum(record: Record) -> None:
    entry = an_entry(a_verdict(), 99)
    fields = tuple((name, value.replace(b'"ok":2', b'"ok":3')) for name, value in entry.fields)
    record.extra.append(Entry(entry.stream, entry.id, fields))


def flat_without_a_reading(record: Record) -> None:
    record.completed[0] = a_verdict(timings=replace(a_verdict().timings, verified_at_ms=None))


def flat_by_an_early_reading(record: Record) -> None:
    record.completed[0] = a_verdict(timings=replace(a_verdict().timings, verified_at_ms=T0_MS + 39))


def flat_by_a_reading_that_began_too_early(record: Record) -> None:
    record.audit[7] = verified(1)


def flat_with_an_order_after_the_reading(record: Record) -> None:
    record.audit[6], record.audit[7] = record.audit[7], record.audit[6]


def flat_by_a_reading_that_showed_something_open(record: Record) -> None:
    record.audit[7] = replace(verified(1, still_open=1), read_started_at_ms=T0_MS + 50)


def flat_by_a_reading_that_could_not_be_read(record: Record) -> None:
    record.audit[7] = replace(verified(1), read_started_at_ms=T0_MS + 50, unreadable=1)


def an_answer_without_an_intent(record: Record) -> None:
    del record.audit[3]


def an_intent_after_the_answer(record: Record) -> None:
    record.audit.insert(5, record.audit.pop(3))


def a_verdict_that_names_an_unknown_order(record: Record) -> None:
    outcome = replace(record.completed[0].outcomes[0], client_order_ids=("ETHUSDT-0", "nobody-knows"))
    record.completed[0] = a_verdict(outcomes=(outcome, record.completed[0].outcomes[1]))


def a_request_that_was_acknowledged_without_a_verdict(record: Record) -> None:
    record.completed = []


def an_arm_that_was_acknowledged_without_a_decision(record: Record) -> None:
    record.audit = []
