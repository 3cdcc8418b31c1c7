"""An independent look at the account: what is open now by the exchange itself, and how others' words differ from it."""

from collections.abc import Iterator
from decimal import Decimal

from msgspec import Struct
from redis.exceptions import RedisError

from closing.filters import Bucket, Sieve, Sifted, sift
from closing.waiting import left_waiting
from contracts.arming import Scope
from contracts.flattening import FlattenCompleted
from contracts.positions import PositionSnapshot
from contracts.resting import RestingLeft
from contracts.vocabulary import Environment, PositionSide
from exchange.completeness import missing_rows
from exchange.model import UNTRADABLE, Listings, PositionMode
from flatctl import exits
from flatctl.account import Account
from flatctl.cached_positions import read_cached
from flatctl.figures import some
from flatctl.history import newest
from flatctl.plan import Unread
from flatctl.planning import unread_rows
from flatctl.session import Session
from flatctl.settings import FlatctlSettings
from flatctl.verification import Compared, Shown, against_cache, against_run, against_snapshot, shown_by

_NO_LISTINGS = Listings(instruments={}, unreadable={})


class OpenNow(Struct, frozen=True, kw_only=True):
    """A position that is open now."""

    symbol: str
    position_side: PositionSide
    quantity: Decimal
    """Signed: negative is short."""
    mark_price: Decimal | None
    notional_usd: Decimal | None
    unrealised_pnl: Decimal | None
    dust: bool
    """Worth less than MIN_FLATTEN_NOTIONAL_USD, at the mark price and at its entry price."""
    why: str
    """Why a flatten would leave it, where it would."""


class Verification(Struct, frozen=True, kw_only=True):
    """`flatctl verify --json`."""

    environment: Environment
    account: str
    scope: Scope
    read_at_ms: int
    """When positions were asked for, after waiting orders had been read."""
    rows_seen: int
    symbols_seen: int
    position_mode: PositionMode
    verdict: str
    """`flat`, `flat_except_dust`, `open` or `unknown`."""
    open: tuple[OpenNow, ...]
    """Inside the scope, dust included; largest notional first, unknown ones before all."""
    notional_usd: Decimal
    """Of those whose notional is known."""
    unpriced: int
    resting: tuple[RestingLeft, ...]
    out_of_scope: tuple[str, ...]
    unread: tuple[Unread, ...]
    doubts: tuple[str, ...]
    """Why something may be open that this reading does not show, one line each; nothing when it is whole (I14)."""
    compared: tuple[Compared, ...] = ()

    @property
    def code(self) -> int:
        """The exit code: what is surely open, or may be opened, comes before what is unknown."""
        return {"open": exits.RESIDUAL, "unknown": exits.UNKNOWN}.get(self.verdict, exits.OK)

    @property
    def may_open(self) -> tuple[RestingLeft, ...]:
        """Waiting orders that may open a position."""
        return tuple(order for order in self.resting if not order.reduce_only)


def verification(account: Account, settings: FlatctlSettings, scope: Scope) -> tuple[Verification, Shown]:
    """What a reading in order says, before anybody else is asked, and the positions to compare others with. Pure."""
    reading, listings = account.reading, account.listings or _NO_LISTINGS
    sieve = sift(reading, account.marks, listings, scope, settings.limits, mode=account.mode)
    tiny = [row for row in reading.positions if 0 < abs(row.quantity) <= settings.limits.quantity_epsilon]
    rows = sorted((_open(sifted, listed=account.listings is not None) for sifted in sieve.open_in_scope), key=_rank)
    rows += [
        OpenNow(
            symbol=row.symbol,
            position_side=row.side,
            quantity=row.quantity,
            mark_price=row.mark_price,
            notional_usd=None,
            unrealised_pnl=row.unrealised_pnl,
            dust=True,
            why="at most FLATTEN_QTY_EPSILON",
        )
        for row in tiny
        if scope.covers(row.symbol)
    ]
    resting = tuple(left_waiting(order) for order in account.resting if scope.covers(order.symbol))
    unread = _unread(account, sieve, scope)
    doubts = tuple(_doubts(account, unread))
    known = [row.notional_usd for row in rows if row.notional_usd is not None]
    found = Verification(
        environment=settings.exchange_env,
        account=settings.account,
        scope=scope,
        read_at_ms=reading.started_at_ms,
        rows_seen=reading.rows_seen,
        symbols_seen=len({row.symbol for row in reading.positions} | {row.symbol for row in reading.unreadable}),
        position_mode=account.mode,
        verdict=_verdict(rows, resting, doubts),
        open=tuple(rows),
        notional_usd=sum(known, Decimal(0)),
        unpriced=len(rows) - len(known),
        resting=resting,
        out_of_scope=tuple(sifted.position.symbol for sifted in sieve.in_bucket(Bucket.OUT_OF_SCOPE)),
        unread=unread,
        doubts=doubts,
    )
    return found, shown_by(reading, scope, sieve.readable)


async def compared(session: Session, shown: Shown, listings: Listings | None, scope: Scope) -> tuple[Compared, ...]:
    """What the last run, the oracle and caches say beside this reading. None of it is needed: Redis may be away."""
    return (
        await _with_last_run(session, shown, scope),
        await _with_snapshot(session, shown, scope),
        await _with_cache(session, shown, listings, scope),
    )


async def _with_last_run(session: Session, shown: Shown, scope: Scope) -> Compared:
    settings = session.settings
    try:
        found = await newest(session.redis, settings.keys.of(FlattenCompleted))
    except RedisError as error:
        return Compared(source="last run", about="", unread=str(error))
    if found is None:
        return Compared(source="last run", about="nothing was ever flattened")
    if not isinstance(found.event, FlattenCompleted):
        return Compared(source="last run", about="", unread=found.problem or "another event")
    if (found.event.account, found.event.environment) != (settings.account, settings.exchange_env):
        other = f"{found.event.account} in {found.event.environment}"
        return Compared(source="last run", about="", unread=f"it was of account {other}")
    return against_run(found.event, shown, scope)


async def _with_snapshot(session: Session, shown: Shown, scope: Scope) -> Compared:
    settings = session.settings
    source = "oracle's snapshot"
    try:
        found = await newest(session.redis, settings.keys.of(PositionSnapshot))
    except RedisError as error:
        return Compared(source=source, about="", unread=str(error))
    if found is None:
        return Compared(source=source, about="the oracle has published nothing")
    if not isinstance(found.event, PositionSnapshot):
        return Compared(source=source, about="", unread=found.problem or "another event")
    if (found.event.account, found.event.environment) != (settings.account, settings.exchange_env):
        other = f"{found.event.account} in {found.event.environment}"
        return Compared(source=source, about="", unread=f"it is of account {other}")
    return against_snapshot(found.event, shown, scope)


async def _with_cache(session: Session, shown: Shown, listings: Listings | None, scope: Scope) -> Compared:
    prefix = session.settings.flatten_positions_prefix
    listed = (listings or _NO_LISTINGS).symbols | shown.readable | {symbol for symbol, _ in shown.open}
    symbols = sorted(symbol for symbol in listed if scope.covers(symbol))
    try:
        cached = await read_cached(session.redis, prefix, symbols)
    except RedisError as error:
        return Compared(source="cache", about="", unread=str(error))
    return against_cache(prefix, len(symbols), cached, shown)


def _open(sifted: Sifted, *, listed: bool) -> OpenNow:
    position = sifted.position
    return OpenNow(
        symbol=position.symbol,
        position_side=position.side,
        quantity=position.quantity,
        mark_price=sifted.mark_price,
        notional_usd=sifted.notional_usd,
        unrealised_pnl=position.unrealised_pnl,
        dust=sifted.negligible,
        why=sifted.why if listed else "",
    )


def _rank(row: OpenNow) -> tuple[bool, Decimal, str]:
    return row.notional_usd is not None, -(row.notional_usd or Decimal(0)), row.symbol


def _unread(account: Account, sieve: Sieve, scope: Scope) -> tuple[Unread, ...]:
    """What the filters miss, and what `exchange.completeness` misses by itself."""
    found = unread_rows(sieve)
    instruments = (account.listings or _NO_LISTINGS).instruments
    listed = [symbol for symbol, rules in instruments.items() if rules.status not in UNTRADABLE]
    known = {row.symbol for row in found}
    return (
        *found,
        *(
            Unread(symbol=row.symbol, why=f"the answer has no row of {row}")
            for row in missing_rows(account.reading, listed)
            if scope.covers(row.symbol) and row.symbol not in known
        ),
    )


def _doubts(account: Account, unread: tuple[Unread, ...]) -> Iterator[str]:
    if unread:
        names = some(list(dict.fromkeys(row.symbol for row in unread)), most=5)
        yield f"{len(unread)} rows could not be read or are missing, each may hide an open position: {names}"
    nameless = [name for name in (account.listings or _NO_LISTINGS).unreadable if " " in name]
    if nameless:
        yield f"{len(nameless)} symbols of the exchange's list have no name that can be read"
    yield from account.troubles


def _verdict(rows: list[OpenNow], resting: tuple[RestingLeft, ...], doubts: tuple[str, ...]) -> str:
    if any(not row.dust for row in rows) or any(not order.reduce_only for order in resting):
        return "open"
    if doubts:
        return "unknown"
    return "flat_except_dust" if rows else "flat"
