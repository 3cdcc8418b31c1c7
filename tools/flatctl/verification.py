"""What `verify` found at the exchange, and how others' words differ from it: values and comparisons. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from msgspec import Struct

from contracts.arming import Scope
from contracts.flattening import FlattenCompleted
from contracts.positions import PositionSnapshot
from contracts.vocabulary import PositionSide
from exchange.model import PositionReading
from flatctl.figures import quantity, span

Key = tuple[str, PositionSide]
ZERO = Decimal(0)


class Difference(Struct, frozen=True, kw_only=True):
    """One position of which somebody said something else than the exchange shows."""

    symbol: str
    position_side: PositionSide | None
    """Nothing where the other does not tell legs apart: then quantities are the sum of both."""
    said: Decimal | None
    """Nothing when the other said nothing, or nothing that could be understood."""
    shown: Decimal | None
    """By the exchange; nothing when its row is missing or could not be read."""
    why: str


class Compared(Struct, frozen=True, kw_only=True):
    """What another source says, beside the exchange."""

    source: str
    about: str
    """What it is, how old, and what it said as a whole."""
    differences: tuple[Difference, ...] = ()
    unread: str = ""
    """Why it could not be compared; empty when it was."""


class Shown(Struct, frozen=True, kw_only=True):
    """What the exchange shows inside the scope: not zero, or surely zero; about all else it says nothing."""

    open: Mapping[Key, Decimal]
    readable: frozenset[str]
    started_at_ms: int

    def quantity_of(self, key: Key) -> Decimal | None:
        """The signed quantity; nothing when no row says it."""
        if key in self.open:
            return self.open[key]
        return ZERO if key[0] in self.readable else None

    def net_of(self, symbol: str) -> Decimal | None:
        """Both legs added up; nothing when no row says it."""
        if symbol not in self.readable:
            return None
        return sum((amount for (name, _), amount in self.open.items() if name == symbol), ZERO)


def shown_by(reading: PositionReading, scope: Scope, readable: Iterable[str]) -> Shown:
    """The part of a reading that the scope covers. `readable`: symbols every leg of which has a row."""
    return Shown(
        open={
            (row.symbol, row.side): row.quantity
            for row in reading.positions
            if row.quantity != 0 and scope.covers(row.symbol)
        },
        readable=frozenset(symbol for symbol in readable if scope.covers(symbol)),
        started_at_ms=reading.started_at_ms,
    )


def against_run(completed: FlattenCompleted, shown: Shown, scope: Scope) -> Compared:
    """What is different since the last run ended."""
    left = {(row.symbol, row.position_side): row.quantity_after for row in completed.outcomes}
    keys = dict.fromkeys([*left, *shown.open])
    told = (_since_run(key, left, shown) for key in keys if scope.covers(key[0]))
    ago = span(max(0, shown.started_at_ms - completed.timings.finished_at_ms))
    return Compared(
        source="last run",
        about=f"{completed.request_id}, finished {ago} before this reading, said {completed.verdict}",
        differences=tuple(difference for difference in told if difference is not None),
    )


def _since_run(key: Key, left: Mapping[Key, Decimal | None], shown: Shown) -> Difference | None:
    now = shown.quantity_of(key)
    if key not in left:
        return _difference(key, None, now, "the run saw nothing here: it was opened since")
    then = left[key]
    if then is None:
        why = "the run could not say what was left" if now != 0 else "the run could not say; the exchange shows none"
    elif now is None:
        why = "the exchange shows no row that can be read"
    elif now == then:
        return None
    elif then == 0:
        why = "the run left nothing here: it was opened again since"
    elif now == 0:
        why = "the run left it open: it was closed since"
    else:
        why = "the run left it open: it changed since"
    return _difference(key, then, now, why)


def against_snapshot(snapshot: PositionSnapshot, shown: Shown, scope: Scope) -> Compared:
    """How the oracle's newest reading differs from this one."""
    age = span(max(0, shown.started_at_ms - snapshot.taken_at_ms))
    said = {(row.symbol, row.position_side): row.quantity for row in snapshot.positions}
    odd = {row.symbol for row in snapshot.unreadable}
    found: list[Difference] = []
    for key in dict.fromkeys([*said, *shown.open]):
        then, now = said.get(key, ZERO), shown.quantity_of(key)
        if not scope.covers(key[0]) or now == then:
            continue
        if key[0] in odd:
            found.append(_difference(key, None, now, "the oracle could not read this row"))
        elif now is None:
            found.append(_difference(key, then, None, "the exchange shows no row that can be read"))
        else:
            found.append(_difference(key, then, now, f"it changed in the {age} between the two readings"))
    unreadable = f", {len(odd)} rows unreadable" if odd else ""
    return Compared(
        source="oracle's snapshot",
        about=f"taken {age} before this reading: {len(snapshot.positions)} open{unreadable}",
        differences=tuple(found),
    )


class CachedLeg(Struct, frozen=True, kw_only=True):
    """What a cached value says of a position, as far as it is understood."""

    quantity: Decimal
    """Signed."""
    leg: bool
    """Whether it names a side: then it is about that leg alone."""


class Cached(Struct, frozen=True, kw_only=True):
    """One cached key."""

    key: str
    symbol: str
    legs: tuple[CachedLeg, ...] = ()
    """Empty with a `problem`, and for a value that holds no position at all."""
    written_at_ms: int | None = None
    """When it says that it was written."""
    problem: str = ""
    """Why the value is not understood; empty when it is."""


def against_cache(prefix: str, looked: int, cached: Iterable[Cached], shown: Shown) -> Compared:
    """How cached position keys differ from the exchange. They are others' and may be old: they prove nothing."""
    kept = {entry.symbol: entry for entry in cached}
    about = f"{len(kept)} of {looked} symbols have a key {prefix}<symbol>; a cache proves nothing, the exchange does"
    if not kept:
        return Compared(source="cache", about=f"no key {prefix}<symbol> for any of {looked} symbols")
    differences = [difference for entry in kept.values() for difference in _of_entry(entry, shown)]
    differences += [
        _difference((symbol, None), None, shown.net_of(symbol), "open at the exchange, and the cache has no key for it")
        for symbol in dict.fromkeys(symbol for symbol, _ in shown.open)
        if symbol not in kept
    ]
    return Compared(source="cache", about=about, differences=tuple(differences))


def _of_entry(entry: Cached, shown: Shown) -> Iterator[Difference]:
    net = shown.net_of(entry.symbol)
    if entry.problem:
        yield _difference((entry.symbol, None), None, net, f"the cached value is not understood: {entry.problem}")
        return
    said = sum((leg.quantity for leg in entry.legs), ZERO)
    if net is None:
        yield _difference((entry.symbol, None), said, None, "the exchange shows no row that can be read")
        return
    by_leg = any(leg.leg for leg in entry.legs)
    if said == net and not (
        by_leg and _sides(leg.quantity for leg in entry.legs) != _sides(_legs(entry.symbol, shown))
    ):
        return
    yield _difference((entry.symbol, None), said, net, f"{_explained(said, net)}{_age(entry, shown)}")


def _explained(said: Decimal, net: Decimal) -> str:
    if said == net:
        return "the legs differ, only their sum is the same"
    if net == 0:
        return "the exchange shows none: it was closed, and the cache was not told"
    if said == 0:
        return "the exchange shows it open: the cache was not told, or was cleared"
    if (said > 0) != (net > 0):
        return "the exchange shows the other side"
    return "the exchange shows another quantity"


def _age(entry: Cached, shown: Shown) -> str:
    if entry.written_at_ms is None:
        return "; how old the cached value is, it does not say"
    age_ms = shown.started_at_ms - entry.written_at_ms
    return f"; the cached value is {span(age_ms)} old" if age_ms >= 0 else "; the cached value says it is from later"


def _legs(symbol: str, shown: Shown) -> Iterator[Decimal]:
    return (amount for (name, _), amount in shown.open.items() if name == symbol)


def _sides(amounts: Iterable[Decimal]) -> tuple[Decimal, Decimal]:
    """The long and the short total."""
    kept = list(amounts)
    return sum((a for a in kept if a > 0), ZERO), sum((a for a in kept if a < 0), ZERO)


def _difference(
    key: tuple[str, PositionSide | None], said: Decimal | None, shown: Decimal | None, why: str
) -> Difference:
    return Difference(symbol=key[0], position_side=key[1], said=said, shown=shown, why=why)


def difference_text(difference: Difference) -> tuple[str, str]:
    """What the other said, and what the exchange shows."""
    said = "nothing" if difference.said is None else quantity(difference.said)
    return said, "not known" if difference.shown is None else quantity(difference.shown)
