"""From what a run saw and did to what it says: the counts, every position's fate, the residual, the verdict."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from closing.filters import Bucket, PositionKey, Sieve, Sifted
from contracts.flattening import Counts, OrderState, PositionFate, PositionOutcome, Residual, RunVerdict
from contracts.vocabulary import PositionSide
from flatten_executor.core.ledger import Ledger, LedgerEntry
from flatten_executor.core.orders import OrderRecord

_FATE_LEFT_ALONE = {
    Bucket.DUST: PositionFate.DUST,
    Bucket.BELOW_STEP: PositionFate.BELOW_STEP,
    Bucket.UNTRADABLE: PositionFate.UNTRADABLE,
    Bucket.OUT_OF_SCOPE: PositionFate.OUT_OF_SCOPE,
}
_TOO_SMALL = frozenset({Bucket.DUST, Bucket.BELOW_STEP})
_CLOSED = frozenset({PositionFate.CLOSED, PositionFate.DUST, PositionFate.BELOW_STEP})
"""Fates of a position that was to be closed, and whose close filled as far as orders can."""
_NAMED_MAX = 3
_ERRORS = frozenset(
    {OrderState.REFUSED, OrderState.FAILED, OrderState.UNSENT, OrderState.PARTIAL, OrderState.NEVER_ARRIVED}
)


class Settled(Struct, frozen=True, kw_only=True):
    """What the run says of the positions."""

    verdict: RunVerdict
    counts: Counts
    outcomes: tuple[PositionOutcome, ...]
    residual: tuple[Residual, ...]
    residual_notional_usd: Decimal
    residual_unpriced: int


def settle(
    ledger: Ledger,
    records: Sequence[OrderRecord],
    last_reading: Sieve | None,
    *,
    abort_reason: str,
    may_reopen: bool = False,
    in_order: bool = True,
) -> Settled:
    """Account for every position.

    `last_reading` began after the last order's end, or is nothing: then nobody knows what is open, and the verdict
    cannot be flat (I9, I14). Nor can it be when a waiting order may open a position again (`may_reopen`), or could do
    so unseen, because positions were not read after waiting orders (`in_order`).
    """
    known = last_reading is not None and in_order
    by_key: dict[PositionKey, list[OrderRecord]] = {}
    for record in records:
        by_key.setdefault(record.key, []).append(record)
    outcomes = tuple(_outcome(entry, by_key.get(entry.key, []), last_reading) for entry in ledger.entries)
    residual = _residual(ledger, outcomes, last_reading)
    return Settled(
        verdict=_verdict(records, last_reading if known else None, residual, abort_reason, may_reopen=may_reopen),
        counts=_counts(ledger, records, outcomes),
        outcomes=outcomes,
        residual=residual,
        residual_notional_usd=sum(
            (left.notional_usd for left in residual if left.notional_usd is not None), Decimal(0)
        ),
        residual_unpriced=sum(left.notional_usd is None for left in residual),
    )


def _outcome(entry: LedgerEntry, records: Sequence[OrderRecord], last_reading: Sieve | None) -> PositionOutcome:
    after = last_reading.quantity_of(entry.key) if last_reading is not None else None
    filled = sum((record.filled for record in records), Decimal(0))
    left = last_reading.find(entry.key) if last_reading is not None else None
    fate, why = _fate(entry, records, after, filled, left)
    return PositionOutcome(
        symbol=entry.key.symbol,
        position_side=entry.key.side,
        quantity_before=entry.quantity_before,
        quantity_after=after,
        mark_price=entry.mark_price,
        notional_usd=entry.notional_usd,
        fate=fate,
        why=why,
        order_side=_last(records).order_side if records else None,
        client_order_ids=tuple(record.client_order_id for record in records),
        exchange_order_ids=tuple(record.exchange_order_id for record in records if record.exchange_order_id),
        filled_quantity=filled,
    )


def _fate(
    entry: LedgerEntry,
    records: Sequence[OrderRecord],
    after: Decimal | None,
    filled: Decimal,
    left: Sifted | None,
) -> tuple[PositionFate, str]:
    if entry.bucket is not Bucket.TO_CLOSE:
        return _FATE_LEFT_ALONE[entry.bucket], entry.why
    if after == 0 and filled >= abs(entry.quantity_before):
        return PositionFate.CLOSED, ""
    if after == 0:
        return PositionFate.GONE, f"the exchange shows zero, of which our orders filled {filled}"
    if left is not None and left.bucket in _TOO_SMALL and filled > 0:
        return _FATE_LEFT_ALONE[left.bucket], f"our orders filled {filled}; the rest, {after}, is left: {left.why}"
    if not any(record.reached_wire for record in records):
        return PositionFate.NOT_ATTEMPTED, _last(records).detail if records else "no order was sent"
    last = _last([record for record in records if record.reached_wire])
    shown = "the exchange could not be read, or shows no row" if after is None else f"the exchange shows {after}"
    barred = next((f"; market orders are refused: {record.detail}" for record in records if record.outside_band), "")
    return PositionFate.OPEN, f"{shown}; last order {last.state}: {last.detail}{barred}"


def _last(records: Sequence[OrderRecord]) -> OrderRecord:
    return max(records, key=lambda record: (record.round_number, record.chunk))


def _key(outcome: PositionOutcome) -> PositionKey:
    return PositionKey(outcome.symbol, outcome.position_side)


def _residual(ledger: Ledger, outcomes: Sequence[PositionOutcome], last_reading: Sieve | None) -> tuple[Residual, ...]:
    fates = {_key(outcome): outcome for outcome in outcomes}
    if last_reading is None:
        return tuple(
            Residual(
                symbol=entry.key.symbol,
                position_side=entry.key.side,
                quantity=None,
                notional_usd=entry.notional_usd,
                reason="the exchange could not be read after the last order; this is what was open before",
            )
            for entry in ledger.entries
            if entry.bucket is not Bucket.OUT_OF_SCOPE
        )
    unreadable = (
        Residual(
            symbol=row.symbol,
            position_side=PositionSide.BOTH,
            quantity=None,
            notional_usd=None,
            reason=f"unreadable: {row.field} {row.problem}",
        )
        for row in last_reading.hidden
    )
    missing = (
        Residual(symbol=row.symbol, position_side=PositionSide.BOTH, quantity=None, notional_usd=None, reason=row.why)
        for row in last_reading.missing
    )
    return (*(_open(sifted, fates) for sifted in last_reading.open_in_scope), *unreadable, *missing)


def _open(sifted: Sifted, fates: Mapping[PositionKey, PositionOutcome]) -> Residual:
    outcome = fates.get(sifted.key)
    reason = sifted.why or (outcome.why if outcome is not None else "") or "still open"
    bucket = "" if sifted.bucket is Bucket.TO_CLOSE else f"{sifted.bucket}: "
    return Residual(
        symbol=sifted.position.symbol,
        position_side=sifted.position.side,
        quantity=sifted.position.quantity,
        notional_usd=sifted.notional_usd,
        reason=f"{bucket}{reason}",
    )


def _verdict(
    records: Sequence[OrderRecord],
    last_reading: Sieve | None,
    residual: Sequence[Residual],
    abort_reason: str,
    *,
    may_reopen: bool,
) -> RunVerdict:
    if abort_reason:
        return RunVerdict.ABORTED
    if last_reading is None or not last_reading.whole or any(record.may_be_live for record in records) or may_reopen:
        return RunVerdict.NOT_FLAT
    if not residual:
        return RunVerdict.FLAT
    negligible = all(sifted.negligible for sifted in last_reading.open_in_scope)
    return RunVerdict.FLAT_EXCEPT_DUST if negligible else RunVerdict.NOT_FLAT


def _counts(ledger: Ledger, records: Sequence[OrderRecord], outcomes: Sequence[PositionOutcome]) -> Counts:
    buckets = {bucket: len(ledger.keys_in((bucket,))) for bucket in Bucket}
    to_close = ledger.keys_in((Bucket.TO_CLOSE,))
    sent = [record for record in records if record.reached_wire]
    closed = {_key(outcome) for outcome in outcomes if outcome.fate in _CLOSED}
    sent_keys = {record.key for record in sent}
    nonzero = len(ledger.entries)
    return Counts(
        seen=ledger.seen,
        zero=ledger.seen - ledger.unreadable - nonzero,
        unreadable=ledger.unreadable,
        nonzero=nonzero,
        dust=buckets[Bucket.DUST],
        below_step=buckets[Bucket.BELOW_STEP],
        untradable=buckets[Bucket.UNTRADABLE],
        out_of_scope=buckets[Bucket.OUT_OF_SCOPE],
        filtered=len(to_close),
        sent=len(to_close & sent_keys),
        ok=len(closed & to_close & sent_keys),
        orders_sent=len(sent),
        orders_ok=sum(record.state is OrderState.FILLED for record in sent),
        errors=sum(record.state in _ERRORS for record in sent),
        unknown=sum(record.may_be_live for record in sent),
        resting_cancelled=ledger.resting_cancelled,
    )


def rules_unread(unreadable: Mapping[str, str]) -> str:
    """A note of the symbols whose rules cannot be read: the first few by name."""
    return _note(
        "symbols whose rules cannot be read", [f"{symbol}: {why}" for symbol, why in sorted(unreadable.items())]
    )


def rows_unshown(symbols: Sequence[str]) -> str:
    """A note of the symbols that take no orders, and of which the exchange shows no row."""
    return _note("symbols that take no orders and have no position row, taken as not held", symbols)


def _note(what: str, named: Sequence[str]) -> str:
    shown = "; ".join([*named[:_NAMED_MAX], "…"] if len(named) > _NAMED_MAX else named)
    return f"{what}: {len(named)} ({shown})"
