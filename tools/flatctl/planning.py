"""From a reading of the account to the plan. Pure; the reading is `flatctl.account`."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from closing.filters import Bucket, PositionKey, Sieve, Sifted
from closing.forecast import ROUNDS_MAX, Forecast, forecast
from closing.planning import PlannedOrder
from closing.waiting import left_waiting
from contracts.arming import Scope
from contracts.flattening import Counts
from exchange.budget import Pace
from exchange.model import Listings, ReducingOrder
from flatctl.account import Account
from flatctl.figures import some
from flatctl.plan import Estimate, LeftAlone, Plan, PlannedClose, Unread, sealed
from flatctl.settings import FlatctlSettings

_ANSWERS_OF_A_ROUND = 4
"""To its orders, and then, one after the other: conditional orders, waiting orders, positions."""
_ANSWERS_OF_CANCELLING = 3
"""To the cancels, to the reading that shows what is gone, and to the one that the orders are made from."""


def make_plan(
    account: Account,
    listings: Listings,
    settings: FlatctlSettings,
    scope: Scope,
    pace: Callable[[Sequence[ReducingOrder]], Pace],
) -> Plan:
    """What the executor would do with this reading, by the executor's own filters and planning.

    It reads the exchange's rules anew; the executor's may be minutes old, so that it may try an order that a rule which
    changed meanwhile forbids. The exchange refuses it, and the position stays open all the same.
    """
    limits = settings.limits
    told = forecast(account.reading, account.marks, listings, scope, limits, mode=account.mode)
    resting = tuple(left_waiting(order) for order in account.resting if scope.covers(order.symbol))
    to_close = _to_close(told)
    return sealed(
        Plan(
            environment=settings.exchange_env,
            account=settings.account,
            namespace=settings.flatten_namespace,
            scope=scope,
            taken_at_ms=account.reading.started_at_ms,
            read_ms=account.read_ms,
            limits=limits,
            position_mode=account.mode,
            counts=counts_of(told.before),
            would_abort=told.would_abort,
            to_close=to_close,
            notional_usd=sum((row.notional_usd for row in to_close if row.notional_usd is not None), Decimal(0)),
            unpriced=sum(row.notional_usd is None for row in to_close),
            resting=resting,
            left_open=tuple(_left(sifted, told.would_abort) for sifted in told.after.open_in_scope),
            out_of_scope=tuple(row.position.symbol for row in told.before.in_bucket(Bucket.OUT_OF_SCOPE)),
            unread=unread_rows(told.before),
            troubles=account.troubles,
            notes=tuple(_notes(told.before, listings)),
            estimate=_estimate(told, account.reading.read_ms, pace, cancels=bool(resting)),
        )
    )


def counts_of(sieve: Sieve) -> Counts:
    """The funnel as far as it goes without an order."""
    return Counts(
        seen=sieve.seen,
        zero=sieve.zero,
        unreadable=len(sieve.unreadable),
        nonzero=len(sieve.nonzero),
        dust=len(sieve.in_bucket(Bucket.DUST)),
        below_step=len(sieve.in_bucket(Bucket.BELOW_STEP)),
        untradable=len(sieve.in_bucket(Bucket.UNTRADABLE)),
        out_of_scope=len(sieve.in_bucket(Bucket.OUT_OF_SCOPE)),
        filtered=len(sieve.to_close),
    )


def unread_rows(sieve: Sieve) -> tuple[Unread, ...]:
    """Rows inside the scope that are missing or could not be read."""
    return (
        *(Unread(symbol=row.symbol, why=f"{row.field}: {row.problem}") for row in sieve.hidden),
        *(Unread(symbol=row.symbol, why=row.why) for row in sieve.missing),
    )


def _to_close(told: Forecast) -> tuple[PlannedClose, ...]:
    orders: dict[PositionKey, list[PlannedOrder]] = {}
    for order in told.orders:
        orders.setdefault(order.key, []).append(order)
    held = {sifted.key: sifted for sifted in told.before.to_close}
    return tuple(_close(held[key], of_position) for key, of_position in orders.items())


def _close(sifted: Sifted, orders: Sequence[PlannedOrder]) -> PlannedClose:
    position = sifted.position
    return PlannedClose(
        symbol=position.symbol,
        position_side=position.side,
        quantity=position.quantity,
        order_side=orders[0].order.side,
        closing_quantity=sum((order.order.quantity for order in orders), Decimal(0)),
        orders=len(orders),
        rounds=max(order.round_number for order in orders),
        mark_price=sifted.mark_price,
        notional_usd=sifted.notional_usd,
        unrealised_pnl=position.unrealised_pnl,
    )


def _left(sifted: Sifted, would_abort: str) -> LeftAlone:
    return LeftAlone(
        symbol=sifted.position.symbol,
        position_side=sifted.position.side,
        quantity=sifted.position.quantity,
        notional_usd=sifted.notional_usd,
        bucket=sifted.bucket,
        why=sifted.why or would_abort or f"it takes more than {ROUNDS_MAX} rounds of orders",
        negligible=sifted.negligible,
    )


def _notes(sieve: Sieve, listings: Listings) -> Iterable[str]:
    if listings.unreadable:
        yield f"symbols whose rules cannot be read: {some(sorted(listings.unreadable))}"
    if sieve.unshown:
        yield f"symbols that take no orders and have no position row, taken as not held: {some(sieve.unshown)}"


def _estimate(
    told: Forecast, answer_ms: int, pace: Callable[[Sequence[ReducingOrder]], Pace], *, cancels: bool
) -> Estimate:
    """The exchange answers a run so many times in a row; what the limits hold back comes on top."""
    paced = pace([planned.order for planned in told.orders])
    rounds = len(told.rounds)
    # With nothing to close there still is a reading that proves it, in its order.
    proofs = _ANSWERS_OF_A_ROUND * rounds if rounds else _ANSWERS_OF_A_ROUND - 1
    answers = 1 + proofs + (_ANSWERS_OF_CANCELLING if cancels else 0)
    return Estimate(
        total_ms=answers * answer_ms + paced.held_back_ms,
        answers=answers,
        answer_ms=answer_ms,
        rounds=rounds,
        pace=paced,
    )
