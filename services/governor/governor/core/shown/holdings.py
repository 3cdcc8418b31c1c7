"""The open positions by notional, each against its target and burst cap."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Context, Decimal

from msgspec import Struct

from contracts.positions import AllocationCheck, AllocationMode, AllocationVerdict, OpenPosition, PositionSnapshot

_EXACT = Context(prec=60, traps=[])
NOT_CHECKED = "not_checked"
"""The P2.9 check is off, or was not done yet."""


class Holding(Struct, frozen=True, array_like=True):
    """One open symbol. Travels as a list: hundreds of them go to every page, every second."""

    symbol: str
    side: str
    """`long`, `short`, or `both` where it has a leg of each; empty when only the check knows of it."""
    usd: str | None
    """Gross notional with two digits; nothing when it is not known."""
    target_usd: str | None
    cap_usd: str | None
    ratio: str | None
    verdict: str
    shadow: bool
    """Whether the target is only watched."""
    note: str


class Holdings(Struct, frozen=True, kw_only=True):
    """All of them, those whose notional is not known first, then the largest first."""

    checked: bool
    """Whether there is a P2.9 check of them."""
    total_usd: str
    """Of those whose notional is known."""
    unknown: int
    """How many notionals are not known."""
    verdicts: Mapping[str, int]
    rows: tuple[Holding, ...]


def ordered(checks: Iterable[AllocationCheck]) -> list[AllocationCheck]:
    """The open ones, in the order in which they are shown."""
    held = [check for check in checks if check.verdict is not AllocationVerdict.FLAT]
    return sorted(held, key=lambda check: (check.position_usd is not None, -(check.position_usd or 0), check.symbol))


def unchecked(snapshot: PositionSnapshot | None) -> list[AllocationCheck]:
    """What a snapshot alone tells of each open symbol: its notional, and no target."""
    if snapshot is None:
        return []
    usd: dict[str, Decimal | None] = {row.symbol: None for row in snapshot.unreadable}
    for position in snapshot.positions:
        price = position.mark_price if position.mark_price is not None else snapshot.marks.get(position.symbol)
        known = usd.get(position.symbol, Decimal(0))
        if known is None or price is None or price <= 0:
            usd[position.symbol] = None
        else:
            usd[position.symbol] = _EXACT.add(known, _EXACT.multiply(abs(position.quantity), price))
    return [
        AllocationCheck(
            symbol=symbol,
            verdict=AllocationVerdict.UNPRICED if amount is None else AllocationVerdict.MISSING,
            position_usd=amount,
        )
        for symbol, amount in usd.items()
    ]


def sides(positions: Iterable[OpenPosition]) -> dict[str, str]:
    """Symbol → the side of its position, or `both`."""
    found: dict[str, str] = {}
    for position in positions:
        side = "long" if position.quantity > 0 else "short"
        found[position.symbol] = side if found.get(position.symbol, side) == side else "both"
    return found


def holdings_of(checks: Sequence[AllocationCheck], side: Mapping[str, str], *, checked: bool) -> list[Holding]:
    """A row for each check, in the same order: a part of them at a time, so that nobody waits for all."""
    return [
        Holding(
            check.symbol,
            side.get(check.symbol, ""),
            _cents(check.position_usd),
            _cents(check.target_usd),
            _cents(check.burst_cap_usd),
            None if check.ratio is None else format(check.ratio, "f"),
            check.verdict.value if checked or check.verdict is AllocationVerdict.UNPRICED else NOT_CHECKED,
            check.mode is AllocationMode.SHADOW,
            check.note,
        )
        for check in checks
    ]


def holdings(checks: Sequence[AllocationCheck], rows: Iterable[Holding], *, checked: bool) -> Holdings:
    """The rows with their sums; `checks` are what they were made of."""
    counted: dict[str, int] = {}
    total = Decimal(0)
    kept = tuple(rows)
    for row in kept:
        counted[row.verdict] = counted.get(row.verdict, 0) + 1
    for check in checks:
        if check.position_usd is not None:
            total = _EXACT.add(total, check.position_usd)
    unknown = sum(row.usd is None for row in kept)
    return Holdings(checked=checked, total_usd=format(total, ".2f"), unknown=unknown, verdicts=counted, rows=kept)


def _cents(amount: Decimal | None) -> str | None:
    return None if amount is None else format(amount, ".2f")
