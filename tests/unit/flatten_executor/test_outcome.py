"""What a run says: sums that hold for any universe, and a verdict that is never better than the last reading."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from closing.filters import Limits, Sieve
from closing.planning import plan_round
from contracts.arming import Scope
from contracts.flattening import Counts, OrderState, PositionFate, RunVerdict
from exchange.model import Instrument, Position, PositionReading
from flatten_executor.core.ledger import Ledger
from flatten_executor.core.orders import OrderRecord, intended
from flatten_executor.core.outcome import Settled, settle
from support.exchange_builders import instrument, position, reading, sieved, universes, unreadable_row

LIMITS = Limits(quantity_epsilon=Decimal("1e-8"), min_notional_usd=Decimal("1.0"), max_positions=200, max_rounds=3)
LISTED = {symbol: instrument(symbol) for symbol in ("ETHUSDT", "BTCUSDT")}
Universe = tuple[PositionReading, dict[str, Instrument]]


def sieve_of(*rows: Position, listed: dict[str, Instrument] | None = None) -> Sieve:
    """A whole reading: of nothing else that is listed."""
    listed = listed or {row.symbol: LISTED[row.symbol] for row in rows}
    return sieved(reading(*rows), {}, listed, Scope(), LIMITS)


def orders_for(sieve: Sieve, state: OrderState, filled: str | None = None) -> list[OrderRecord]:
    planned = plan_round(sieve.to_close, LISTED, request_id="req-1", round_number=1)
    return [
        replace(
            intended(order, 1_000),
            state=state,
            reached_wire=True,
            filled=order.order.quantity if filled is None else Decimal(filled),
            detail="as told",
        )
        for order in planned
    ]


def settled(before: Sieve, records: list[OrderRecord], after: Sieve | None, *, abort_reason: str = "") -> Settled:
    ledger = Ledger().after(before)
    ledger = ledger.after(after) if after is not None else ledger
    return settle(ledger, records, after, abort_reason=abort_reason)


ETH = position("2")
FLAT = sieve_of(position("0"))


def test_flat_needs_an_order_that_filled_and_a_reading_that_shows_zero_i9() -> None:
    before = sieve_of(ETH)

    told = settled(before, orders_for(before, OrderState.FILLED), FLAT)

    assert told.verdict is RunVerdict.FLAT
    assert told.outcomes[0].fate is PositionFate.CLOSED
    assert told.counts == Counts(seen=1, zero=0, nonzero=1, filtered=1, sent=1, ok=1, orders_sent=1, orders_ok=1)


def test_without_a_last_reading_nothing_is_flat_i14() -> None:
    before = sieve_of(ETH)

    told = settled(before, orders_for(before, OrderState.FILLED), None)

    assert told.verdict is RunVerdict.NOT_FLAT
    assert told.counts.ok == 0
    assert told.residual[0].quantity is None


def test_an_unreadable_row_in_the_last_reading_is_a_residual_i14() -> None:
    after = sieved(reading(position("0"), unreadable=(unreadable_row(),)), {}, {}, Scope(), LIMITS)

    told = settled(after, [], after)

    assert told.verdict is RunVerdict.NOT_FLAT
    assert (told.residual[0].symbol, told.residual_unpriced) == ("NANUSDT", 1)


def test_a_closed_position_whose_row_is_gone_is_open_for_all_we_know_i14() -> None:
    before = sieve_of(ETH, position("0", symbol="BTCUSDT"))
    after = sieved(reading(position("0", symbol="BTCUSDT")), {}, LISTED, Scope(), LIMITS)

    told = settled(before, orders_for(before, OrderState.FILLED), after)

    assert told.verdict is RunVerdict.NOT_FLAT
    assert (told.outcomes[0].fate, told.outcomes[0].quantity_after) == (PositionFate.OPEN, None)
    assert told.counts.ok == 0


def test_a_closed_position_whose_row_became_unreadable_is_open_for_all_we_know_i14() -> None:
    before = sieve_of(ETH)
    after = sieved(reading(unreadable=(unreadable_row("ETHUSDT"),)), {}, LISTED, Scope(symbols=("ETHUSDT",)), LIMITS)

    told = settled(before, orders_for(before, OrderState.FILLED), after)

    assert (told.verdict, told.outcomes[0].fate) == (RunVerdict.NOT_FLAT, PositionFate.OPEN)


def test_a_waiting_order_that_may_open_a_position_forbids_flat() -> None:
    before = sieve_of(ETH)
    ledger = Ledger().after(before).after(FLAT)

    told = settle(
        ledger,
        orders_for(before, OrderState.FILLED),
        FLAT,
        abort_reason="",
        may_reopen=True,
    )

    assert (told.verdict, told.residual) == (RunVerdict.NOT_FLAT, ())


def test_positions_that_were_not_read_after_waiting_orders_prove_nothing_i9() -> None:
    before = sieve_of(ETH)
    ledger = Ledger().after(before).after(FLAT)

    told = settle(ledger, orders_for(before, OrderState.FILLED), FLAT, abort_reason="", in_order=False)

    assert told.verdict is RunVerdict.NOT_FLAT


def test_without_a_last_reading_what_is_outside_the_scope_is_no_residual() -> None:
    rows = reading(ETH, position("1", symbol="BTCUSDT"))
    before = sieved(rows, {}, LISTED, Scope(symbols=("ETHUSDT",)), LIMITS)

    assert [left.symbol for left in settled(before, [], None).residual] == ["ETHUSDT"]


@pytest.mark.parametrize("state", [OrderState.UNKNOWN, OrderState.INTENDED])
def test_an_order_that_may_be_live_forbids_flat_even_when_the_reading_shows_zero_i9(state: OrderState) -> None:
    before = sieve_of(ETH)

    assert settled(before, orders_for(before, state, "0"), FLAT).verdict is RunVerdict.NOT_FLAT


def test_a_position_that_is_gone_without_our_fill_is_not_ok() -> None:
    before = sieve_of(ETH)

    told = settled(before, orders_for(before, OrderState.REFUSED, "0"), FLAT)

    assert told.outcomes[0].fate is PositionFate.GONE
    assert (told.counts.sent, told.counts.ok, told.counts.errors) == (1, 0, 1)


def test_a_position_whose_orders_never_left_was_not_attempted_and_says_why() -> None:
    before = sieve_of(ETH)
    (record,) = orders_for(before, OrderState.UNSENT, "0")

    told = settled(before, [replace(record, reached_wire=False)], before, abort_reason="bob asked to abort")

    assert (told.outcomes[0].fate, told.outcomes[0].why) == (PositionFate.NOT_ATTEMPTED, "as told")
    assert (told.counts.sent, told.counts.orders_sent, told.counts.errors) == (0, 0, 0)


def test_a_position_that_stayed_outside_the_price_band_says_both_answers() -> None:
    before = sieve_of(ETH)
    (market,) = orders_for(before, OrderState.REFUSED, "0")
    market = replace(market, outside_band=True, detail="-4131")
    limit = replace(market, outside_band=False, round_number=2, state=OrderState.PARTIAL, detail="EXPIRED")

    (outcome,) = settled(before, [market, limit], before).outcomes

    assert outcome.why == "the exchange shows 2; last order partial: EXPIRED; market orders are refused: -4131"


def test_a_position_that_changed_sign_is_open_i6() -> None:
    before = sieve_of(ETH)

    told = settled(before, orders_for(before, OrderState.FILLED), sieve_of(position("-1")))

    assert told.verdict is RunVerdict.NOT_FLAT
    assert told.residual[0].quantity == -1
    assert told.outcomes[0].fate is PositionFate.OPEN


def test_a_rest_below_one_step_is_a_residual_and_the_close_still_counts() -> None:
    before = sieve_of(position("2.0005", mark="10"))

    told = settled(before, orders_for(before, OrderState.FILLED), sieve_of(position("0.0005", mark="10")))

    assert told.verdict is RunVerdict.FLAT_EXCEPT_DUST
    assert (told.counts.ok, told.residual_notional_usd) == (1, Decimal("0.005"))


def test_a_rest_below_one_step_that_is_worth_more_than_dust_is_not_flat() -> None:
    listed = {"ETHUSDT": instrument(step="1")}
    before = sieve_of(position("0.5", mark="100"), listed=listed)

    assert settled(before, [], before).verdict is RunVerdict.NOT_FLAT


def test_dust_alone_is_flat_except_dust() -> None:
    before = sieve_of(position("0.001", mark="10"))

    assert settled(before, [], before).verdict is RunVerdict.FLAT_EXCEPT_DUST


def test_an_aborted_run_says_so_whatever_the_exchange_shows() -> None:
    before = sieve_of(ETH)

    told = settled(before, [], before, abort_reason="the ESS latch is not set")

    assert told.verdict is RunVerdict.ABORTED
    assert told.outcomes[0].fate is PositionFate.NOT_ATTEMPTED
    assert told.residual_notional_usd == 200


def test_a_position_that_appears_during_the_run_is_counted() -> None:
    before = sieve_of(ETH, position("0", symbol="BTCUSDT"))
    after = sieve_of(position("0"), position("1", symbol="BTCUSDT"))

    told = settled(before, orders_for(before, OrderState.FILLED), after)

    assert (told.counts.nonzero, told.counts.filtered, told.counts.sent, told.counts.ok) == (2, 2, 1, 1)
    assert told.verdict is RunVerdict.NOT_FLAT


@given(universes(), universes(), st.data())
def test_the_counts_add_up_for_any_two_readings_and_any_answers_i8(
    first: Universe, second: Universe, data: st.DataObject
) -> None:
    before, after = (sieved(rows, {}, listed, Scope(), LIMITS) for rows, listed in (first, second))
    planned = plan_round(before.to_close, first[1], request_id="req-1", round_number=1)
    records = [
        replace(
            intended(order, 1),
            state=data.draw(st.sampled_from(list(OrderState))),
            reached_wire=data.draw(st.booleans()),
            filled=data.draw(st.sampled_from([Decimal(0), order.order.quantity])),
        )
        for order in planned
    ]
    ledger = Ledger().after(before).after(after)

    told = settle(ledger, records, after, abort_reason="")

    counts = told.counts  # the struct itself refuses sums that do not hold
    assert counts.seen >= counts.nonzero >= counts.filtered >= counts.sent >= counts.ok
    assert len(told.outcomes) == counts.nonzero
    still_open = len(after.nonzero) + len(after.unreadable) + len(after.missing)
    assert len(told.residual) == still_open, "every open position, unreadable row and missing row is named"
    assert told.verdict is not RunVerdict.FLAT or still_open == 0


def test_counts_that_do_not_add_up_cannot_be_made_i8() -> None:
    with pytest.raises(ValueError, match="seen = zero"):
        Counts(seen=674, nonzero=44)
